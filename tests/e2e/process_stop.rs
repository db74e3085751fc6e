//! F04: told to stop under load. F06: a second daemon. F17: the ground taken away.

use std::collections::BTreeSet;
use std::time::Instant;

use rustix::process::Signal;

use crate::process::{Daemon, House, Load, Plan, ServiceManager, eventually, lead_path};

/// Waits until the senders have something to lose.
fn under_way(load: &Load) {
    let before = load.ledger.count();
    eventually("leads that are kept", || {
        (load.ledger.count() >= before + 100).then_some(())
    });
}

#[test]
fn told_to_stop_under_load_it_answers_every_lead_it_kept_and_keeps_every_lead_it_answered() {
    let house = House::new();
    let mut answered = BTreeSet::new();
    for run in 0..5 {
        let (manager, mut daemon) = ServiceManager::start(&house, None);
        manager.await_word("READY=1");
        let load = Load::begin(&house, 8);
        under_way(&load);

        let told = Instant::now();
        daemon.signal(Signal::TERM);
        manager.await_word("STOPPING=1");
        let status = daemon.wait();
        println!("run {run}: stopped after {:?}", told.elapsed());
        let ledger = load.end();
        assert_eq!(status.code(), Some(0), "{}", house.log());
        assert_eq!(ledger.flaws(), Vec::<String>::new());
        answered.extend(ledger.emails());
    }
    house.work_off();
    // A lead in the store that its sender was not told of is an answer that was cut off.
    let stored: BTreeSet<String> = house.stored().into_keys().collect();
    let lost: Vec<_> = answered.difference(&stored).collect();
    let unanswered: Vec<_> = stored.difference(&answered).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(unanswered.is_empty(), "kept but not answered: {unanswered:?}");
}

#[test]
fn told_twice_to_stop_it_leaves_what_is_in_hand() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    // A request that never ends holds the first stop up, and not the second.
    let mut open = std::net::TcpStream::connect(house.public).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: leads.example\r\nContent-Length: 10\r\n\r\n{{",
        lead_path()
    );
    std::io::Write::write_all(&mut open, head.as_bytes()).unwrap();
    let sender = open.local_addr().unwrap().port();
    eventually("the request in hand", || has_read_all(sender).then_some(()));
    daemon.signal(Signal::TERM);
    eventually("the first word", || {
        house.log().contains("\"stopping\"").then_some(())
    });
    assert!(daemon.lives(), "the request in hand is waited for");
    let told = Instant::now();
    daemon.signal(Signal::TERM);
    let status = daemon.wait();
    println!("ended {:?} after the second word", told.elapsed());
    assert_eq!(status.code(), Some(0));
    assert!(house.log().contains("stop_forced"), "{}", house.log());
}

/// Whether somebody accepted the connection from this port and read everything that came over it.
fn has_read_all(sender: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (peer, queues, inode) = (columns[2], columns[4], columns[9]);
        peer.ends_with(&format!(":{sender:04X}")) && queues.ends_with(":00000000") && inode != "0"
    })
}

#[test]
fn a_second_daemon_names_the_first_and_writes_nothing() {
    let house = House::new();
    let mut first = Daemon::start(&house);
    let pid = first.pid().as_raw_nonzero();
    let fingerprint = || {
        let state = |name: &str| std::fs::read(house.path("state").join(name)).unwrap();
        (
            state("leadsync.db"),
            state("leadsync.db-wal"),
            state("leadsync.lock"),
        )
    };
    // The first writes by itself now and then: while it is frozen, only the second could have.
    first.freeze();
    let before = fingerprint();

    // With the very same config, and with listeners of its own.
    let elsewhere = House::build(&Plan::default());
    let same_store = [("LEADSYNC_STATE_DIR", house.path("state"))];
    for own_listeners in [false, true] {
        let place = if own_listeners { &elsewhere } else { &house };
        let mut second = place.command();
        second.arg("run").envs(same_store.clone());
        let output = second.output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{complaint}");
        assert!(complaint.contains(&format!("process {pid}")), "{complaint}");
    }
    assert!(before == fingerprint(), "something was written");
    first.signal(Signal::CONT);
    assert!(Daemon::is_ready(&house), "the first still works");
    first.stop();
}

/// Takes the database away under load; gives the moment and how the daemon ended.
fn take_the_database_away(house: &House, take: impl FnOnce()) {
    let mut daemon = Daemon::start(house);
    let load = Load::begin(house, 8);
    under_way(&load);
    take();
    let gone = Instant::now();
    let status = daemon.wait();
    println!("ended {:?} after the database went", gone.elapsed());
    let ledger = load.end();
    assert_eq!(status.code(), Some(74), "{}", house.log());
    let false_promises = ledger.kept().iter().filter(|kept| kept.sent_at > gone).count();
    assert_eq!(false_promises, 0);
    assert!(house.log().contains("store_lost"), "{}", house.log());
}

#[test]
fn once_the_database_is_deleted_no_lead_is_acknowledged() {
    let house = House::new();
    take_the_database_away(&house, || std::fs::remove_file(house.database()).unwrap());
}

#[test]
fn once_the_database_is_replaced_no_lead_is_acknowledged() {
    let house = House::new();
    let other = house.path("state/other.db");
    take_the_database_away(&house, || {
        std::fs::copy(house.database(), &other).unwrap();
        std::fs::rename(&other, house.database()).unwrap();
    });
}

#[test]
fn a_daemon_without_senders_notices_as_well_that_its_database_is_gone() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    std::fs::remove_file(house.database()).unwrap();
    assert_eq!(daemon.wait().code(), Some(74), "{}", house.log());
}

#[test]
fn whose_store_is_gone_begins_no_empty_one_until_it_is_told_to() {
    let house = House::new();
    let backup = house.path("a.backup");
    house.work_off();
    house.ask(&["backup", backup.to_str().unwrap()]);
    let take_away = || std::fs::remove_file(house.database()).unwrap();
    take_away();
    let refused = house.run(&["run"]);
    assert_eq!(refused.status.code(), Some(74), "{refused:?}");
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(
        complaint.contains("leadsync restore FILE") && complaint.contains("/applied"),
        "{complaint}"
    );
    assert!(!house.database().exists());

    house.ask(&["restore", backup.to_str().unwrap()]);
    house.work_off();
    take_away();
    std::fs::remove_dir_all(house.path("state/applied")).unwrap();
    house.work_off();
}
