//! Whether the service manager runs what this version ships, and what its journal loses.

use std::process::Command;

use connector_kit::Check;

use super::unit::Unit;

/// The unit as it is shipped.
const SHIPPED: &str = include_str!("../../../systemd/leadsync.service");

/// The first systemd that hands credentials over.
const OLDEST: u32 = 247;

/// Looks at the unit, at systemd, and at the journal.
pub(super) fn look(unit: Option<&Unit>) -> Vec<Check> {
    let Some(unit) = unit else {
        return vec![Check::unknown(
            "unit",
            "leadsync.service is not installed on this machine",
        )];
    };
    let mut checks = vec![as_shipped(unit)];
    checks.extend(version().map(|version| new_enough(version, unit)));
    checks.push(journal(unit));
    checks
}

fn as_shipped(unit: &Unit) -> Check {
    let path = unit.path.display();
    if unit.text == SHIPPED {
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

/// At full load there is a line for every fate; journald drops what exceeds 10,000 lines in 30 s.
fn journal(unit: &Unit) -> Check {
    let set = ["LogRateLimitIntervalSec", "LogRateLimitBurst", "LogNamespace"];
    if set.iter().any(|setting| !unit.values(setting).is_empty()) {
        return Check::well("journal", "the unit says how many lines of the log are kept");
    }
    Check::ailing(
        "journal",
        "journald drops lines of the log beyond 10,000 in 30 seconds",
        "add LogRateLimitIntervalSec=0 to a drop-in: systemctl edit leadsync",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use connector_kit::Health;

    use super::*;

    fn installed(unit: &str, drop_in: &str) -> Vec<Check> {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("leadsync.service"), unit).unwrap();
        std::fs::create_dir(place.path().join("leadsync.service.d")).unwrap();
        std::fs::write(place.path().join("leadsync.service.d/x.conf"), drop_in).unwrap();
        let env = BTreeMap::from([("SYSTEMD_UNIT_PATH".to_owned(), place.path().display().to_string())]);
        look(Unit::find(&env).as_ref())
    }

    #[test]
    fn a_changed_unit_is_told_from_a_drop_in() {
        let mine = "[Service]\nLogRateLimitIntervalSec=0\n";
        assert!(
            installed(SHIPPED, mine)
                .iter()
                .all(|check| check.health == Health::Well)
        );
        let changed = installed("[Service]\nExecStart=/opt/leadsync run\n", "");
        let ailing = changed
            .iter()
            .filter(|check| check.health == Health::Ailing)
            .map(|check| check.name);
        assert_eq!(ailing.collect::<Vec<_>>(), ["unit", "journal"]);
        let empty = tempfile::tempdir().unwrap();
        let env = BTreeMap::from([("SYSTEMD_UNIT_PATH".to_owned(), empty.path().display().to_string())]);
        assert_eq!(look(Unit::find(&env).as_ref())[0].health, Health::Unknown);
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
