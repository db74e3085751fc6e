//! The nineteen ways a connection string was seen, and the addresses it leads to.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    connection_string: String,
    python_sdk_result: Official,
    recommended: String,
}

#[derive(Deserialize)]
struct Official {
    url: Option<String>,
    account: Option<String>,
    credential: Option<String>,
}

fn parse(text: &str) -> Result<Connection, ConfigError> {
    Connection::parse("settings.connection_string", &Secret::new(text))
}

#[test]
fn nineteen_connection_strings_are_read_as_recommended() {
    let text = include_str!("../../../../tests/fixtures/azure-table/connection-strings.json");
    let cases: Cases = serde_json::from_str(text).expect("the cases");
    assert_eq!(cases.cases.len(), 19);
    for case in cases.cases {
        let read = parse(&case.connection_string);
        if case.recommended.starts_with("reject") {
            let error = read.expect_err(&case.name);
            assert!(
                !error.message.contains("a2V5") && !error.message.contains("not-base64"),
                "{error}"
            );
            continue;
        }
        let read = read.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let expected = case
            .python_sdk_result
            .url
            .as_deref()
            .unwrap_or("https://contosoleads.table.core.windows.net");
        assert_eq!(
            read.endpoint.base(),
            expected.trim_end_matches(":443"),
            "{}",
            case.name
        );
        match (&read.opening, case.python_sdk_result.credential.as_deref()) {
            (Opening::Key(account, _), Some("AzureNamedKeyCredential") | None) => {
                assert_eq!(
                    account,
                    case.python_sdk_result
                        .account
                        .as_deref()
                        .unwrap_or("contosoleads")
                );
            }
            (Opening::Sas(_), Some("AzureSasCredential")) => {}
            (opening, official) => panic!("{}: {opening:?} but {official:?}", case.name),
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    for (text, part) in [
        (
            "DefaultEndpointsProtocol=https;AccountName=contosoleads",
            "AccountKey",
        ),
        ("AccountKey=a2V5;EndpointSuffix=core.windows.net", "AccountName"),
        ("hello", "Name=Value"),
        ("  ", "empty"),
        ("AccountName=a;AccountKey=not-base64!", "base64"),
        ("SharedAccessSignature=sv=1&sig=x", "TableEndpoint"),
        ("TableEndpoint=ftp://x;AccountName=a;AccountKey=a2V5", "https"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.message.contains(part), "{text}: {error}");
        assert_eq!(error.key, "settings.connection_string");
    }
}

#[test]
fn a_key_is_never_printed() {
    let connection = parse("AccountName=a;AccountKey=c2VjcmV0LWtleQ==").expect("a connection");
    let printed = format!("{connection:?}");
    assert!(!printed.contains("c2VjcmV0"), "{printed}");
    assert!(printed.contains("***"), "{printed}");
}

#[test]
fn cosmos_is_told_by_its_host() {
    for (url, service) in [
        ("https://a.table.cosmos.azure.com:443/", Service::Cosmos),
        ("https://a.table.cosmosdb.azure.com", Service::Cosmos),
        ("https://a.table.core.windows.net", Service::Storage),
        ("http://127.0.0.1:10002/devstoreaccount1", Service::Storage),
    ] {
        assert_eq!(Endpoint::parse("k", url).expect(url).service(), service, "{url}");
    }
}

#[test]
fn the_account_is_read_off_the_address() {
    for (url, account) in [
        (
            "https://contosoleads.table.core.windows.net",
            Some("contosoleads"),
        ),
        (
            "https://contosoleads-secondary.table.core.windows.net",
            Some("contosoleads"),
        ),
        (
            "http://127.0.0.1:10002/devstoreaccount1",
            Some("devstoreaccount1"),
        ),
        ("http://127.0.0.1:10002", None),
    ] {
        assert_eq!(Endpoint::parse("k", url).expect(url).account(), account, "{url}");
    }
}
