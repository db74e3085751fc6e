//! What an operator may write, and what is told of a mistake.

use connector_kit::ConnectorSettings;

use super::*;

const LEAST: &str = r#"
    instance_url = "https://contoso.my.salesforce.com"
    auth = { kind = "client_credentials", client_id = "CK", client_secret = { env = "SECRET" } }
"#;

fn parsed(lines: &str) -> Result<Settings, ConfigError> {
    let mut table: toml::Table = LEAST.parse().unwrap();
    table.extend(lines.parse::<toml::Table>().unwrap());
    let written = ConnectorSettings {
        settings: table,
        ..ConnectorSettings::default()
    };
    let settings: Settings = written.parse()?;
    settings.check()?;
    let policy = TargetPolicy::new(&settings.transport())?;
    let instance = settings.instance(&policy)?;
    settings.login(&policy, &instance)?;
    Ok(settings)
}

fn shipped() -> &'static str {
    include_str!("../../../../config/connectors.d/salesforce.toml")
}

/// Indented lines belong to an alternative.
fn is_setting(line: &str) -> bool {
    !line.starts_with(' ') && line.split_whitespace().nth(1) == Some("=")
}

#[test]
fn every_key_in_the_shipped_file_can_be_taken_as_it_stands_there() {
    let mut section = String::new();
    let mut taken = 0;
    for line in shipped().lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        }
        if !section.starts_with("settings") {
            continue;
        }
        let Some(line) = line.strip_prefix("# ").filter(|line| is_setting(line)) else {
            continue;
        };
        let text = match section.strip_prefix("settings.") {
            Some(part) => format!("[{part}]\n{line}"),
            None => line.to_owned(),
        };
        parsed(&text).unwrap_or_else(|error| panic!("{line}: {} {error}", error.key));
        taken += 1;
    }
    assert!(taken > 25, "{taken}");
}

#[test]
fn what_the_shipped_file_calls_a_default_is_one() {
    let settings = parsed("").unwrap();
    let file: Vec<&str> = shipped()
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .collect();
    for line in [
        r#"api_version = "v62.0""#,
        r#"key_field = "Marketplace_Lead_Id__c""#,
        r#"duplicate_rule = "link""#,
        r#"on_converted = "task""#,
        r#"assignment = "on_create""#,
        r#"missing_fields = "refuse""#,
        r#"do_not_contact_fields = ["DoNotCall", "HasOptedOutOfEmail"]"#,
        r#"describe_every = "4h""#,
        r#"timeout = "100s""#,
        r#"connect_timeout = "5s""#,
        "from = 2000",
        "most = 10000",
        r#"patience = "10m""#,
        r#"amount_field = "Amount""#,
        r#"overlap = "5m""#,
        r#"deleted_every = "10m""#,
        r#"other_status = "open""#,
        r#"permission_set = "Leadsync""#,
    ] {
        assert!(file.contains(&line), "{line}");
    }
    assert_eq!(settings.api_version.number(), "62.0");
    assert_eq!(settings.key_field, "Marketplace_Lead_Id__c");
    assert_eq!(settings.duplicate_rule, DuplicateRule::Link);
    assert_eq!(settings.on_converted, OnConverted::Task);
    assert_eq!(settings.assignment, Assignment::OnCreate);
    assert_eq!(settings.missing_fields, MissingFields::Refuse);
    assert_eq!(
        settings.do_not_contact_fields,
        ["DoNotCall", "HasOptedOutOfEmail"]
    );
    assert_eq!(settings.describe_every, Duration::from_hours(4));
    assert_eq!(
        (settings.timeout.as_secs(), settings.connect_timeout.as_secs()),
        (100, 5)
    );
    assert_eq!(
        (
            settings.bulk.from,
            settings.bulk.most,
            settings.bulk.patience.as_secs()
        ),
        (2_000, 10_000, 600)
    );
    let outcomes = &settings.outcomes;
    assert_eq!(
        (outcomes.amount_field.as_str(), outcomes.other_status),
        ("Amount", Stage::Open)
    );
    assert_eq!(
        (outcomes.overlap.as_secs(), outcomes.deleted_every.as_secs()),
        (300, 600)
    );
    assert_eq!(settings.provision.permission_set, "Leadsync");
}

#[test]
fn a_mistake_names_its_key() {
    for (lines, key, words) in [
        ("api_version = 'v51.0'", "settings.api_version", "v52.0 or newer"),
        ("api_version = 'latest'", "settings.api_version", "not a version"),
        (
            "instance_url = 'https://login.salesforce.com'",
            "settings.instance_url",
            "My Domain",
        ),
        (
            "instance_url = 'https://contoso.my.salesforce.com/services'",
            "settings.instance_url",
            "host alone",
        ),
        (
            "instance_url = 'http://contoso.my.salesforce.com'",
            "settings.instance_url",
            "https",
        ),
        (
            "login_url = 'https://login.salesforce.com'",
            "settings.login_url",
            "only on your My Domain",
        ),
        ("key_field = 'Email'", "settings.key_field", "unique and opaque"),
        ("key_field = \"X' OR Id != '\"", "settings.key_field", "API name"),
        (
            "do_not_contact_fields = ['Do Not Call']",
            "settings.do_not_contact_fields",
            "API name",
        ),
        (
            "assignment_rule = 'My rule'",
            "settings.assignment_rule",
            "assignment rule",
        ),
        (
            "bulk = { from = 500, most = 400 }",
            "settings.bulk.most",
            "bulk.from",
        ),
        (
            "outcomes = { currency = 'euro' }",
            "settings.outcomes.currency",
            "ISO 4217",
        ),
        (
            "outcomes = { lead_amount_field = 'Deal value' }",
            "settings.outcomes.lead_amount_field",
            "API name",
        ),
        (
            "outcomes = { lead_close_field = \"Day__c, Name\" }",
            "settings.outcomes.lead_close_field",
            "API name",
        ),
        (
            "outcomes = { statuses = { Dead = 'gone' } }",
            "settings.outcomes.statuses",
            "deleted",
        ),
        (
            "provision = { columns = { A__c = 'Text(300)' } }",
            "settings.provision.columns.A__c",
            "Text(1..255)",
        ),
        ("timeout = '20'", "settings.timeout", "20s"),
        ("client_id = 'x'", "settings.client_id", "unknown field"),
    ] {
        let error = parsed(lines).expect_err(lines);
        assert_eq!(error.key, key, "{lines}: {error}");
        assert!(error.message.contains(words), "{lines}: {error}");
    }
}

#[test]
fn a_signing_app_may_ask_the_login_host() {
    let auth = r#"
        login_url = "https://login.salesforce.com"
        auth = { kind = "jwt_bearer", client_id = "CK", username = "me@contoso.example", private_key = { env = "KEY" } }
    "#;
    assert!(parsed(auth).is_ok());
}

#[test]
fn custom_fields_have_types() {
    for (text, column) in [
        ("Text(80)", Column::Text(80)),
        ("Text", Column::Text(255)),
        ("LongTextArea(4096)", Column::LongTextArea(4096)),
        ("Number(10, 2)", Column::Number(10, 2)),
        ("Checkbox", Column::Checkbox),
        ("DateTime", Column::DateTime),
    ] {
        assert_eq!(Column::try_from(text.to_owned()), Ok(column));
    }
    for text in [
        "Text(0)",
        "Text(256)",
        "Number(2,2)",
        "Picklist",
        "Checkbox(1)",
        "",
    ] {
        assert!(Column::try_from(text.to_owned()).is_err(), "{text}");
    }
}
