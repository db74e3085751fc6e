//! What can be seen to be wrong is told by its key.

use super::*;
use connector_kit::ConnectorSettings;

fn settings(more: &str) -> Result<Settings, ConfigError> {
    let mut table: toml::Table =
        "tenant = 'contoso.onmicrosoft.com'\nclient_id = 'app'\nvault_key = { env = 'KEY' }\n"
            .parse()
            .unwrap();
    table.extend(more.parse::<toml::Table>().unwrap());
    let own: Settings = ConnectorSettings {
        settings: table,
        ..ConnectorSettings::default()
    }
    .parse()?;
    own.check()?;
    Ok(own)
}

#[test]
fn three_keys_are_enough_and_the_rest_is_as_documented() {
    let own = settings("").unwrap();
    assert_eq!(
        own.referrals_url().unwrap().as_str(),
        "https://api.partner.microsoft.com/v1.0/engagements"
    );
    assert_eq!(
        own.partner_center_url().unwrap().as_str(),
        "https://api.partnercenter.microsoft.com/"
    );
    assert_eq!(
        own.partner_center_audience(),
        "https://api.partnercenter.microsoft.com"
    );
    assert_eq!(
        own.login_url("oauth2/token").unwrap().as_str(),
        "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/token"
    );
    assert_eq!(
        (own.overlap, own.history),
        (TimeDelta::minutes(10), TimeDelta::days(30))
    );
    assert!(own.webhook.is_none());
    let webhook = settings("webhook = {}").unwrap().webhook.unwrap();
    assert_eq!(webhook.events.len(), 5);
    assert!(webhook.ms_signature_header && !webhook.tee);
}

#[test]
fn a_mistake_is_told_by_its_key() {
    for (more, key) in [
        ("tenant = 'a/b'", "settings.tenant"),
        ("client_id = ' '", "settings.client_id"),
        ("page_size = 0", "settings.page_size"),
        ("page_size = 201", "settings.page_size"),
        ("full_scan_every = '1s'", "settings.full_scan_every"),
        ("overlap = 'soon'", "settings.overlap"),
        ("history = '200y'", "settings.history"),
        (
            "referrals_url = 'http://api.partner.example'",
            "settings.referrals_url",
        ),
        ("referrals_url = 'https://h/?x=1'", "settings.referrals_url"),
        ("partner_center_url = 'nowhere'", "settings.partner_center_url"),
        ("authority = 'https://me@h'", "settings.authority"),
        ("datetime_literal = 'odd'", "settings.datetime_literal"),
        ("token_endpoint = 'v3'", "settings.token_endpoint"),
        ("webhook = { url = 'http://h/x' }", "settings.webhook.url"),
        ("webhook = { tee = true }", "settings.webhook.tee"),
        (
            "webhook = { certificate_hosts = [] }",
            "settings.webhook.certificate_hosts",
        ),
        ("webhook = { subject = '' }", "settings.webhook.subject"),
        ("webhook = { issuer = ' ' }", "settings.webhook.issuer"),
        (
            "webhook = { events = ['test-created'] }",
            "settings.webhook.events",
        ),
        ("webhook = { odd = 1 }", "settings.webhook"),
    ] {
        let error = settings(more).unwrap_err();
        assert!(error.key.starts_with(key), "{more}: {} {error}", error.key);
    }
}
