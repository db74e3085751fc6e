//! Whether the service manager runs what this version ships, and what its journal loses.

use std::path::Path;
use std::process::Command;

use connector_kit::Check;

use super::unit::Unit;
use crate::config::LogLevel;

/// The unit as it is shipped.
const SHIPPED: &str = include_str!("../../../systemd/leadsync.service");

/// The first systemd that hands credentials over.
const OLDEST: u32 = 247;

/// Looks at the unit of a program below `prefix`, at systemd, and at the journal.
pub(super) fn look(unit: Option<&Unit>, prefix: &Path, level: LogLevel) -> Vec<Check> {
    let Some(unit) = unit else {
        return vec![Check::unknown(
            "unit",
            "leadsync.service is not installed on this machine",
        )];
    };
    let mut checks = vec![as_shipped(unit, prefix)];
    checks.extend(version().map(|version| new_enough(version, unit)));
    checks.push(journal(unit, level));
    checks
}

/// The archive's `install.sh` writes the place of the program into the unit.
fn as_shipped(unit: &Unit, prefix: &Path) -> Check {
    let path = unit.path.display();
    let prefix = prefix.display();
    let installed = SHIPPED
        .replace("/usr/bin/leadsync", &format!("{prefix}/bin/leadsync"))
        .replace("/usr/share/leadsync", &format!("{prefix}/share/leadsync"));
    if unit.text == SHIPPED || unit.text == installed {
        return Check::well("unit", format!("{path} is the one this version ships"));
    }
    Check::ailing(
        "unit",
        format!("{path} is not the one this version ships"),
        "install the unit of this version, and put settings of your own into a drop-in: systemctl edit leadsync",
    )
}

/// The version of the systemd that is installed; none where there is none.
fn version() -> Option<u32> {
    let output = Command::new("systemctl").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1)?.parse().ok()
}

fn new_enough(version: u32, unit: &Unit) -> Check {
    let needs_credentials = !unit.values("LoadCredential").is_empty();
    if version >= OLDEST || !needs_credentials {
        return Check::well("systemd", format!("version {version}"));
    }
    Check::ill(
        "systemd",
        format!("version {version} hands no credentials over"),
        format!("upgrade systemd to {OLDEST} or newer, or name secrets as {{ file = \"..\" }}"),
    )
}

/// journald drops what exceeds 10,000 lines in 30 s; what is written from `info` on stays below that by itself.
fn journal(unit: &Unit, level: LogLevel) -> Check {
    let set = ["LogRateLimitIntervalSec", "LogRateLimitBurst", "LogNamespace"];
    if set.iter().any(|setting| !unit.values(setting).is_empty()) {
        return Check::well("journal", "the unit says how many lines of the log are kept");
    }
    if level != LogLevel::Debug {
        return Check::well("journal", "the log stays below what journald keeps of a service");
    }
    Check::ailing(
        "journal",
        "with log.level = \"debug\" many leads make more than the 10,000 lines in 30 seconds that journald keeps",
        "a higher log.level, or LogRateLimitIntervalSec=0 in a drop-in: systemctl edit leadsync",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use connector_kit::Health;

    use super::*;

    fn installed(unit: &str, drop_in: &str, level: LogLevel) -> Vec<Check> {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("leadsync.service"), unit).unwrap();
        std::fs::create_dir(place.path().join("leadsync.service.d")).unwrap();
        std::fs::write(place.path().join("leadsync.service.d/x.conf"), drop_in).unwrap();
        let env = BTreeMap::from([("SYSTEMD_UNIT_PATH".to_owned(), place.path().display().to_string())]);
        look(Unit::find(&env).as_ref(), Path::new("/opt/leadsync"), level)
    }

    fn ailing(checks: &[Check]) -> Vec<&'static str> {
        let ailing = checks.iter().filter(|check| check.health == Health::Ailing);
        ailing.map(|check| check.name).collect()
    }

    #[test]
    fn a_changed_unit_is_told_from_a_drop_in() {
        let mine = "[Service]\nMemoryMax=1G\n";
        let untouched = installed(SHIPPED, mine, LogLevel::Info);
        assert!(untouched.iter().all(|check| check.health == Health::Well));
        let changed = installed("[Service]\nExecStart=/opt/leadsync run\n", "", LogLevel::Info);
        assert_eq!(ailing(&changed), ["unit"]);
        let empty = tempfile::tempdir().unwrap();
        let env = BTreeMap::from([("SYSTEMD_UNIT_PATH".to_owned(), empty.path().display().to_string())]);
        let absent = look(Unit::find(&env).as_ref(), Path::new("/usr"), LogLevel::Info);
        assert_eq!(absent[0].health, Health::Unknown);
    }

    #[test]
    fn a_unit_with_the_place_of_an_archives_program_is_the_one_that_is_shipped() {
        let archive = SHIPPED
            .replace("/usr/bin/", "/opt/leadsync/bin/")
            .replace("/usr/share/", "/opt/leadsync/share/");
        assert_eq!(ailing(&installed(&archive, "", LogLevel::Info)), [""; 0]);
        let elsewhere = archive.replace("/opt/", "/srv/");
        assert_eq!(ailing(&installed(&elsewhere, "", LogLevel::Info)), ["unit"]);
    }

    #[test]
    fn the_journal_is_too_small_only_for_a_log_that_tells_everything() {
        assert_eq!(ailing(&installed(SHIPPED, "", LogLevel::Debug)), ["journal"]);
        let unlimited = "[Service]\nLogRateLimitIntervalSec=0\n";
        assert_eq!(ailing(&installed(SHIPPED, unlimited, LogLevel::Debug)), [""; 0]);
        assert_eq!(ailing(&installed(SHIPPED, "", LogLevel::Info)), [""; 0]);
    }

    #[test]
    fn an_old_systemd_matters_only_where_credentials_are_named() {
        let env = BTreeMap::from([("SYSTEMD_UNIT_PATH".to_owned(), "/nowhere".to_owned())]);
        assert!(Unit::find(&env).is_none());
        let place = tempfile::tempdir().unwrap();
        let health = |text: &str| {
            std::fs::write(place.path().join("leadsync.service"), text).unwrap();
            let env = BTreeMap::from([("SYSTEMD_UNIT_PATH".to_owned(), place.path().display().to_string())]);
            new_enough(241, &Unit::find(&env).unwrap()).health
        };
        assert_eq!(health("LoadCredential=a:/b\n"), Health::Ill);
        assert_eq!(health("ExecStart=/x\n"), Health::Well);
    }
}
