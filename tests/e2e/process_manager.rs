//! What passes between the daemon and a service manager: words, beats, credentials.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::Signal;

use crate::process::{Daemon, House, Plan, SECRET, ServiceManager, lead_body, lead_path, post};

/// The watchdog's interval; three beats fit into it.
const INTERVAL: Duration = Duration::from_millis(600);

#[test]
fn ready_is_said_once_leads_are_taken() {
    let house = House::new();
    let manager = ServiceManager::listen(&house);
    let mut command = house.command();
    manager.adopt(&mut command);
    let mut daemon = Daemon::spawn_as(&house, &mut command);
    let report = manager.await_word("READY=1");
    let answer = house.send(&post(&lead_path(), &lead_body("first@door.example")));
    assert_eq!(answer.unwrap().status, 200, "the first knock is answered");
    assert!(
        report.contains(&format!("STATUS=taking leads on {}", house.public)),
        "{report}"
    );
    daemon.signal(Signal::TERM);
    manager.await_word("STOPPING=1");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_daemon_that_cannot_start_never_says_ready() {
    let house = House::new();
    std::fs::write(
        house.database(),
        "this is no database, and long enough to be taken for one",
    )
    .unwrap();
    let manager = ServiceManager::listen(&house);
    let mut command = house.command();
    manager.adopt(&mut command);
    let mut daemon = Daemon::spawn_as(&house, &mut command);
    assert!(!daemon.wait().success());
    assert_eq!(manager.hear(Duration::from_millis(1)), None);
}

#[test]
fn the_watchdog_hears_a_beat_while_the_daemon_moves_and_none_while_it_stands() {
    let house = House::new();
    let manager = ServiceManager::listen(&house);
    let mut command = house.command();
    manager.adopt(&mut command);
    command.env("WATCHDOG_USEC", INTERVAL.as_micros().to_string());
    let mut daemon = Daemon::spawn_as(&house, &mut command);
    manager.await_word("READY=1");
    for _ in 0..4 {
        assert_eq!(
            manager.hear(INTERVAL).as_deref(),
            Some("WATCHDOG=1\n"),
            "a beat in time"
        );
    }
    daemon.signal(Signal::STOP);
    // Beats sent before the signal arrived are still in the socket.
    while manager.hear(INTERVAL / 3).is_some() {}
    assert_eq!(manager.hear(INTERVAL * 2), None, "a stopped daemon does not beat");
    daemon.signal(Signal::CONT);
    manager.await_word("WATCHDOG=1");
    daemon.stop();
}

#[test]
fn without_a_watchdog_there_are_no_beats() {
    let house = House::new();
    let manager = ServiceManager::listen(&house);
    let mut command = house.command();
    manager.adopt(&mut command);
    let mut daemon = Daemon::spawn_as(&house, &mut command);
    manager.await_word("READY=1");
    assert_eq!(manager.hear(INTERVAL), None);
    daemon.stop();
}

#[test]
fn secrets_come_from_the_credentials_directory() {
    let house = House::build(&Plan {
        secret: "{ credential = \"web\" }",
        ..Plan::default()
    });
    let unfinished = house.run(&["check"]);
    let complaint = String::from_utf8_lossy(&unfinished.stderr).into_owned();
    assert_eq!(unfinished.status.code(), Some(78), "{complaint}");
    assert!(complaint.contains("web"), "{complaint}");

    let directory = house.path("credentials");
    std::fs::create_dir(&directory).unwrap();
    house.write_secret("credentials/web", &format!("{SECRET}\n"));
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o500)).unwrap();
    let mut command = house.command();
    command.env("CREDENTIALS_DIRECTORY", &directory);
    let mut daemon = Daemon::spawn_as(&house, &mut command);
    daemon.wait_until_ready(&house);
    let answer = house.send(&post(&lead_path(), &lead_body("ada@credentials.example")));
    assert_eq!(answer.unwrap().status, 200);
    daemon.stop();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700)).unwrap();
}
