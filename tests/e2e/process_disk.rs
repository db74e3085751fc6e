//! F12: the disk is full. F13: files must not grow.

use std::collections::BTreeSet;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, prlimit};

use crate::process::{
    Answer, Cell, Daemon, House, Load, Plan, eventually, is_quiet, lead_body, lead_path, post,
};

/// With source and type, so that `mount` repeats no option an ordinary user may not set.
const GROW: &str = "mount -t tmpfs -o remount,size=64m none state";

fn knock(house: &House) -> Option<Answer> {
    house
        .send(&post(&lead_path(), &lead_body("knock@door.example")))
        .ok()
}

/// Waits until leads are refused, the polite way, and the operator can see why.
fn refuses(house: &House, reason: &str) {
    let answer = eventually("a refusal", || knock(house).filter(|answer| answer.status != 200));
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.header("retry-after").is_some(), "{}", answer.head);
    // A lead that was let in just before the refusal may still be kept, which clears the trouble
    // until the next refusal.
    let ready = eventually("a daemon that says it is not ready", || {
        knock(house);
        house.admin("/readyz").filter(|ready| ready.status == 503)
    });
    assert_eq!(ready.json()["reasons"][0]["reason"], reason, "{}", ready.body);
}

/// Waits until leads are kept again and the daemon says so.
fn recovers(house: &House) {
    let begun = Instant::now();
    eventually("a lead that is kept", || {
        knock(house).filter(|answer| answer.status == 200)
    });
    let kept = begun.elapsed();
    eventually("readiness", || Daemon::is_ready(house).then_some(()));
    println!(
        "leads kept again after {kept:?}, ready after {:?}",
        begun.elapsed()
    );
}

/// Every lead that was acknowledged is there.
fn complete(leads: serde_json::Value, ledger: &crate::process::Ledger) {
    let stored: BTreeSet<String> = crate::process::by_email(leads).into_keys().collect();
    let lost: Vec<String> = ledger.emails().difference(&stored).cloned().collect();
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(ledger.flaws(), Vec::<String>::new());
    assert!(ledger.count() > 0, "nothing was tried");
}

fn a_disk_that_fills(plan: &Plan, fill: &str) {
    let house = House::build(plan);
    let mut cell = Cell::with_small_disk(&house, "4m");
    cell.start_daemon();
    eventually("a ready daemon", || Daemon::is_ready(&house).then_some(()));
    let load = Load::begin(&house, 4);
    eventually("leads that are kept", || {
        (load.ledger.count() >= 20).then_some(())
    });

    cell.run(fill);
    refuses(&house, "store full");
    assert_eq!(cell.run(&format!("{GROW} && echo done")), "done");
    recovers(&house);

    let ledger = load.end();
    assert_eq!(cell.stop_daemon(), "0", "{}", house.log());
    cell.start_daemon();
    eventually("nothing left to do", || {
        is_quiet(&cell.ask("status")).then_some(())
    });
    complete(cell.ask("leads --limit 1000000"), &ledger);
}

#[test]
fn a_full_disk_refuses_leads_until_it_grows() {
    let plan = Plan {
        store: "free_space_floor = \"1KiB\"",
        ..Plan::default()
    };
    a_disk_that_fills(&plan, "dd if=/dev/zero of=state/ballast bs=4k 2>/dev/null");
}

#[test]
fn below_the_floor_leads_are_refused_before_the_disk_is_full() {
    let plan = Plan {
        store: "free_space_floor = \"128KiB\"",
        ..Plan::default()
    };
    // Leaves 100 KiB, whatever the store takes meanwhile.
    a_disk_that_fills(
        &plan,
        "free=$(df -k --output=avail state | tail -1); \
         dd if=/dev/zero of=state/ballast bs=1k count=$((free - 100)) 2>/dev/null",
    );
}

#[test]
fn a_limit_on_file_size_refuses_leads_and_does_not_kill() {
    let house = House::new();
    let mut command = std::process::Command::new("sh");
    house.furnish(&mut command);
    // Blocks of 512 bytes; the hard limit stays, so that it can be lifted again.
    command.args([
        "-c",
        "ulimit -S -f 1024; exec \"$0\" \"$@\"",
        crate::process::BINARY,
    ]);
    let mut daemon = Daemon::spawn_as(&house, &mut command);
    daemon.wait_until_ready(&house);
    let load = Load::begin(&house, 4);
    refuses(&house, "store failing");
    assert!(daemon.lives());

    let free = Rlimit {
        current: None,
        maximum: None,
    };
    prlimit(Some(daemon.pid()), Resource::Fsize, free).unwrap();
    recovers(&house);
    let ledger = load.end();
    daemon.stop();
    house.work_off();
    complete(house.ask(&["leads", "--limit", "1000000"]), &ledger);
}
