//! Another config while leads come in: nothing is dropped, nothing is done twice.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leadsync_sim::webhook::{Answer, signature};
use rustix::process::Signal;
use serde_json::Value;

use crate::process::{
    Daemon, Destination, GENEROUS, House, Load, Plan, SECRET, ServiceManager, Wire, address_of_our_own,
    eventually, lead_body, lead_path, post,
};

/// A house with one destination, `crm`.
fn house(crm: &Destination) -> House {
    House::build(&Plan {
        connectors: BTreeMap::from([("crm", crm.connector())]),
        ..Plan::default()
    })
}

/// Posts a lead that must be kept.
#[track_caller]
fn send(house: &House, email: &str) {
    let answer = house.send(&post(&lead_path(), &lead_body(email))).unwrap();
    assert_eq!(answer.status, 200, "{email}");
}

/// Waits until the destination holds the person.
#[track_caller]
fn await_record(destination: &Destination, email: &str) {
    eventually(email, || destination.records().contains_key(email).then_some(()));
}

/// Waits for so many more leads than there were.
#[track_caller]
fn more(load: &Load, leads: usize) {
    let before = load.ledger.count();
    eventually("leads that are kept", || {
        (load.ledger.count() >= before + leads).then_some(())
    });
}

/// Reloads, which must succeed; gives what changed.
#[track_caller]
fn reload(house: &House) -> Value {
    house.ask(&["ctl", "reload"])
}

#[test]
fn destinations_come_move_and_go_under_load_and_each_lead_is_at_one_place_once() {
    let (old, new, second) = (Destination::open(), Destination::open(), Destination::open());
    let house = house(&old);
    let mut daemon = Daemon::start(&house);
    let load = Load::begin(&house, 4);
    for round in 0..5 {
        more(&load, 50);
        house.add_connector("second", &second.connector());
        let added = reload(&house);
        assert_eq!(added["connectors"]["added"], serde_json::json!(["second"]));
        assert_eq!(added["connectors"]["kept"], serde_json::json!(["crm"]));

        more(&load, 50);
        let target = if round % 2 == 0 { &new } else { &old };
        house.add_connector("crm", &target.connector());
        assert_eq!(
            reload(&house)["connectors"]["changed"],
            serde_json::json!(["crm"])
        );

        more(&load, 50);
        std::fs::remove_file(house.path("connectors.d/second.toml")).unwrap();
        assert_eq!(
            reload(&house)["connectors"]["removed"],
            serde_json::json!(["second"])
        );
    }
    // What waited for the second when it went is still there when it comes back.
    house.add_connector("second", &second.connector());
    assert_eq!(reload(&house)["generation"], 17);
    let ledger = load.end();
    assert_eq!(ledger.flaws(), Vec::<String>::new());
    assert_eq!(
        (ledger.refusals(), ledger.answers().len()),
        (0, 1),
        "{:?}",
        ledger.answers()
    );
    house.await_quiet();

    let mut records = old.records();
    for (email, count) in new.records() {
        *records.entry(email).or_default() += count;
    }
    let wrong: Vec<_> = ledger
        .emails()
        .into_iter()
        .filter(|email| records.get(email) != Some(&1))
        .collect();
    assert_eq!(wrong, Vec::<String>::new(), "not exactly once at the crm");
    assert!(!old.records().is_empty() && !new.records().is_empty());
    assert!(second.records().values().all(|count| *count == 1) && !second.records().is_empty());
    assert_eq!(house.misses(&ledger), Vec::<String>::new());
    daemon.stop();
}

#[test]
fn a_connector_that_is_put_back_is_called_under_the_terms_of_its_new_file() {
    let crm = Destination::open();
    let house = House::new();
    let thrifty = format!("budget = {{ calls_per_day = 1 }}\n{}", crm.connector());
    house.add_connector("crm", &thrifty);
    let mut daemon = Daemon::start(&house);
    send(&house, "first@terms.example");
    await_record(&crm, "first@terms.example");
    send(&house, "second@terms.example");
    eventually("both understood", || {
        (house.ask(&["status"])["unsettled"] == 0).then_some(())
    });

    std::fs::remove_file(house.path("connectors.d/crm.toml")).unwrap();
    reload(&house);
    house.add_connector("crm", &crm.connector());
    assert_eq!(reload(&house)["connectors"]["added"], serde_json::json!(["crm"]));
    await_record(&crm, "second@terms.example");
    daemon.stop();
}

#[test]
fn twenty_reloads_at_the_same_time_are_done_one_after_the_other() {
    let crm = Destination::open();
    let house = house(&crm);
    let mut daemon = Daemon::start(&house);
    let load = Load::begin(&house, 4);
    more(&load, 20);
    let generations: Vec<u64> = std::thread::scope(|scope| {
        let storm: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| reload(&house)["generation"].as_u64().unwrap()))
            .collect();
        storm.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut ordered = generations.clone();
    ordered.sort_unstable();
    assert_eq!(ordered, (2..22).collect::<Vec<u64>>());
    more(&load, 20);
    let ledger = load.end();
    house.await_quiet();
    assert_eq!(ledger.answers().keys().copied().collect::<Vec<_>>(), [200]);
    let records = crm.records();
    assert!(ledger.emails().iter().all(|email| records.get(email) == Some(&1)));
    daemon.stop();
}

#[test]
fn a_new_secret_of_a_source_opens_after_the_reload_and_the_old_one_does_not() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    let next = "another-secret-0123456789abcdef";
    let status = |secret: &str| {
        let path = lead_path().replace(SECRET, secret);
        house
            .send(&post(&path, &lead_body("ada@doors.example")))
            .unwrap()
            .status
    };
    std::fs::remove_file(house.path("web.secret")).unwrap();
    house.write_secret("web.secret", next);
    assert_eq!(
        (status(SECRET), status(next)),
        (200, 404),
        "not before it is told"
    );
    let changed = reload(&house);
    assert_eq!(changed["sources"]["changed"], serde_json::json!(["web"]));
    assert_eq!((status(SECRET), status(next)), (404, 200));
    assert!(!house.log().contains(next) && !changed.to_string().contains(next));
    daemon.stop();
}

#[test]
fn readers_of_numbers_show_the_new_token_after_the_reload() {
    let house = House::new();
    let metrics = address_of_our_own();
    let file = house.path("metrics.token");
    let main = std::fs::read_to_string(house.path("leadsync.toml")).unwrap();
    let token = format!("metrics_token = {{ file = \"{}\" }}", file.display());
    let listen = format!("[listen]\nmetrics = \"{metrics}\"\n{token}\n");
    std::fs::write(house.path("leadsync.toml"), main.replace("[listen]\n", &listen)).unwrap();
    let tokens = ["first-token-0123456789abcdef", "second-token-0123456789abcdef"];
    std::fs::write(&file, tokens[0]).unwrap();
    let mut daemon = Daemon::start(&house);
    let status = |token: &str| {
        let mut wire = Wire(TcpStream::connect(metrics).unwrap());
        let request = format!("GET /readyz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
        wire.exchange(&request).unwrap().status
    };
    assert_eq!(tokens.map(status), [200, 401]);
    std::fs::write(&file, tokens[1]).unwrap();
    reload(&house);
    assert_eq!(tokens.map(status), [401, 200]);
    daemon.stop();
}

#[test]
fn the_next_call_of_a_destination_uses_its_new_secret() {
    let crm = Destination::open();
    let house = House::new();
    let secrets = [
        "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
        "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4",
    ];
    let keep = |secret: &str| std::fs::write(house.path("crm.secret"), secret).unwrap();
    keep(secrets[0]);
    let settings = format!(
        "signing_secrets = [{{ file = \"{}\" }}]\n",
        house.path("crm.secret").display()
    );
    house.add_connector("crm", &crm.connector_with(&settings));
    let mut daemon = Daemon::start(&house);
    for (number, secret) in secrets.into_iter().enumerate() {
        keep(secret);
        reload(&house);
        let before = crm.webhook.count();
        let email = format!("person-{number}@secrets.example");
        send(&house, &email);
        await_record(&crm, &email);
        let requests = crm.webhook.requests();
        let request = &requests[before];
        let header = |name: &str| request.header(name).unwrap();
        let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
        let signed = |secret: &str| {
            let now = at.parse().unwrap();
            let given = header("webhook-signature");
            signature::verify(&[secret.to_owned()], id, at, given, &request.body, now).is_ok()
        };
        assert_eq!(secrets.map(signed), secrets.map(|one| one == secret));
    }
    daemon.stop();
}

#[test]
fn a_delivery_that_hangs_holds_up_neither_the_reload_nor_another_destination() {
    let (slow, quick) = (Destination::open(), Destination::open());
    slow.webhook.answer_next([Answer::status(200).stall()]);
    let house = House::build(&Plan {
        connectors: BTreeMap::from([
            ("slow", slow.connector_with("timeout = \"1s\"\n")),
            ("quick", quick.connector()),
        ]),
        ..Plan::default()
    });
    let mut daemon = Daemon::start(&house);
    send(&house, "first@slow.example");
    eventually("a call that hangs", || (slow.webhook.count() == 1).then_some(()));
    reload(&house);
    assert_eq!(slow.webhook.count(), 1, "the call still hangs");
    send(&house, "second@slow.example");
    await_record(&quick, "second@slow.example");
    house.await_quiet();
    for email in ["first@slow.example", "second@slow.example"] {
        assert_eq!(slow.records().get(email), Some(&1), "{email}");
        assert_eq!(quick.records().get(email), Some(&1), "{email}");
    }
    daemon.stop();
}

#[test]
fn a_destination_that_rests_rests_on_after_a_reload() {
    let crm = Destination::open();
    crm.webhook
        .answer_always(Some(Answer::status(503).header("retry-after", "600")));
    let house = house(&crm);
    let mut daemon = Daemon::start(&house);
    send(&house, "ada@rest.example");
    let standing = || house.ask(&["status"])["destinations"][0].clone();
    let rest = eventually("a destination that rests", || {
        let standing = standing();
        (standing["gate"] == "held").then(|| standing["until"].clone())
    });
    let calls = crm.webhook.count();
    crm.webhook.answer_always(None);
    house.add_connector("crm", &crm.connector_with("batch_max = 10\n"));
    reload(&house);
    send(&house, "bob@rest.example");
    eventually("both understood", || {
        (house.ask(&["status"])["unsettled"] == 0).then_some(())
    });
    assert_eq!(standing()["until"], rest);
    assert_eq!(crm.webhook.count(), calls, "nobody called meanwhile");
    house.ask(&["release", "crm"]);
    house.await_quiet();
    assert_eq!(crm.records().len(), 2);
    daemon.stop();
}

#[test]
fn the_service_manager_hears_of_every_reload_whoever_asked_for_it_and_however_it_ended() {
    let house = House::new();
    let (manager, mut daemon) = ServiceManager::start(&house, None);
    manager.await_word("READY=1");
    let heard = || {
        let begun = manager.await_word("RELOADING=1");
        let since = begun
            .lines()
            .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(
            since.unwrap().parse::<u64>().unwrap() > 0,
            "in one datagram: {begun}"
        );
        manager.await_word("READY=1")
    };
    let usual = format!("STATUS=taking leads on {}", house.public);
    daemon.signal(Signal::HUP);
    assert!(heard().lines().any(|line| line == usual));
    reload(&house);
    assert!(heard().lines().any(|line| line == usual));

    let main = std::fs::read_to_string(house.path("leadsync.toml")).unwrap();
    std::fs::write(house.path("leadsync.toml"), format!("{main}levle = \"info\"\n")).unwrap();
    daemon.signal(Signal::HUP);
    let refused = heard();
    assert!(
        refused.contains("a new config was refused: ") && refused.contains("log.levle"),
        "{refused}"
    );
    let line = format!("\"line\":{}", main.lines().count() + 1);
    eventually("the refusal in the log", || {
        let log = house.log();
        let mut lines = log.lines().filter(|line| line.contains("\"reload_refused\""));
        lines
            .find(|told| told.contains(&line) && told.contains("log.levle"))
            .map(drop)
    });
    std::fs::write(house.path("leadsync.toml"), main.replace("\"info\"", "\"warn\"")).unwrap();
    reload(&house);
    assert!(heard().lines().any(|line| line == usual));
    // A level that changed holds at once.
    let told = || house.log().matches("\"reloaded\"").count();
    let before = told();
    reload(&house);
    assert_eq!(told(), before, "at this level nothing is said of it");
    daemon.stop();
}

#[test]
fn without_a_daemon_there_is_nobody_to_tell() {
    let house = House::new();
    let output = house.run(&["ctl", "reload"]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{complaint}");
    assert!(
        complaint.contains("admin.sock") && complaint.contains("systemctl start"),
        "{complaint}"
    );
}

#[test]
fn numbers_tell_of_reloads_and_end_with_their_destination() {
    let (crm, other) = (Destination::open(), Destination::open());
    let house = house(&crm);
    house.add_connector("spare", &other.connector());
    let mut daemon = Daemon::start(&house);
    send(&house, "ada@numbers.example");
    house.await_quiet();
    let page = || house.admin("/metrics").unwrap().body;
    assert!(page().contains("leadsync_config_reloads_total{result=\"applied\"} 0"));
    assert!(page().contains("leadsync_config_last_reload_timestamp_seconds 1"));
    assert!(page().contains("destination=\"spare\""));

    std::fs::remove_file(house.path("connectors.d/spare.toml")).unwrap();
    reload(&house);
    eventually("numbers that are gone", || {
        (!page().contains("=\"spare\"")).then_some(())
    });
    assert!(page().contains("destination=\"crm\""));
    assert!(page().contains("leadsync_config_reloads_total{result=\"applied\"} 1"));
    daemon.stop();
}

#[test]
fn told_twice_to_stop_it_waits_for_no_destination_that_hangs() {
    let crm = Destination::open();
    crm.webhook.answer_always(Some(Answer::status(200).stall()));
    let house = house(&crm);
    let mut daemon = Daemon::start(&house);
    send(&house, "ada@hangs.example");
    eventually("a call that hangs", || (crm.webhook.count() == 1).then_some(()));
    // One crew hangs; the next waits behind it.
    reload(&house);
    daemon.signal(Signal::TERM);
    eventually("the first word", || {
        house.log().contains("\"stopping\"").then_some(())
    });
    assert!(daemon.lives(), "the call is waited for");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    crm.webhook.answer_always(None);
}

#[test]
fn the_applied_config_is_the_one_in_force_and_a_refused_one_never_gets_there() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    let applied = || std::fs::read_to_string(house.path("state/applied/leadsync.toml")).unwrap();
    let main = std::fs::read_to_string(house.path("leadsync.toml")).unwrap();
    assert_eq!(applied(), main);
    let wrong = main.replace("level = \"info\"", "level = \"loud\"");
    std::fs::write(house.path("leadsync.toml"), wrong).unwrap();
    assert_eq!(house.run(&["ctl", "reload"]).status.code(), Some(78));
    assert_eq!(applied(), main);
    let right = main.replace("level = \"info\"", "level = \"debug\"");
    std::fs::write(house.path("leadsync.toml"), &right).unwrap();
    reload(&house);
    assert_eq!(applied(), right);
    daemon.stop();
}

/// Not the whole suite: the watchdog goes on beating while configs come and go.
#[test]
fn the_watchdog_hears_beats_through_reloads() {
    let house = House::new();
    let (manager, mut daemon) = ServiceManager::start(&house, Some(Duration::from_millis(600)));
    manager.await_word("READY=1");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..5 {
                reload(&house);
            }
            ended.store(true, Ordering::Release);
        });
        let mut reloads = 0;
        while reloads < 5 || !ended.load(Ordering::Acquire) {
            let report = manager.hear(GENEROUS).expect("a word in time");
            reloads += usize::from(report.contains("RELOADING=1"));
        }
    });
    manager.await_word("WATCHDOG=1");
    daemon.stop();
}
