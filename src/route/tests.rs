//! Which leads go where.

use chrono::{DateTime, Utc};
use connector_kit::LeadId;
use connector_kit::lead::{Intent, Lead, Person, Said, Touch};

use super::{RouteConfig, RouteTarget, Routes};

const THEN: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn lead(account: &str, country: &str) -> Lead {
    let touch = Touch {
        at: THEN,
        source: "website".into(),
        storefront: "AppSource".to_owned(),
        action: "INS".to_owned(),
        lead_source: String::new(),
        action_code: String::new(),
        offer: "contoso.scanner".to_owned(),
        publisher: "contoso".to_owned(),
        offer_title: String::new(),
        description: String::new(),
        intent: Intent::Acquired,
        dnc: false,
        extra: std::collections::BTreeMap::new(),
        referral: None,
    };
    let country = Said {
        value: country.to_owned(),
        raw: None,
        normal: true,
        at: THEN,
    };
    Lead {
        id: LeadId::from_bytes([1; 16]),
        account: account.into(),
        person: Person {
            country: Some(country),
            ..Person::default()
        },
        intent: Intent::Acquired,
        dnc: false,
        first_at: THEN,
        last_at: THEN,
        touches: vec![touch],
        referrals: Vec::new(),
    }
}

fn targets() -> Vec<RouteTarget> {
    [
        ("archive", "default"),
        ("crm", "default"),
        ("other-crm", "fabrikam"),
    ]
    .map(|(name, account)| RouteTarget {
        name: name.into(),
        account: account.into(),
    })
    .to_vec()
}

fn route(when: Option<&str>, to: &[&str]) -> RouteConfig {
    RouteConfig {
        when: when.map(str::to_owned),
        to: to.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn chosen(routes: &[RouteConfig], lead: &Lead) -> Vec<String> {
    let routes = Routes::parse(routes, &targets()).expect("routes compile");
    routes.choose(lead).iter().map(ToString::to_string).collect()
}

#[test]
fn without_routes_a_lead_goes_to_every_destination_of_its_account() {
    assert_eq!(chosen(&[], &lead("default", "DE")), ["archive", "crm"]);
    assert_eq!(chosen(&[], &lead("fabrikam", "DE")), ["other-crm"]);
    assert!(chosen(&[], &lead("nobody", "DE")).is_empty());
}

#[test]
fn a_condition_may_ask_for_every_promised_name() {
    for when in [
        "account == 'default'",
        "source == 'website'",
        "action in ['INS', 'PLT']",
        "offer is startingwith('contoso.')",
        "publisher == 'contoso'",
        "storefront|lower == 'appsource'",
        "country == 'DE'",
        "kind == 'lead'",
        "intent == 'acquired'",
        "hot",
    ] {
        assert_eq!(
            chosen(&[route(Some(when), &["crm"])], &lead("default", "DE")),
            ["crm"],
            "{when}"
        );
        let negated = format!("not ({when})");
        assert!(
            chosen(&[route(Some(&negated), &["crm"])], &lead("default", "DE")).is_empty(),
            "{when}"
        );
    }
}

#[test]
fn a_lead_whose_newest_touch_is_a_referral_is_of_that_kind() {
    let version = connector_kit::referral::ReferralVersion {
        id: "a-1".parse().unwrap(),
        updated_at: THEN,
    };
    let mut referred = lead("default", "DE");
    let asked = referred.touches[0].clone();
    referred.touches[0].referral = Some(version);
    referred.touches.push(asked.clone());
    let kind = |kind: &str, lead: &Lead| {
        let when = format!("kind == '{kind}'");
        chosen(&[route(Some(&when), &["crm"])], lead).len()
    };
    assert_eq!((kind("referral", &referred), kind("lead", &referred)), (1, 0));
    referred.touches.insert(0, asked);
    assert_eq!((kind("referral", &referred), kind("lead", &referred)), (0, 1));
}

#[test]
fn all_routes_that_match_add_up_and_no_destination_comes_twice() {
    let routes = [
        route(Some("country == 'FR'"), &["archive"]),
        route(Some("hot"), &["crm", "archive"]),
        route(None, &["crm"]),
    ];
    assert_eq!(chosen(&routes, &lead("default", "DE")), ["archive", "crm"]);
    assert_eq!(chosen(&routes[..1], &lead("default", "DE")), Vec::<String>::new());
}

#[test]
fn accounts_never_mix_even_when_a_route_names_a_foreign_destination() {
    assert!(chosen(&[route(None, &["other-crm"])], &lead("default", "DE")).is_empty());
}

#[test]
fn a_condition_that_fails_takes_the_lead_because_none_may_be_lost() {
    assert_eq!(
        chosen(
            &[route(Some("country - 1 > 2"), &["crm"])],
            &lead("default", "DE")
        ),
        ["crm"]
    );
}

#[test]
fn a_mistake_names_its_key_and_the_nearest_right_word() {
    for (route, key, part) in [
        (
            route(Some("contry == 'DE'"), &[]),
            "route[0].when",
            "did you mean `country`",
        ),
        (route(Some("country ="), &[]), "route[0].when", ""),
        (
            route(Some("offer|uper == 'X'"), &[]),
            "route[0].when",
            "did you mean `upper`",
        ),
        (
            route(None, &["crm", "archiv"]),
            "route[0].to[1]",
            "did you mean `archive`",
        ),
    ] {
        let error = Routes::parse(&[route], &targets()).expect_err(key);
        assert_eq!(error.key, key);
        assert!(error.message.contains(part), "{}", error.message);
    }
}
