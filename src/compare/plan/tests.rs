//! Two configs, leads as stored, and nobody who could be reached.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::Utc;
use connector_kit::clock::ManualClock;
use connector_kit::conformance::leads;
use connector_kit::dice::Dice;
use connector_kit::http::{
    Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::secret::SecretReader;
use connector_kit::{ConfigError, LeadDelivery};
use tempfile::TempDir;

use super::*;
use crate::app::Outside;
use crate::config::Config;
use crate::store::{LeadKey, Standing, Suppression};

/// Whoever takes this way has broken the promise.
struct Nowhere;

impl TransportFactory for Nowhere {
    fn transport(&self, _: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        panic!("somebody was asked: {}", request.uri());
    }
}

fn outside(credentials: &Path) -> Outside {
    Outside {
        clock: Arc::new(ManualClock::new(chrono::DateTime::<Utc>::default())),
        dice: Dice::seeded(7),
        secrets: SecretReader {
            credentials_dir: Some(credentials.to_owned()),
            ..SecretReader::default()
        },
        transports: Arc::new(Nowhere),
    }
}

/// A config directory with these files below `connectors.d`.
fn config(main: &str, connectors: &[(&str, &str)]) -> TempDir {
    let home = TempDir::new().unwrap();
    std::fs::create_dir(home.path().join("connectors.d")).unwrap();
    std::fs::write(home.path().join("leadsync.toml"), main).unwrap();
    for (name, text) in connectors {
        std::fs::write(home.path().join(format!("connectors.d/{name}.toml")), text).unwrap();
    }
    home
}

fn side(home: &TempDir) -> Side {
    let loaded = Config::load(home.path(), &std::collections::BTreeMap::new()).unwrap();
    Side::build(&loaded, &outside(home.path()), &[]).unwrap()
}

fn file_with(mapping: &str) -> String {
    format!(
        "kind = 'file'\nroles = ['destination']\n[settings]\npath = '/nowhere/leads.jsonl'\n[mapping]\n{mapping}"
    )
}

fn archive(mapping: &str) -> Side {
    side(&config("", &[("archive", &file_with(mapping))]))
}

fn stored(delivery: &LeadDelivery) -> Surveyed {
    Surveyed {
        key: LeadKey(1),
        lead: delivery.lead.as_ref().clone(),
        revision: delivery.revision,
        revised_at: delivery.revised_at,
        suppression: None,
        delivery: None,
    }
}

fn compared(before: Option<&Side>, after: &Side, leads: &[Surveyed]) -> DestinationPlan {
    compare(before, after, &DestinationName::new("archive"), leads)
}

fn value(text: &str) -> RenderedValue {
    RenderedValue::Fixed(text.into())
}

#[test]
fn a_changed_line_is_told_with_both_values_and_an_unchanged_lead_not_at_all() {
    let before = archive("Company = { from = 'person.company' }\nGone = { from = 'person.title' }");
    let after = archive("Company = { from = 'person.company', pipe = ['upper'] }\nNew = { from = 'intent' }");
    let mut quiet = leads::delivery(2);
    Arc::make_mut(&mut quiet.lead).person = connector_kit::lead::Person::default();
    let plan = compared(
        Some(&before),
        &after,
        &[stored(&leads::delivery(1)), stored(&quiet)],
    );
    assert_eq!((plan.leads, plan.taken, plan.kind.as_str()), (2, 2, "file"));
    let Change::Fields(fields) = &plan.changes[0].what else {
        panic!("{plan:?}")
    };
    let told: Vec<_> = fields
        .iter()
        .map(|field| (field.field.as_str(), field.before.clone(), field.after.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "data.Company",
                Some(value("Company1Canary")),
                Some(value("COMPANY1CANARY"))
            ),
            ("data.New", None, Some(value("contact_me"))),
            ("data.Gone", Some(value("Title1Canary")), None),
        ]
    );
    let counts = plan.fields();
    assert_eq!(counts["data.New"].0, 2);
    assert_eq!(counts["data.Company"].0, 1);
    assert!(
        compared(Some(&after), &after, &[stored(&leads::delivery(1))])
            .changes
            .is_empty()
    );
}

#[test]
fn what_would_become_a_dead_letter_is_told_before_it_is_one() {
    let before = archive("Phone = { from = 'person.phone' }");
    let after = archive("Phone = { from = 'person.phone', required = true, max_length = 4 }");
    let mut silent = leads::delivery(2);
    Arc::make_mut(&mut silent.lead).person.phone = None;
    let all = [stored(&leads::delivery(1)), stored(&silent)];
    let plan = compared(Some(&before), &after, &all);
    assert!(plan.fails());
    let why: Vec<String> = plan
        .changes
        .iter()
        .map(|change| match &change.what {
            Change::Fails(error) => error.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(why[0].contains("12 characters"), "{why:?}");
    assert!(why[1].contains("required"), "{why:?}");
    let healed = compared(Some(&after), &before, &all);
    assert!(!healed.fails());
    assert_eq!(healed.count(|change| matches!(change, Change::Heals(_))), 2);
    assert!(
        compared(Some(&after), &after, &all).changes.is_empty(),
        "it was so before"
    );
    assert!(compared(None, &after, &all).fails());
}

#[test]
fn a_changed_route_is_told_as_leads_that_join_and_leave() {
    let only = |offer: &str| format!("[[route]]\nto = ['archive']\nwhen = \"offer == '{offer}'\"");
    let files = [("archive", file_with("Offer = { from = 'touch.offer' }"))];
    let files = [(files[0].0, files[0].1.as_str())];
    let before = side(&config(&only("contoso.analytics-pro"), &files));
    let after = side(&config(&only("contoso.backup"), &files));
    let lead = [stored(&leads::delivery(1))];
    let plan = compared(Some(&before), &after, &lead);
    assert!(matches!(plan.changes[0].what, Change::Leaves), "{plan:?}");
    let plan = compared(Some(&after), &before, &lead);
    assert!(matches!(&plan.changes[0].what, Change::Joins(fields) if !fields.is_empty()));
    assert_eq!(plan.taken, 1);
}

#[test]
fn nobody_who_must_not_be_contacted_is_shown_as_if_he_were_written() {
    let before = archive("Company = { from = 'person.company' }");
    let after = archive("Company = { from = 'person.company', pipe = ['upper'] }");
    let mut forbidden = stored(&leads::forbidden(&leads::delivery(1), 2));
    assert!(
        compared(Some(&before), &after, std::slice::from_ref(&forbidden))
            .changes
            .is_empty()
    );
    forbidden.delivery = Some(Standing {
        state: "delivered",
        held: 1,
        uncertain: false,
        record: None,
        at: chrono::DateTime::default(),
    });
    let plan = compared(None, &after, &[forbidden]);
    assert!(!format!("{plan:?}").contains("Canary"), "{plan:?}");
    assert_eq!(plan.taken, 1, "but that he must not be contacted is written");
    let mut test = stored(&leads::delivery(1));
    test.suppression = Some(Suppression::TestLead);
    assert_eq!(compared(None, &after, &[test]).taken, 0);
}

#[test]
fn every_kind_of_destination_shows_its_shipped_record_and_asks_nobody() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/connectors.d");
    let names = [
        "azure-table",
        "dynamics365",
        "leads-file",
        "marketo",
        "salesforce",
        "webhook",
    ];
    let texts = names.map(|name| std::fs::read_to_string(shipped.join(format!("{name}.toml"))).unwrap());
    let files: Vec<(&str, &str)> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
    let home = config("", &files);
    let table = "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0;\
                 EndpointSuffix=core.windows.net";
    for (name, text) in [
        ("azure-table", table),
        ("dynamics365", "secret"),
        ("marketo-client-id", "id"),
        ("marketo-client-secret", "secret"),
        ("salesforce", "secret"),
    ] {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let side = side(&home);
    let kinds: Vec<&str> = side.destinations().map(|(_, kind)| kind).collect();
    assert_eq!(
        kinds,
        [
            "azure-table",
            "dynamics365",
            "file",
            "marketo",
            "salesforce",
            "https-endpoint"
        ]
    );
    for name in names {
        let all = [stored(&leads::delivery(1)), stored(&leads::referred(2))];
        let plan = compare(None, &side, &DestinationName::new(name), &all);
        assert_eq!((plan.taken, plan.changes.len()), (2, 2), "{name}: {plan:?}");
        let counted = plan.fields();
        assert!(counted.len() > 5, "{name}: {counted:?}");
        assert!(format!("{plan:?}").contains("Company1Canary"), "{name}");
    }
}
