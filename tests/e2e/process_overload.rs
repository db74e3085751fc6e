//! F60: more leads than can be kept; and a restart nobody notices.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{BINARY, Daemon, House, Load, Plan, eventually};

#[test]
fn when_more_leads_come_than_can_be_kept_each_sender_hears_yes_or_later() {
    let house = House::build(&Plan {
        intake: "queue = 2",
        ..Plan::default()
    });
    let mut daemon = Daemon::start(&house);
    let load = Load::begin(&house, 64);
    eventually("both answers", || {
        let answers = load.ledger.answers();
        let enough = |status| answers.get(&status).is_some_and(|count| *count >= 200);
        (enough(200) && enough(503)).then_some(())
    });
    let ledger = load.end();
    println!("{:?}", ledger.answers());
    assert_eq!(ledger.flaws(), Vec::<String>::new());
    assert!(Daemon::is_ready(&house), "busy is not ill");
    daemon.stop();
    house.work_off();
    assert_eq!(house.misses(&ledger), Vec::<String>::new());
}

/// Starts a daemon with a socket handed over the way a service manager does it.
fn start_behind(socket: &TcpListener, house: &House) -> Daemon {
    let mut command = std::process::Command::new("sh");
    house.furnish(&mut command);
    command
        .args([
            "-c",
            "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"",
            BINARY,
        ])
        .stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    let mut daemon = Daemon::spawn_as(house, &mut command);
    daemon.wait_until_ready(house);
    daemon
}

#[test]
fn behind_a_socket_unit_a_restart_refuses_no_connection_and_loses_no_lead() {
    let mut house = House::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    house.public = socket.local_addr().unwrap();
    let load = Load::begin_with_new_connections(&house, 4);
    for _ in 0..5 {
        let mut daemon = start_behind(&socket, &house);
        let before = load.ledger.count();
        eventually("leads that are kept", || {
            (load.ledger.count() >= before + 50).then_some(())
        });
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait().code(), Some(0), "{}", house.log());
    }
    let mut last = start_behind(&socket, &house);
    let ledger = load.end();
    assert_eq!(ledger.refusals(), 0);
    assert_eq!(ledger.flaws(), Vec::<String>::new());
    house.await_quiet();
    assert_eq!(house.misses(&ledger), Vec::<String>::new());
    last.stop();
}
