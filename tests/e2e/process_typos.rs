//! Slips of the finger in the shipped config: `leadsync check` names the line and the nearest key of each.

use std::process::Output;

use serde_json::Value;

use crate::process::House;

/// A secret that fits wherever the shipped config names one.
const FITTING: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
/// And one that opens a storage account.
const CONNECTION: &str = "DefaultEndpointsProtocol=https;AccountName=contosoleads;\
    AccountKey=YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=;EndpointSuffix=core.windows.net";
/// Names the shipped files give to their secrets.
const CREDENTIALS: [(&str, &str); 9] = [
    ("website.secret", FITTING),
    ("salesforce", FITTING),
    ("dynamics365", FITTING),
    ("marketo-client-id", FITTING),
    ("marketo-client-secret", FITTING),
    ("partner-center", FITTING),
    ("partner-center-key", FITTING),
    ("azure-table", CONNECTION),
    ("marketplace-table", CONNECTION),
];

/// The config that is shipped, in a house of its own, with one file of `connectors.d`.
struct Shipped(House);

impl Shipped {
    fn with(connector: &str) -> Self {
        let house = House::new();
        std::fs::create_dir(house.path("credentials")).unwrap();
        for (name, secret) in CREDENTIALS {
            house.write_secret(&format!("credentials/{name}"), secret);
        }
        for file in ["leadsync.toml", connector] {
            std::fs::write(house.path(file), shipped(file)).unwrap();
        }
        Self(house)
    }

    fn change(&self, file: &str, from: &str, to: &str) -> String {
        let text = shipped(file);
        assert!(text.contains(from), "{file} does not say {from}");
        let changed = text.replacen(from, to, 1);
        std::fs::write(self.0.path(file), &changed).unwrap();
        changed
    }

    fn check(&self, env: &[(&str, &str)]) -> Output {
        let mut command = self.0.command();
        command
            .env("CREDENTIALS_DIRECTORY", self.0.path("credentials"))
            .envs(env.iter().copied())
            .args(["--json", "check"]);
        command.output().unwrap()
    }
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(format!("{}/config/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What `check` said is wrong; it ended with 78.
#[track_caller]
fn mistakes(output: &Output) -> Vec<Value> {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{complaint}");
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    told["details"].as_array().unwrap().clone()
}

struct Slip {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    /// Stands on the line that must be named, and nowhere before.
    on: &'static str,
    key: &'static str,
    /// The word that was meant; none where the key is right and its value is not TOML.
    meant: Option<&'static str>,
}

const fn slip(
    file: &'static str,
    [from, to, on]: [&'static str; 3],
    key: &'static str,
    meant: &'static str,
) -> Slip {
    let meant = if meant.is_empty() { None } else { Some(meant) };
    Slip {
        file,
        from,
        to,
        on,
        key,
        meant,
    }
}

const MAIN: &str = "leadsync.toml";
const WEBHOOK: &str = "connectors.d/webhook.toml";
const FILE: &str = "connectors.d/leads-file.toml";
const TABLE: &str = "connectors.d/azure-table.toml";
const SALESFORCE: &str = "connectors.d/salesforce.toml";
const DYNAMICS: &str = "connectors.d/dynamics365.toml";
const MARKETO: &str = "connectors.d/marketo.toml";
const PARTNER_CENTER: &str = "connectors.d/partner-center.toml";

#[rustfmt::skip]
const SLIPS: [Slip; 30] = [
    // Keys and tables of the main file.
    slip(MAIN, ["state_dir =", "state_dri =", "state_dri"], "state_dri", "state_dir"),
    slip(MAIN, ["[intake]", "[intak]", "[intak]"], "intak", "intake"),
    slip(MAIN, ["rate_per_address = { per_second", "rate_per_address = { per_secnd", "per_secnd"], "intake.rate_per_address.per_secnd", "per_second"),
    slip(MAIN, ["#[sources.website]\n", "[sources.website]\nsecret = [{ credential = \"website.secret\" }]\n", "secret = ["], "sources.website.secret", "secrets"),
    slip(MAIN, ["#[sources.website]\n", "[sources.website]\nsecrets = [{ credental = \"website.secret\" }]\n", "credental"], "sources.website.secrets[0].credental", "credential"),
    // Words of which only some will do.
    slip(MAIN, ["by = \"person\"", "by = \"preson\"", "preson"], "dedupe.by", "person"),
    slip(MAIN, ["level = \"info\"", "level = \"inof\"", "inof"], "log.level", "info"),
    // What is no TOML.
    slip(MAIN, ["level = \"info\"", "level = info", "= info "], "log.level", ""),
    slip(MAIN, ["max_body = \"64KiB\"", "max_body = \"64KiB", "\"64KiB "], "intake.max_body", ""),
    slip(MAIN, ["window = \"24h\"", "window = 24h", "= 24h"], "dedupe.window", ""),
    // Routes, and what they name.
    slip(MAIN, ["#[[route]]\n", "[[route]]\nwhen = 'countri == \"DE\"'\nto = []\n", "countri =="], "route[0].when", "country"),
    slip(MAIN, ["#[[route]]\n", "[[route]]\nto = [\"webhok\"]\n", "webhok"], "route[0].to[0]", "webhook"),
    // Files of connectors.
    slip(SALESFORCE, ["\"salesforce\"", "\"salesfroce\"", "salesfroce"], "kind", "salesforce"),
    slip(SALESFORCE, ["\"outcome-source\"", "\"outcome_sorce\"", "outcome_sorce"], "roles[1]", "outcome-source"),
    slip(DYNAMICS, ["concurrency = 4", "concurency = 4", "concurency"], "concurency", "concurrency"),
    slip(PARTNER_CENTER, ["{ value = \"crm\"", "{ valeu = \"crm\"", "valeu"], "report.fields.valeu", "value"),
    // Settings of every kind.
    slip(SALESFORCE, ["instance_url = ", "instnace_url = ", "instnace_url"], "settings.instnace_url", "instance_url"),
    slip(SALESFORCE, ["kind = \"client_credentials\"", "kind = \"client_credntials\"", "client_credntials"], "settings.auth.kind", "client_credentials"),
    slip(SALESFORCE, ["client_secret = { credential", "client_secret = { credentail", "credentail"], "settings.auth.client_secret.credentail", "credential"),
    slip(DYNAMICS, ["[settings.do_not_contact]", "[settings.do_not_contct]", "do_not_contct"], "settings.do_not_contct", "do_not_contact"),
    slip(DYNAMICS, ["\"1\"   = \"accepted\"", "\"1\"   = \"acepted\"", "\"acepted\""], "settings.outcomes.lead.1", "accepted"),
    slip(MARKETO, ["base_url", "bse_url", "bse_url"], "settings.bse_url", "base_url"),
    slip(PARTNER_CENTER, ["datetime_literal = \"plain\"", "datetime_literal = \"plian\"", "\"plian\""], "settings.datetime_literal", "plain"),
    slip(TABLE, ["\"Edm.DateTime\"", "\"Edm.DatTime\"", "Edm.DatTime"], "settings.types.FirstSeen", "Edm.DateTime"),
    slip(FILE, ["path = ", "pth = ", "pth"], "settings.pth", "path"),
    slip(WEBHOOK, ["url = \"https://hooks.example.com/leads\"", "url = { credntial = \"webhook-url\" }", "credntial"], "settings.url.credntial", "credential"),
    // Mappings.
    slip(SALESFORCE, ["from = \"person.first_name\"", "from = \"persn.first_name\"", "\"persn."], "mapping.FirstName.from", "person.first_name"),
    slip(SALESFORCE, ["'join(", "'jion(", "'jion("], "mapping.Description.pipe[0]", "join"),
    slip(SALESFORCE, ["write = \"create_only\"", "write = \"create-onyl\"", "create-onyl"], "mapping.LeadSource.write", "create_only"),
    slip(DYNAMICS, ["expr = 'person.last_name", "expr = 'person.lastname", "person.lastname"], "mapping.lastname.expr", "person.last_name"),
];

/// What is wrong with how a slip was told, if anything.
fn told_wrongly(slip: &Slip) -> Option<String> {
    let connector = if slip.file == MAIN { WEBHOOK } else { slip.file };
    let house = Shipped::with(connector);
    let text = house.change(slip.file, slip.from, slip.to);
    let line = text.lines().position(|line| line.contains(slip.on)).unwrap() + 1;
    let found = mistakes(&house.check(&[]));
    let is_right = found.len() == 1
        && found[0]["file"].as_str().unwrap().ends_with(slip.file)
        && found[0]["line"] == line
        && found[0]["key"] == slip.key
        && found[0]["did_you_mean"].as_str() == slip.meant;
    (!is_right).then(|| format!("{} in line {line} of {}: {found:?}", slip.key, slip.file))
}

#[test]
fn every_slip_is_named_with_its_line_and_the_nearest_key() {
    let wrongly: Vec<String> = SLIPS.iter().filter_map(told_wrongly).collect();
    assert!(wrongly.is_empty(), "{}", wrongly.join("\n"));
    println!(
        "seeded typos named with line and nearest key: {} of 30",
        SLIPS.len()
    );
}

#[test]
fn without_any_slip_the_shipped_config_is_right() {
    for slip in &SLIPS {
        let connector = if slip.file == MAIN { WEBHOOK } else { slip.file };
        let output = Shipped::with(connector).check(&[]);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{connector}: {complaint}");
    }
}

#[test]
fn a_slip_in_the_environment_is_named_by_its_variable() {
    let house = Shipped::with(WEBHOOK);
    for (variable, value, key, meant) in [
        ("LEADSYNC_INTAKE__QUEU", "5", "intake.queu", "queue"),
        ("LEADSYNC_LOG__LEVEL", "inof", "log.level", "info"),
        ("LEADSYNC_LISTN__PUBLIC", "127.0.0.1:80", "listn", "listen"),
    ] {
        let found = mistakes(&house.check(&[(variable, value)]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["file"], format!("${variable}"));
        assert_eq!(
            (&found[0]["key"], &found[0]["did_you_mean"]),
            (&key.into(), &meant.into())
        );
    }
}

/// Fault F36: without certificates of authorities no server could ever be believed.
#[test]
fn without_a_ca_bundle_check_names_the_connector_and_the_package() {
    let house = Shipped::with(WEBHOOK);
    let nowhere = house.0.path("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let found = mistakes(&house.check(&[("SSL_CERT_FILE", nowhere), ("SSL_CERT_DIR", nowhere)]));
    assert!(found[0]["file"].as_str().unwrap().ends_with(WEBHOOK), "{found:?}");
    assert!(
        found[0]["message"].as_str().unwrap().contains("ca-certificates"),
        "{found:?}"
    );
}

#[test]
fn a_hundred_sources_with_the_same_secret_are_refused_by_name() {
    let house = Shipped::with(WEBHOOK);
    let sources = (1..=100).map(|n| {
        house.0.write_secret(&format!("credentials/secret-{n}"), FITTING);
        format!("[sources.site-{n}]\nsecrets = [{{ credential = \"secret-{n}\" }}]\n")
    });
    let text = format!("{}\n{}", shipped(MAIN), sources.collect::<String>());
    std::fs::write(house.0.path(MAIN), text).unwrap();
    let output = house.check(&[]);
    let found = mistakes(&output);
    assert_eq!(found.len(), 99, "all but the first");
    assert!(found.iter().all(|mistake| {
        mistake["message"]
            .as_str()
            .unwrap()
            .contains("has the same secret")
    }));
    assert!(!String::from_utf8_lossy(&output.stderr).contains(FITTING));
}
