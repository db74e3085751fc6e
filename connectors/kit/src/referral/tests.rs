//! What a referral says, how it stands, and what may be changed.

use super::read::referral;
use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
    std::fs::read(format!("{folder}/{name}.json")).unwrap()
}

fn read(name: &str) -> ReferralDocument {
    referral(&fixture(name)).unwrap()
}

fn base() -> Referral {
    read("referral_new_pending_direct_lead").referral
}

#[test]
fn a_new_lead_of_a_customer_is_read_whole() {
    let ReferralDocument {
        referral: new,
        customer,
    } = read("referral_new_pending_direct_lead");
    assert_eq!(new.id.as_str(), "61c65492-0000-4000-8000-3654499bc1da");
    assert_eq!(new.state, ReferralState::Pending);
    assert_eq!(new.kind, ReferralKind::CustomerInquiry);
    assert_eq!(new.etag, "\"84001c9d-0000-0100-0000-6631fa220000\"");
    assert_eq!(new.created_at.to_rfc3339(), "2024-05-01T08:15:30.123456700+00:00");
    assert_eq!(new.answer_due().to_rfc3339(), "2024-05-15T00:00:00+00:00");
    assert!(new.ours && new.wants_contact && new.incoming && !new.favourite);
    assert_eq!(new.consent.contact, Some(true));
    assert_eq!(new.team[0].email, "ola.nordmann@contoso.example");
    assert_eq!(new.solutions, ["SOL-34104-EBB"]);
    assert_eq!(
        (customer.company.as_str(), customer.country.as_str()),
        ("Fabrikam Inc", "US")
    );
    assert_eq!(customer.contact().unwrap().email, "sue.smith@fabrikam.example");
}

#[test]
fn every_sample_is_read_and_says_how_it_stands() {
    let table = [
        (
            "referral_active_accepted_shared",
            "Active/Accepted",
            Phase::Active,
        ),
        ("referral_active_engaged", "Active/Engaged", Phase::Active),
        ("referral_closed_declined", "Closed/Declined", Phase::Closed),
        ("referral_closed_error", "Closed/Error", Phase::Closed),
        ("referral_closed_expired", "Closed/Expired", Phase::Closed),
        ("referral_closed_lost", "Closed/Lost", Phase::Closed),
        (
            "referral_closed_won_registration_pending",
            "Closed/Won",
            Phase::Closed,
        ),
        (
            "referral_edge_unicode_unknown_values",
            "Active/SomeFutureSubstatus",
            Phase::Active,
        ),
        ("referral_new_received", "New/Received", Phase::New),
        ("referral_outgoing_partner_led", "Active/Accepted", Phase::Active),
    ];
    for (name, state, phase) in table {
        let found = read(name).referral.state;
        assert_eq!(
            (found.to_string().as_str(), found.phase()),
            (state, phase),
            "{name}"
        );
    }
}

#[test]
fn entities_and_odd_shapes_of_live_data_are_read() {
    let ReferralDocument {
        referral: odd,
        customer,
    } = read("referral_edge_unicode_unknown_values");
    assert_eq!(customer.company, "EJEMPLO OIL & GAS S.A.");
    assert_eq!(odd.deal.value.unwrap().to_string(), "0");
    assert_eq!(odd.deal.currency.as_deref(), Some("JPY"));
    assert_eq!(
        plain::plain("a &amp;lt; b &#39;x&#x2F; &nope; & &#0;"),
        "a &lt; b 'x/ &nope; & &#0;"
    );
}

#[test]
fn what_holds_no_referral_is_refused_without_being_quoted() {
    for bytes in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"id":"../x","createdDateTime":"2024-05-01T08:15:30Z"}"#,
        r#"{"id":"a"}"#,
    ] {
        let refused = referral(bytes.as_bytes()).unwrap_err().to_string();
        assert!(
            refused.starts_with("th") && !refused.contains(".."),
            "{bytes}: {refused}"
        );
    }
    let least = r#"{"ID":"A-1","CreatedDateTime":"2024-05-01T08:15:30"}"#;
    let found = referral(least.as_bytes()).unwrap().referral;
    assert_eq!((found.id.as_str(), found.state.phase()), ("a-1", Phase::Unknown));
}

#[test]
fn microsofts_side_of_a_deal_is_not_ours_to_answer() {
    let least = r#""id":"a","createdDateTime":"2024-05-01T08:15:30Z""#;
    for (more, ours) in [
        (r#""organizationId":"msft""#, false),
        (
            r#""target":[{"type":"BusinessProfileLocation","id":"MSFT"}]"#,
            false,
        ),
        (r#""target":[{"type":"SolutionProfile","id":"SOL-1"}]"#, true),
        (r#""inviteContext":{"invitedBy":{"organizationId":"msft"}}"#, true),
    ] {
        let found = referral(format!("{{{least},{more}}}").as_bytes()).unwrap();
        assert_eq!(found.referral.ours, ours, "{more}");
    }
}

#[test]
fn a_local_midnight_means_its_own_day() {
    let table = [
        ("2024-09-30T00:00:00Z", "2024-09-30"),
        ("2024-09-29T22:00:00Z", "2024-09-30"),
        ("2024-09-30T05:00:00Z", "2024-09-30"),
        ("2024-09-29T12:00:00Z", "2024-09-30"),
        ("2024-09-30T11:59:59Z", "2024-09-30"),
    ];
    for (written, day) in table {
        let deal = Deal {
            closes_at: written.parse().ok(),
            ..Deal::default()
        };
        assert_eq!(deal.closes_on().unwrap().to_string(), day, "{written}");
    }
}

#[test]
fn only_documented_steps_are_legal() {
    use ReferralMove::{Accept, Acknowledge, Decline, Lose, Win};
    let states = [
        "New/Pending",
        "New/Received",
        "Active/Accepted",
        "Active/Engaged",
        "Active/X",
        "Closed/Won",
        "Closed/X",
        "X/Y",
    ];
    let legal: Vec<Vec<ReferralMove>> = states
        .iter()
        .map(|text| {
            let state = ReferralState::from((*text).to_owned());
            [Acknowledge, Accept, Decline, Win, Lose]
                .into_iter()
                .filter(|step| step.is_legal_from(&state))
                .collect()
        })
        .collect();
    let none = Vec::new();
    assert_eq!(
        legal,
        [
            vec![Acknowledge, Accept, Decline],
            vec![Accept, Decline],
            vec![Win, Lose],
            vec![Win, Lose],
            vec![Win, Lose],
            none.clone(),
            none.clone(),
            none,
        ]
    );
}

#[test]
fn a_change_forgets_what_the_referral_says_already() {
    let mut held = base();
    held.deal = Deal {
        value: "25000".parse().ok(),
        currency: Some("USD".into()),
        closes_at: "2024-09-29T22:00:00Z".parse().ok(),
        notes: "By phone.".into(),
    };
    let wanted = ReferralChange {
        value: "25000.00".parse().ok(),
        currency: Some("USD".into()),
        closes_on: "2024-09-30".parse().ok(),
        notes: Some(" By phone. ".into()),
        team: vec![Member {
            email: "OLA.nordmann@contoso.example".into(),
            ..Member::default()
        }],
        ..ReferralChange::default()
    };
    assert!(wanted.clone().beyond(&held).is_empty());
    let more = ReferralChange {
        step: Some(ReferralMove::Accept),
        value: "25000.01".parse().ok(),
        ..wanted
    };
    assert_eq!(more.beyond(&held).fields(), ["status", "value"]);
}

#[test]
fn the_newer_of_two_views_is_the_same_in_any_order() {
    let older = base();
    let newer = Referral {
        updated_at: older.updated_at + TimeDelta::nanoseconds(100),
        etag: "\"a\"".into(),
        ..older.clone()
    };
    assert_eq!(older.clone().newer(newer.clone()), newer);
    assert_eq!(newer.clone().newer(older), newer);
}

#[test]
fn a_referral_survives_the_store() {
    for name in [
        "referral_active_accepted_shared",
        "referral_edge_unicode_unknown_values",
    ] {
        let told = read(name).referral;
        let kept = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Referral>(&kept).unwrap(), told, "{name}");
    }
}
