//! What passes between the daemon and a service manager: words, beats, credentials.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::Signal;

use crate::process::trace::HungDisk;
use crate::process::{
    Daemon, GENEROUS, House, Ledger, Load, Plan, SECRET, ServiceManager, Wire, eventually, lead_body,
    lead_path, post,
};

/// The watchdog's interval; three beats fit into it.
const INTERVAL: Duration = Duration::from_millis(600);

#[test]
fn ready_is_said_once_leads_are_taken() {
    let house = House::new();
    let (manager, mut daemon) = ServiceManager::start(&house, None);
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
    let (manager, mut daemon) = ServiceManager::start(&house, None);
    assert!(!daemon.wait().success());
    assert_eq!(manager.hear(Duration::from_millis(1)), None);
}

#[test]
fn the_watchdog_hears_a_beat_while_the_daemon_moves_and_none_while_it_stands() {
    let house = House::new();
    let (manager, mut daemon) = ServiceManager::start(&house, Some(INTERVAL));
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
    let (manager, mut daemon) = ServiceManager::start(&house, None);
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

/// A daemon that is handed a socket, as from a service manager; `times` restarts while somebody knocks.
fn restart_on_a_kept_socket(house: &House, times: usize) -> std::sync::Arc<Ledger> {
    let kept = std::net::TcpListener::bind(house.public).unwrap();
    let mut daemon = Daemon::spawn_as(house, &mut house.command_on(&kept));
    let load = Load::begin_with_new_connections(house, 4);
    for _ in 0..times {
        let before = load.ledger.count();
        eventually("leads that are kept", || {
            (load.ledger.count() >= before + 50).then_some(())
        });
        daemon.stop();
        daemon = Daemon::spawn_as(house, &mut house.command_on(&kept));
    }
    daemon.wait_until_ready(house);
    let ledger = load.end();
    daemon.stop();
    ledger
}

#[test]
fn a_restart_refuses_nobody_and_breaks_no_connection_while_the_socket_is_kept() {
    let house = House::new();
    let ledger = restart_on_a_kept_socket(&house, 5);
    assert!(ledger.count() >= 250);
    assert_eq!(ledger.flaws(), Vec::<String>::new());
    assert_eq!((ledger.refusals(), ledger.breaks()), (0, 0));
    house.work_off();
    assert_eq!(house.misses(&ledger), Vec::<String>::new());
}

#[test]
fn a_second_socket_is_refused_because_nobody_would_serve_it() {
    let house = House::new();
    let kept = std::net::TcpListener::bind(house.public).unwrap();
    let mut daemon = Daemon::spawn_as(&house, &mut house.command_on_many(&kept, 2));
    assert_eq!(daemon.wait().code(), Some(1));
    let log = house.log();
    assert!(
        log.contains("hands over 2 sockets and leadsync serves one")
            && log.contains("an empty `ListenStream=`"),
        "{log}"
    );
}

#[test]
fn a_sender_that_was_let_in_and_has_not_spoken_yet_is_answered_after_the_stop() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    let mut early = std::net::TcpStream::connect(house.public).unwrap();
    early.set_read_timeout(Some(GENEROUS)).unwrap();
    let port = early.local_addr().unwrap().port();
    eventually("an accepted connection", || is_accepted(port).then_some(()));
    daemon.signal(Signal::TERM);
    eventually("the stop", || house.log().contains("\"stopping\"").then_some(()));
    let answer = Wire(&mut early).exchange(&post(&lead_path(), &lead_body("early@door.example")));
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(daemon.wait().code(), Some(0));
}

/// Whether a program, not the kernel alone, holds the other end of the connection from this port.
fn is_accepted(sender: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns[2].ends_with(&format!(":{sender:04X}")) && columns[9] != "0"
    })
}

#[test]
fn a_stuck_writer_stops_the_beat_and_the_log_says_so() {
    let house = House::new();
    let (manager, mut daemon) = ServiceManager::start(&house, Some(INTERVAL));
    manager.await_word("READY=1");
    manager.await_word("WATCHDOG=1");
    let hung = HungDisk::under(&daemon);
    let mut sender = std::net::TcpStream::connect(house.public).unwrap();
    let request = post(&lead_path(), &lead_body("ada@hung.example"));
    sender.write_all(request.as_bytes()).unwrap();
    eventually("word of the writer", || {
        house.log().contains("writer_stuck").then_some(())
    });
    // What was sent before is still in the socket.
    while manager.hear(Duration::from_millis(1)).is_some() {}
    assert_eq!(manager.hear(INTERVAL * 2), None);
    hung.answers_again();
    manager.await_word("WATCHDOG=1");
    daemon.stop();
}

#[test]
fn beats_come_in_time_while_a_call_to_a_destination_is_open() {
    // It accepts, by the kernel alone, and never says a word.
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hole.local_addr().unwrap().port();
    let house = House::new();
    house.add_connector(
        "hole",
        &format!(
            "kind = \"https-endpoint\"\nroles = [\"destination\"]\n[settings]\nurl = \"http://127.0.0.1:{port}/\"\n\
             allow_plain_http = true\nallow_private_targets = [\"127.0.0.0/8\"]\nallowed_ports = [{port}]\n"
        ),
    );
    let (manager, mut daemon) = ServiceManager::start(&house, Some(INTERVAL));
    manager.await_word("READY=1");
    house
        .send(&post(&lead_path(), &lead_body("ada@hole.example")))
        .unwrap();
    let (_waits, _) = hole.accept().unwrap();
    for _ in 0..20 {
        assert_eq!(
            manager.hear(INTERVAL).as_deref(),
            Some("WATCHDOG=1\n"),
            "{}",
            house.log()
        );
    }
    daemon.kill();
}
