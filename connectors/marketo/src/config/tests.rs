//! What an operator may write, and what is said when it cannot work.

use connector_kit::ConnectorSettings;

use super::*;

const SHIPPED: &str = include_str!("../../../../config/connectors.d/marketo.toml");

fn settings(lines: &str) -> Result<Settings, ConfigError> {
    let base = "base_url = 'https://123-PQR-789.mktorest.com'\nclient_id = { env = 'ID' }\nclient_secret = { env = 'SECRET' }";
    let settings = ConnectorSettings {
        settings: format!("{base}\n{lines}").parse().unwrap(),
        ..ConnectorSettings::default()
    };
    settings.parse()
}

fn refused(lines: &str) -> String {
    let outcome = settings(lines).and_then(|settings| settings.check().map(|()| settings));
    outcome.expect_err(lines).key
}

#[test]
fn every_key_in_the_shipped_file_is_a_default_or_can_be_taken_as_it_stands_there() {
    let (_, own) = SHIPPED.split_once("[settings]").unwrap();
    let (own, _) = own.split_once("\n[mapping]").unwrap();
    let keys = own.lines().filter_map(|line| line.strip_prefix("# "));
    let keys: Vec<&str> = keys
        .filter(|line| line.split_whitespace().nth(1) == Some("=") && !line.starts_with("base_url"))
        .collect();
    assert!(keys.len() > 15, "{keys:?}");
    for key in keys {
        let read = settings(key).unwrap_or_else(|error| panic!("{key}: {error}"));
        read.check().unwrap();
    }
}

#[test]
fn the_address_is_taken_as_the_admin_page_shows_it() {
    for text in [
        "https://123-PQR-789.mktorest.com",
        "https://123-PQR-789.mktorest.com/",
        "https://123-PQR-789.mktorest.com/rest",
        "https://123-PQR-789.mktorest.com/rest/",
        "https://123-PQR-789.mktorest.com/identity",
    ] {
        let mut read = settings("").unwrap();
        read.base_url = text.to_owned();
        assert_eq!(read.base().unwrap().as_str(), "https://123-pqr-789.mktorest.com/");
    }
    for text in [
        "123-PQR-789",
        "https://123-PQR-789.mktorest.com/other",
        "https://a.example/?x=1",
        "",
    ] {
        let mut read = settings("").unwrap();
        read.base_url = text.to_owned();
        assert_eq!(read.base().unwrap_err().key, "settings.base_url", "{text}");
    }
}

#[test]
fn limits_beyond_those_of_an_instance_are_refused() {
    for (lines, key) in [
        ("calls_per_20s = 10001", "settings.calls_per_20s"),
        ("calls_at_once = 11", "settings.calls_at_once"),
        ("daily_calls = 0", "settings.daily_calls"),
        ("quota_share = 1.5", "settings.quota_share"),
        ("do_not_contact = []", "settings.do_not_contact"),
        ("look_back = '91d'", "settings.look_back"),
        ("timeout = 'soon'", "settings.timeout"),
        ("status = { Sold = 'sold' }", "settings.status.Sold"),
        ("without_email = 'ignore'", "settings.without_email"),
        ("munchkin = '1'", "settings.munchkin"),
    ] {
        assert_eq!(refused(lines), key);
    }
}
