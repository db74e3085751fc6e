//! The Debian package and the archive in a clean system: installed, run, upgraded, removed.

use crate::process::{LATER, Machine, Suite};

/// Everything outside of the packages' own places that has to do with leadsync.
const LEFTOVERS: &str = "find / -xdev \\( -path /proc -o -path /shared -o -path /tmp -o -path /var/log \\) -prune -o \
                         -name '*leadsync*' -print";

/// Mode, owner and group.
fn rights(machine: &Machine, path: &str) -> String {
    machine.sh(&format!("stat --format='%a %U:%G' {path}"))
}

#[test]
fn installing_gives_files_with_their_rights_and_starts_nothing() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.sh("dpkg -i /shared/leadsync_0*.deb");
    for (path, expected) in [
        ("/usr/bin/leadsync", "755 root:root"),
        ("/usr/lib/systemd/system/leadsync.service", "644 root:root"),
        ("/usr/lib/systemd/system/leadsync.socket", "644 root:root"),
        ("/etc/leadsync", "755 root:root"),
        ("/etc/leadsync/leadsync.toml", "644 root:root"),
        ("/etc/leadsync/connectors.d", "755 root:root"),
        ("/etc/leadsync/credentials", "700 root:root"),
        ("/usr/share/man/man1/leadsync.1.gz", "644 root:root"),
        (
            "/usr/share/man/man1/leadsync-dead-letters-requeue.1.gz",
            "644 root:root",
        ),
        ("/usr/share/man/man5/leadsync.toml.5.gz", "644 root:root"),
        ("/usr/share/bash-completion/completions/leadsync", "644 root:root"),
        ("/usr/share/zsh/vendor-completions/_leadsync", "644 root:root"),
        (
            "/usr/share/fish/vendor_completions.d/leadsync.fish",
            "644 root:root",
        ),
        ("/usr/share/leadsync/drop-ins/egress.conf", "644 root:root"),
        ("/usr/share/leadsync/schema/leadsync.json", "644 root:root"),
        ("/usr/lib/systemd/catalog/leadsync.catalog", "644 root:root"),
        ("/usr/lib/systemd/system/leadsync-canary.timer", "644 root:root"),
    ] {
        assert_eq!(rights(&machine, path), expected, "{path}");
    }
    assert_eq!(
        machine.sh("cat /var/lib/dpkg/info/leadsync.conffiles"),
        "/etc/leadsync/leadsync.toml"
    );
    // Every library it needs is named, so that apt brings it.
    assert!(machine.sh("dpkg -s leadsync | grep ^Depends").contains("libc6"));
    machine.sh("leadsync check");
    assert_eq!(machine.property("ActiveState"), "inactive");
    assert_eq!(machine.property("UnitFileState"), "disabled");
    assert_eq!(
        machine.sh("ls -A /etc/leadsync/credentials"),
        "",
        "nobody made a secret"
    );
    machine
        .sh("systemd-analyze --man=no verify leadsync.service leadsync.socket 2>&1 | { ! grep leadsync; }");
}

/// Every link between the installed pages that leads nowhere, with its page.
fn dead_links(machine: &Machine, pages: &str) -> String {
    let found = machine.sh(&format!("find {pages} -name '*.md'"));
    let mut links = Vec::new();
    for page in found.lines() {
        let folder = page.rsplit_once('/').unwrap().0;
        let text = machine.sh(&format!("cat {page}"));
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            links.push(format!("[ -e '{folder}/{target}' ] || echo '{page}: {target}'"));
        }
    }
    assert!(links.len() > 100, "{found}");
    machine.sh(&links.join("\n"))
}

#[test]
fn after_installing_the_readmes_way_leads_to_a_service_that_runs() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.sh("dpkg -i /shared/leadsync_0*.deb");
    assert_eq!(dead_links(&machine, "/usr/share/doc/leadsync"), "");
    machine.sh("umask 027
         leadsync init --crm file --proxy --public-url https://leads.example.com \
           --systemd-dir /etc/systemd/system/leadsync.service.d");
    machine.sh(&format!(
        "sed -i 's/^public = .*/public = \"{}\"/' /etc/leadsync/leadsync.toml
         leadsync check
         systemctl daemon-reload
         systemctl enable --now leadsync",
        machine.public
    ));
    let looked = |check: &str| {
        machine.sh(&format!(
            "{{ leadsync doctor || true; }} | grep -A1 '  {check}  '"
        ))
    };
    for check in ["unit", "journal", "secrets", "daemon"] {
        assert!(looked(check).starts_with("ok"), "{}", looked(check));
    }

    // A secret in a file of root's alone, as its folder is.
    let name = |file: &str| {
        machine.sh(&format!(
            "sed -i 's|^secrets = .*|secrets = [{{ file = \"{file}\" }}]|' /etc/leadsync/leadsync.toml"
        ));
    };
    machine.sh("install -m 600 /etc/leadsync/credentials/marketplace /etc/leadsync/credentials/by-file");
    name("/etc/leadsync/credentials/by-file");
    let closed = looked("secrets");
    assert!(
        closed.starts_with("failed") && closed.contains("chown --reference=/var/lib/leadsync"),
        "{closed}"
    );
    machine.fails("systemctl reload leadsync");
    machine.sh("mv /etc/leadsync/credentials/by-file /var/lib/leadsync/");
    machine.sh("chown --reference=/var/lib/leadsync /var/lib/leadsync/by-file");
    name("/var/lib/leadsync/by-file");
    assert!(looked("secrets").starts_with("ok"), "{}", looked("secrets"));
    machine.sh("systemctl reload leadsync");
}

#[test]
fn an_upgrade_keeps_what_the_operator_wrote_and_restarts_what_ran() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.set_up();
    machine.sh("systemctl enable --now leadsync");
    assert!(machine.send_test().contains("accepted"));
    let written = machine.sh("cat /etc/leadsync/leadsync.toml");
    let first = machine.property("MainPID");

    machine.sh(&format!("dpkg -i --force-confdef /shared/leadsync_{LATER}_*.deb"));
    assert_eq!(
        machine.sh("dpkg-query -W -f '${Version}' leadsync"),
        format!("{LATER}-1")
    );
    assert_eq!(machine.sh("cat /etc/leadsync/leadsync.toml"), written);
    assert_eq!(
        rights(&machine, "/etc/leadsync/credentials/marketplace"),
        "400 root:root"
    );
    assert_eq!(machine.property("ActiveState"), "active");
    assert_eq!(machine.property("UnitFileState"), "enabled");
    assert_ne!(machine.property("MainPID"), first, "the new program runs");
    assert_eq!(
        machine.sh("leadsync --json leads | grep -c '\"id\"'"),
        "1",
        "the lead is still there"
    );

    machine.sh("systemctl stop leadsync");
    machine.sh("dpkg -i --force-confdef /shared/leadsync_0*.deb");
    assert_eq!(
        machine.property("ActiveState"),
        "inactive",
        "what did not run is not started"
    );
}

#[test]
fn removing_keeps_configuration_and_leads_and_purging_keeps_nothing() {
    let machine = Machine::boot(Suite::Bookworm);
    let before = machine.sh(LEFTOVERS);
    machine.set_up();
    machine.sh("systemctl enable --now leadsync.socket leadsync.service");
    machine.send_test();

    machine.sh("dpkg -r leadsync");
    assert_eq!(
        machine.sh("systemctl list-units --plain --no-legend --state=active 'leadsync*'"),
        ""
    );
    assert_eq!(
        machine.sh("ls /usr/bin/leadsync /usr/lib/systemd/system/leadsync.* 2>/dev/null || true"),
        ""
    );
    machine.sh("test -s /etc/leadsync/leadsync.toml -a -s /etc/leadsync/credentials/marketplace");
    machine.sh("test -s /var/lib/leadsync/leadsync.db");

    machine.sh("dpkg -i /shared/leadsync_0*.deb && systemctl start leadsync");
    assert_eq!(
        machine.property("UnitFileState"),
        "enabled",
        "as it was before it was removed"
    );
    assert_eq!(
        machine.sh("leadsync --json leads | grep -c '\"id\"'"),
        "1",
        "it comes back with its leads"
    );

    machine.sh("dpkg -P leadsync");
    assert_eq!(machine.sh(LEFTOVERS), before);
}

#[test]
fn the_archive_installs_anywhere_upgrades_and_goes() {
    let machine = Machine::boot(Suite::Bookworm);
    machine.sh("mkdir /opt/unpacked && tar -xzf /shared/leadsync-0*-linux.tar.gz -C /opt/unpacked --strip-components 1");
    // For an image: nothing outside of it is touched.
    machine.sh("DESTDIR=/opt/image /opt/unpacked/install.sh --prefix /usr");
    assert_eq!(rights(&machine, "/opt/image/usr/bin/leadsync"), "755 root:root");
    machine.sh("test ! -e /etc/leadsync -a ! -e /etc/systemd/system/leadsync.service");

    machine.sh("/opt/unpacked/install.sh --prefix /opt/leadsync");
    assert_eq!(rights(&machine, "/etc/leadsync/credentials"), "700 root:root");
    machine.sh("systemctl start leadsync && systemctl is-active leadsync");
    assert_eq!(
        machine.sh("readlink /proc/$(systemctl show --value -p MainPID leadsync)/exe"),
        "/opt/leadsync/bin/leadsync"
    );

    assert_eq!(dead_links(&machine, "/opt/leadsync/share/doc/leadsync"), "");
    let unit = machine.sh("{ /opt/leadsync/bin/leadsync doctor || true; } | grep -A1 '  unit  '");
    assert!(unit.starts_with("ok"), "{unit}");

    machine.sh("echo '# mine' >> /etc/leadsync/leadsync.toml");
    let first = machine.property("MainPID");
    machine.sh("/opt/unpacked/install.sh --prefix /opt/leadsync");
    machine.sh("tail -1 /etc/leadsync/leadsync.toml | grep -x '# mine'");
    assert_ne!(machine.property("MainPID"), first);

    machine.sh("/opt/unpacked/uninstall.sh --prefix /opt/leadsync");
    assert_eq!(machine.sh("find /opt/leadsync -type f"), "");
    machine.sh("test -s /etc/leadsync/leadsync.toml -a -d /var/lib/leadsync");
    assert_eq!(machine.property("LoadState"), "not-found");
    machine.sh("/opt/unpacked/uninstall.sh --prefix /opt/leadsync --purge");
    machine.sh("rm -rf /opt/unpacked /opt/image /opt/leadsync");
    assert_eq!(machine.sh(LEFTOVERS), "");
}
