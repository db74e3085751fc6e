//! The unit in the hands of a real systemd: identity, credentials, reload, watchdog, sockets, addresses.

use crate::process::{Load, Machine, SECRET, Suite, eventually};

/// Whether the service gets through to an address of the machine. Nobody listens there: what is not denied is
/// refused at once, and what is denied is never answered.
fn gets_through(machine: &Machine, address: &str) -> bool {
    let ended = machine.sh(&format!(
        "bash -c 'echo $$ > /sys/fs/cgroup/system.slice/leadsync.service/cgroup.procs
                  timeout 3 bash -c \"exec 3<>/dev/tcp/{address}/9\" 2>/dev/null' || echo $?"
    ));
    match ended.as_str() {
        "1" => true,
        "124" => false,
        other => panic!("{address}: {other}"),
    }
}

#[test]
fn the_service_has_an_identity_of_its_own_and_its_secrets_from_the_manager() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.set_up();
    machine.sh("systemctl start leadsync");
    let pid = machine.property("MainPID");
    let user: u32 = machine.sh(&format!("stat -c %u /proc/{pid}")).parse().unwrap();
    assert!(
        (61_184..=65_519).contains(&user),
        "{user} is none of those that systemd makes up"
    );
    machine.sh(&format!(
        "grep -q 'NoNewPrivs:.1' /proc/{pid}/status && grep -q 'CapEff:.0*$' /proc/{pid}/status"
    ));
    assert_eq!(
        machine.sh("stat -c %a /var/lib/private/leadsync /run/leadsync"),
        "700\n750"
    );
    // The daemon could not read it where the operator keeps it.
    assert_eq!(
        machine.sh("stat -c '%a %U' /etc/leadsync/credentials/marketplace"),
        "400 root"
    );
    machine.sh(&format!(
        "grep -qx {SECRET} /run/credentials/leadsync.service/marketplace"
    ));
    assert!(machine.send_test().contains("accepted"));
    machine.sh("leadsync status");
    eventually("a line in the archive", || {
        let line = machine.run(&["grep", "-c", "MSFT_TEST", "/var/lib/leadsync/leads.jsonl"]);
        line.status.success().then_some(())
    });
    machine.sh("systemctl stop leadsync");
    assert_eq!(machine.property("Result"), "success");
}

#[test]
fn a_wrong_config_is_told_at_the_start_and_keeps_a_reload_from_happening() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.set_up();
    machine.sh("systemctl start leadsync");
    let pid = machine.property("MainPID");
    machine.sh("sed -i s/forward_test_leads/forward_tset_leads/ /etc/leadsync/leadsync.toml");
    machine.fails("systemctl reload leadsync");
    assert!(
        machine
            .fails("leadsync ctl reload")
            .contains("forward_tset_leads")
    );
    assert_eq!(machine.property("MainPID"), pid);
    assert_eq!(machine.property("ActiveState"), "active");
    assert!(machine.send_test().contains("accepted"));
    machine.sh("systemctl stop leadsync");
    machine.fails("systemctl start leadsync");
    assert!(
        machine.journal().contains("forward_tset_leads"),
        "{}",
        machine.journal()
    );
    machine.sh("sed -i s/forward_tset_leads/forward_test_leads/ /etc/leadsync/leadsync.toml");
    machine.sh("systemctl reset-failed leadsync; systemctl start leadsync; leadsync ctl health");
}

#[test]
fn a_reload_takes_a_new_destination_into_service_without_a_restart() {
    for (suite, kind) in [(Suite::Bookworm, "notify"), (Suite::Trixie, "notify-reload")] {
        let machine = Machine::boot(suite);
        machine.set_up();
        if kind == "notify-reload" {
            machine.drop_in("notify-reload");
        }
        machine.sh("systemctl start leadsync");
        assert_eq!(machine.property("Type"), kind);
        let pid = machine.property("MainPID");
        machine.sh("cd /etc/leadsync/connectors.d
             sed s/leads.jsonl/second.jsonl/ archive.toml > second.toml
             systemctl reload leadsync");
        assert_eq!(machine.property("MainPID"), pid);
        assert_eq!(machine.property("ActiveState"), "active");
        machine.send_test();
        eventually("a line in the new archive", || {
            let line = machine.run(&["grep", "-c", "MSFT_TEST", "/var/lib/leadsync/second.jsonl"]);
            line.status.success().then_some(())
        });
    }
}

#[test]
fn a_newer_systemd_takes_the_unit_with_every_drop_in() {
    let machine = Machine::boot(Suite::Trixie);
    machine.set_up();
    machine.sh(
        "install -D -m 0644 -t /etc/systemd/system/leadsync.service.d /usr/share/leadsync/drop-ins/*.conf
         systemctl daemon-reload
         systemd-analyze --man=no verify leadsync.service leadsync.socket 2>&1 | { ! grep leadsync; }
         systemctl start leadsync",
    );
    assert_eq!(machine.property("Type"), "notify-reload");
    assert!(machine.send_test().contains("accepted"));
}

#[test]
fn a_daemon_that_stands_still_is_killed_by_the_watchdog_and_comes_back_with_its_leads() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.set_up();
    machine.edit("leadsync.service", "[Service]\nWatchdogSec=2s\nRestartSec=100ms");
    machine.sh("systemctl start leadsync");
    machine.send_test();
    machine.sh("kill -STOP $(systemctl show --value -p MainPID leadsync)");
    eventually("a second start", || {
        let again = machine.property("NRestarts") == "1" && machine.property("ActiveState") == "active";
        again.then_some(())
    });
    assert!(
        machine.journal().contains("Watchdog timeout"),
        "{}",
        machine.journal()
    );
    assert_eq!(machine.sh("leadsync --json leads | grep -c '\"id\"'"), "1");
}

#[test]
fn a_restart_under_load_refuses_no_connection_and_loses_no_lead() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.set_up();
    machine.sh(
        "sed -i '/^\\[sources.web\\]/i [intake]\\nrate_per_address = \"off\"' /etc/leadsync/leadsync.toml",
    );
    machine.sh("systemctl start leadsync.socket");
    assert_eq!(
        machine.property("ActiveState"),
        "inactive",
        "the first who knocks wakes it"
    );
    let load = Load::at(machine.public, 4);
    for _ in 0..3 {
        let before = load.ledger.count();
        eventually("leads that are kept", || {
            (load.ledger.count() >= before + 100).then_some(())
        });
        machine.sh("systemctl restart leadsync.service");
    }
    let ledger = load.end();
    assert_eq!(ledger.flaws(), Vec::<String>::new());
    assert_eq!(ledger.refusals(), 0);
    assert_eq!(ledger.breaks(), 0, "whoever was accepted is answered");
    let counted = machine.sh("leadsync --json status");
    let status: serde_json::Value = serde_json::from_str(&counted).unwrap();
    assert_eq!(status["accepted"], ledger.count(), "{status}");
}

#[test]
fn addresses_that_hand_out_tokens_are_denied_unless_the_operator_wants_them() {
    let (tokens, wire, elsewhere) = ("169.254.169.254", "168.63.129.16", "192.0.2.1");
    let machine = Machine::boot_alone(Suite::Bookworm, &[tokens, wire, elsewhere]);
    machine.set_up();
    machine.sh("systemctl start leadsync");
    let reached = |machine: &Machine| [tokens, wire, elsewhere].map(|address| gets_through(machine, address));
    assert_eq!(reached(&machine), [false, false, true]);

    machine.drop_in("managed-identity");
    machine.sh("systemctl restart leadsync");
    assert_eq!(reached(&machine), [true, false, true]);

    machine.sh("rm /etc/systemd/system/leadsync.service.d/managed-identity.conf");
    machine.drop_in("egress");
    machine.sh("systemctl restart leadsync");
    assert_eq!(reached(&machine), [false, false, false]);
    assert!(gets_through(&machine, "127.0.0.1"));
    assert!(
        machine.send_test().contains("accepted"),
        "whoever is on this machine gets in"
    );
}
