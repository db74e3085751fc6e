//! F73: broken configs are refused with file, line and key, and the old one runs on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::process::{Daemon, Destination, House, Load, Plan, eventually};

/// The main file, and the one connector.
const MAIN: &str = "leadsync.toml";
const CRM: &str = "connectors.d/crm.toml";

/// One way to break a config: in `file`, `from` becomes `to` (nothing: `to` is added at the end). The
/// mistake is told at the line that holds `at`, and for `key`.
struct Broken {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    at: &'static str,
    key: &'static str,
}

const fn main(from: &'static str, to: &'static str, at: &'static str, key: &'static str) -> Broken {
    Broken {
        file: MAIN,
        from,
        to,
        at,
        key,
    }
}

const fn crm(from: &'static str, to: &'static str, at: &'static str, key: &'static str) -> Broken {
    Broken {
        file: CRM,
        from,
        to,
        at,
        key,
    }
}

const BROKEN: [Broken; 41] = [
    // No TOML, no such key, no such value.
    main("", "[[[\n", "[[[", ""),
    main("[log]\n", "[log]\nlevle = \"info\"\n", "levle", "log.levle"),
    main("", "[nonsense]\n", "[nonsense]", "nonsense"),
    main("\"off\"", "7", "= 7", "intake.rate_per_address"),
    main(
        "[intake]\n",
        "[intake]\nbody_timeout = \"fast\"\n",
        "fast",
        "intake.body_timeout",
    ),
    main(
        "[intake]\n",
        "[intake]\nmax_body = \"big\"\n",
        "big",
        "intake.max_body",
    ),
    main("\"info\"", "\"loud\"", "loud", "log.level"),
    main("[dedupe]\n", "[dedupe]\nby = \"mood\"\n", "mood", "dedupe.by"),
    main(
        "[clocks]\n",
        "[clocks]\ntell_at = [2.0]\n",
        "2.0",
        "clocks.tell_at",
    ),
    main(
        "[clocks]\n",
        "[clocks]\nalert = \"nobody\"\n",
        "nobody",
        "clocks.alert",
    ),
    main(
        "admin = \"unix:",
        "admin = \"0.0.0.0:1\" # \"",
        "0.0.0.0:1",
        "listen.admin",
    ),
    // Secrets that are not there, not good, or not one's own.
    main(
        "web.secret",
        "gone.secret",
        "gone.secret",
        "sources.web.secrets[0]",
    ),
    main(
        "web.secret",
        "short.secret",
        "short.secret",
        "sources.web.secrets[0]",
    ),
    main(
        "secrets = [{ file",
        "secrets = [{ env = \"NOT_SET\" }, { file",
        "NOT_SET",
        "sources.web.secrets[0]",
    ),
    main(
        "secrets = [{ file",
        "secrets = [{ credential = \"web\" }, { file",
        "credential",
        "sources.web.secrets[0]",
    ),
    main(
        "secrets = [{ file",
        "secrets = [\"written-here-0123456789\", { file",
        "written-here",
        "sources.web.secrets[0]",
    ),
    main(
        "secrets = [{ file",
        "secrets = [{ file = \"/a\", env = \"B\" }, { file",
        "env = \"B\"",
        "sources.web.secrets[0]",
    ),
    main(
        "secrets = [{",
        "secrets = [] # [{",
        "secrets = []",
        "sources.web.secrets",
    ),
    main(
        "",
        "[sources.zoo]\nsecrets = [{ file = \"@/web.secret\" }]\n",
        "secrets = [{ file",
        "sources.zoo.secrets[0]",
    ),
    main(
        "",
        "[sources.\"Web Site\"]\nsecrets = [{ file = \"@/other.secret\" }]\n",
        "Web Site",
        "sources.Web Site",
    ),
    // Routes.
    main("", "[[route]]\nto = [\"nobody\"]\n", "nobody", "route[0].to[0]"),
    main(
        "",
        "[[route]]\nwhen = \"(((\"\nto = [\"crm\"]\n",
        "(((",
        "route[0].when",
    ),
    // The certificate.
    main(
        "",
        "[listen.tls]\ncertificate = \"/nowhere.pem\"\nkey = { file = \"@/web.secret\" }\n",
        "/nowhere.pem",
        "listen.tls.certificate",
    ),
    main(
        "",
        "[listen.tls]\ncertificate = \"@/web.secret\"\nkey = { file = \"@/gone.key\" }\n",
        "gone.key",
        "listen.tls.key",
    ),
    // What needs a restart.
    main(
        "public = \"127",
        "public = \"127.0.0.1:9\" # \"",
        "127.0.0.1:9",
        "listen.public",
    ),
    main("admin.sock", "other.sock", "other.sock", "listen.admin"),
    main("/state\"", "/elsewhere\"", "elsewhere", "state_dir"),
    main(
        "[store]\n",
        "[store]\nfree_space_floor = \"1MiB\"\n",
        "1MiB",
        "store.free_space_floor",
    ),
    main(
        "[store]\n",
        "[store]\npath = \"/other.db\"\n",
        "/other.db",
        "store.path",
    ),
    main(
        "[intake]\n",
        "[intake]\nmax_connections = 7\n",
        "max_connections = 7",
        "intake.max_connections",
    ),
    main("\"json\"", "\"text\"", "\"text\"", "log.format"),
    main(
        "[store]\n",
        "[traces]\nendpoint = \"http://127.0.0.1:4318\"\n\n[store]\n",
        "4318",
        "traces.endpoint",
    ),
    // The connector.
    crm("", "[[[\n", "[[[", ""),
    crm("https-endpoint", "https-endpiont", "https-endpiont", "kind"),
    crm(
        "[settings]\n",
        "[settings]\nurll = \"x\"\n",
        "urll",
        "settings.urll",
    ),
    crm(
        "allow_plain_http = true",
        "allow_plain_http = false",
        "url =",
        "settings.url",
    ),
    crm("[\"destination\"]", "[]", "roles = []", "roles"),
    crm("burst = 1000", "burst = 0", "burst = 0", "rate.burst"),
    crm("[settings]\n", "[report]\n\n[settings]\n", "[report]", "report"),
    crm(
        "[settings]\n",
        "[mapping]\nname = { from = \"emial\" }\n\n[settings]\n",
        "emial",
        "mapping.name.from",
    ),
    crm(
        "[settings]\n",
        "[settings]\nsigning_secrets = [{ file = \"/nowhere\" }]\n",
        "/nowhere",
        "settings.signing_secrets[0]",
    ),
];

/// Breaks the config; gives the line the mistake stands at, and the text of before.
fn break_it(house: &House, broken: &Broken) -> (usize, String) {
    let path = house.path(broken.file);
    let before = std::fs::read_to_string(&path).unwrap();
    let home = house.path("").display().to_string();
    let to = broken.to.replace("@/", &home);
    assert!(before.contains(broken.from), "{}", broken.from);
    let after = if broken.from.is_empty() {
        format!("{before}{to}")
    } else {
        before.replacen(broken.from, &to, 1)
    };
    std::fs::write(&path, &after).unwrap();
    let lines = after.lines().collect::<Vec<_>>();
    // Added text stands at the end.
    let line = lines.iter().rposition(|line| line.contains(broken.at)).unwrap();
    (line + 1, before)
}

/// Whether one of the mistakes is told where it stands.
fn is_told(mistakes: &Value, file: &Path, line: usize, key: &str) -> bool {
    let mistakes = mistakes.as_array().unwrap();
    mistakes.iter().any(|mistake| {
        let found = mistake["key"].as_str().unwrap();
        let named = if key.is_empty() {
            found.is_empty()
        } else {
            found.starts_with(key)
        };
        mistake["file"] == file.display().to_string() && mistake["line"] == line && named
    })
}

#[test]
fn broken_configs_are_refused_at_their_place_while_the_old_one_takes_leads_and_delivers_them() {
    let destination = Destination::open();
    let house = House::build(&Plan {
        connectors: BTreeMap::from([("crm", destination.connector())]),
        ..Plan::default()
    });
    house.write_secret("short.secret", "short");
    house.write_secret("other.secret", "one-more-secret-0123456789abc");
    let mut daemon = Daemon::start(&house);
    let load = Load::begin(&house, 2);
    let mut keys = BTreeSet::new();
    for broken in &BROKEN {
        let (line, before) = break_it(&house, broken);
        let output = house.run(&["--json", "ctl", "reload"]);
        std::fs::write(house.path(broken.file), before).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{}: {complaint}", broken.to);
        let told: Value = serde_json::from_slice(&output.stderr).unwrap();
        let file = house.path(broken.file);
        assert!(
            is_told(&told["details"], &file, line, broken.key),
            "{} at line {line}: {complaint}",
            broken.to
        );
        keys.insert(broken.key);
        let kept = load.ledger.count();
        eventually("leads that are kept all the same", || {
            (load.ledger.count() > kept).then_some(())
        });
    }
    assert!(keys.len() > 20, "{keys:?}");
    let right = house.ask(&["ctl", "reload"]);
    assert_eq!(right["generation"], 2, "none of them was applied: {right}");
    let ledger = load.end();
    assert_eq!((ledger.flaws(), ledger.refusals()), (Vec::new(), 0));
    assert_eq!(ledger.answers().into_keys().collect::<Vec<_>>(), [200]);
    house.await_quiet();
    let records = destination.records();
    assert!(ledger.emails().iter().all(|email| records.get(email) == Some(&1)));
    assert!(
        !house.log().contains("written-here"),
        "a secret written into the config stays there"
    );
    let refused = house.log().matches("\"reload_refused\"").count();
    assert!(refused >= BROKEN.len(), "{refused}");
    daemon.stop();
}

#[test]
fn what_is_told_of_a_refused_config_is_what_check_tells() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    let main = std::fs::read_to_string(house.path(MAIN)).unwrap();
    std::fs::write(house.path(MAIN), main.replace("[log]", "[log]\nlevle = \"info\"")).unwrap();
    let complaint = |command: &[&str]| {
        let output = house.run(command);
        assert_eq!(output.status.code(), Some(78));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = complaint(&["ctl", "reload"]);
    assert_eq!(told, complaint(&["check"]));
    assert!(
        told.contains("leadsync.toml:") && told.contains("log.levle"),
        "{told}"
    );
    assert!(told.contains("did you mean `level`?"), "{told}");
    daemon.stop();
}
