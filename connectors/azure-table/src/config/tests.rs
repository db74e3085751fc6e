//! What an operator may write, and what is refused with the key that is wrong.

use connector_kit::{ConnectorSettings, Role};

use super::*;

fn entry(text: &str) -> Result<(Endpoint, Entry), ConfigError> {
    let settings = ConnectorSettings {
        roles: vec![Role::Source],
        settings: toml::from_str(text).expect("TOML"),
        ..ConnectorSettings::default()
    };
    let secrets = SecretReader {
        env: [
            ("C", "AccountName=a;AccountKey=a2V5"),
            ("KEY", "a2V5"),
            ("BAD", "no!"),
            ("SAS", "sv=1&sig=x"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect(),
        ..SecretReader::default()
    };
    settings.parse::<Settings>()?.entry(&secrets)
}

const URL: &str = "endpoint = \"https://contosoleads.table.core.windows.net\"\n";

#[test]
fn each_way_in_is_understood() {
    let keys = |text: &str| match entry(text) {
        Ok((_, Entry::Ready(Access::Keys { account, keys, .. }))) => (account, keys.len()),
        _ => panic!("{text}"),
    };
    assert_eq!(keys("connection_string = { env = \"C\" }"), ("a".to_owned(), 1));
    assert_eq!(
        keys("connection_string = { env = \"C\" }\nsecond_key = { env = \"KEY\" }"),
        ("a".to_owned(), 2)
    );
    assert_eq!(
        keys(&format!("{URL}auth.shared-key = {{ key = {{ env = \"KEY\" }} }}")),
        ("contosoleads".to_owned(), 1)
    );
    let sas = entry(&format!("{URL}auth.sas = {{ token = {{ env = \"SAS\" }} }}"));
    assert!(matches!(sas, Ok((_, Entry::Ready(Access::Sas(_))))));
    let login = "auth.entra = { tenant = \"t\", client_id = \"c\", client_secret = { env = \"KEY\" } }";
    assert!(matches!(
        entry(&format!("{URL}{login}")),
        Ok((_, Entry::Login(_)))
    ));
}

#[test]
fn a_mistake_names_its_key() {
    for (text, key) in [
        ("", "settings"),
        (URL, "settings"),
        (
            "connection_string = { env = \"C\" }\nendpoint = \"https://x\"",
            "settings",
        ),
        (
            "connection_string = { env = \"NOPE\" }",
            "settings.connection_string",
        ),
        (
            "connection_string = { env = \"BAD\" }",
            "settings.connection_string",
        ),
        (
            "connection_string = { env = \"C\" }\nsecond_key = { env = \"BAD\" }",
            "settings.second_key",
        ),
        ("conection_string = { env = \"C\" }", "settings.conection_string"),
        (
            "connection_string = { env = \"C\" }\nsignature = \"hmac\"",
            "settings.signature",
        ),
    ] {
        let error = entry(text).err().unwrap_or_else(|| panic!("{text}"));
        assert!(error.key.starts_with(key), "{text}: {} {error}", error.key);
    }
}

#[test]
fn plain_http_needs_its_network_named() {
    let endpoint = Endpoint::parse("k", "http://127.0.0.1:10002/devstoreaccount1").expect("an endpoint");
    let settings = |text: &str| toml::from_str::<Settings>(text).expect("settings");
    let error = settings("").transport(&endpoint).expect_err("not by default");
    assert_eq!(error.key, "settings.allow_private_targets");
    let allowed = settings("allow_private_targets = [\"127.0.0.0/8\"]")
        .transport(&endpoint)
        .expect("allowed");
    assert!(allowed.allow_plain_http && allowed.allowed_ports.contains(&10_002));
    assert!(
        allowed.total_timeout > Duration::from_secs(30),
        "writes run up to 30 s at the service"
    );
}

#[test]
fn time_spans_are_bounded() {
    for (text, good) in [
        ("10m", true),
        ("24h", true),
        ("30d", true),
        ("31d", false),
        ("soon", false),
        ("", false),
    ] {
        assert_eq!(span("settings.overlap", text).is_ok(), good, "{text}");
    }
}
