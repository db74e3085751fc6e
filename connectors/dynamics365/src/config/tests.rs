//! What an operator may write, and what not.

use connector_kit::ConnectorSettings;

use super::*;

const LEAST: &str = "environment = 'https://contoso.crm4.dynamics.com'\ntenant = 'contoso'\nclient_id = 'a'\n\
                     auth = { secret = { env = 'SECRET' } }\n";

fn read(more: &str) -> Result<Settings, ConfigError> {
    let settings = ConnectorSettings {
        settings: toml::from_str(&format!("{LEAST}{more}")).unwrap(),
        ..ConnectorSettings::default()
    };
    let own: Settings = settings.parse()?;
    own.check()?;
    Ok(own)
}

fn at(environment: &str) -> Result<String, ConfigError> {
    Settings {
        environment: environment.to_owned(),
        ..read("").unwrap()
    }
    .origin()
}

#[test]
fn the_least_an_operator_writes_has_every_default() {
    let own = read("").unwrap();
    assert_eq!(own.key_column, "lsync_marketplaceleadid");
    assert_eq!((own.bulk, own.bulk_size, own.batch_size), (Bulk::Auto, 1000, 500));
    assert_eq!(
        (own.duplicate_detection, own.on_duplicate),
        (Switch::Off, OnDuplicate::Dead)
    );
    assert_eq!(own.outcomes.follow, Follow::ChangeTracking);
    assert!(
        !own.outcomes.enable_change_tracking,
        "what cannot be undone is never a default"
    );
    assert_eq!(own.prefix(), "lsync");
}

#[test]
fn an_environment_is_an_origin_and_nothing_more() {
    for (written, origin) in [
        (
            "https://contoso.crm4.dynamics.com",
            "https://contoso.crm4.dynamics.com",
        ),
        (
            "https://Contoso.CRM4.dynamics.com/",
            "https://contoso.crm4.dynamics.com",
        ),
        (
            "https://contoso.crm4.dynamics.com:443",
            "https://contoso.crm4.dynamics.com",
        ),
        ("https://crm.example:8443", "https://crm.example:8443"),
    ] {
        assert_eq!(at(written).unwrap(), origin, "{written}");
    }
    for wrong in [
        "contoso",
        "http://contoso.crm4.dynamics.com",
        "https://contoso.crm4.dynamics.com/api/data/v9.2",
        "https://contoso.crm4.dynamics.com/?a",
        "https://me:pw@contoso.crm4.dynamics.com",
        "ftp://contoso.crm4.dynamics.com",
    ] {
        assert_eq!(at(wrong).unwrap_err().key, "settings.environment", "{wrong}");
    }
}

#[test]
fn a_mistake_names_its_key() {
    for (more, key) in [
        ("bulk_size = 1001", "settings.bulk_size"),
        ("batch_size = 0", "settings.batch_size"),
        ("key_column = 'emailaddress1'", "settings.key_column"),
        ("key_column = 'Lsync_Id'", "settings.key_column"),
        ("key_column = 'mscrmx_id'", "settings.key_column"),
        ("api_version = 'v9.2'", "settings.api_version"),
        ("api_version = '9.2/../..'", "settings.api_version"),
        ("outcomes = { page_size = 5001 }", "settings.outcomes.page_size"),
        ("outcomes = { lead = { '1' = 'gone' } }", "settings.outcomes.lead"),
        ("lengths = { subject = 0 }", "settings.lengths.subject"),
        ("bulk = 'sometimes'", "settings.bulk"),
        ("nonsense = 1", "settings.nonsense"),
    ] {
        assert_eq!(read(more).unwrap_err().key, key, "{more}");
    }
}
