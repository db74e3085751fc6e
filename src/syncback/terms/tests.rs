//! Who moved since both agreed, and who wins.

use super::*;

fn terms(value: &str) -> Terms {
    Terms {
        value: value.parse().ok(),
        currency: Some("EUR".to_owned()),
        closes_on: None,
    }
}

fn at(hour: u32) -> DateTime<Utc> {
    format!("2026-11-20T{hour:02}:00:00Z").parse().unwrap()
}

/// What is written, and who lost what.
fn met(base: Option<(&str, &str)>, crm: &str, referral: &str, rule: Winner) -> (Option<String>, Vec<Kept>) {
    let agreed = base.map(|(crm, referral)| Agreed {
        crm: terms(crm),
        referral: terms(referral),
    });
    let (crm, referral) = (terms(crm), terms(referral));
    let mut change = ReferralChange::default();
    let meeting = Meeting {
        crm: &crm,
        crm_at: at(9),
        referral: &referral,
        referral_at: at(10),
        agreed: agreed.as_ref(),
    };
    let rules = FieldRules {
        value: rule,
        closes_on: rule,
    };
    let kept = meeting.settle(rules, &mut change);
    (change.value.map(|value| value.to_string()), kept)
}

#[test]
fn whoever_moved_alone_wins_and_the_rule_decides_between_two() {
    use Winner::{Crm, Newest, PartnerCenter};
    let base = Some(("10", "10"));
    let table = [
        (base, "12", "10", PartnerCenter, Some("12"), None),
        (base, "10", "13", Crm, None, None),
        (base, "12", "12.00", Crm, None, None),
        (base, "12", "13", Crm, Some("12"), Some("13 EUR")),
        (base, "12", "13", PartnerCenter, None, Some("12 EUR")),
        (base, "12", "13", Newest, None, Some("12 EUR")),
        // Nothing is known of before.
        (None, "12", "", PartnerCenter, Some("12"), None),
        (None, "12", "13", Crm, Some("12"), Some("13 EUR")),
        (None, "", "13", Crm, None, None),
        // A rule decided before, and nobody moved since.
        (Some(("12", "13")), "12", "13", Crm, None, None),
    ];
    for (base, crm, referral, rule, written, lost) in table {
        let (value, kept) = met(base, crm, referral, rule);
        assert_eq!(value.as_deref(), written, "{base:?} {crm} {referral} {rule:?}");
        let losers: Vec<&str> = kept.iter().map(|kept| kept.lost.as_str()).collect();
        assert_eq!(
            losers,
            lost.into_iter().collect::<Vec<_>>(),
            "{base:?} {crm} {referral} {rule:?}"
        );
        let reminded = rule != Crm && lost.is_some();
        assert_eq!(kept.iter().any(Kept::crm_lost), reminded);
    }
}

#[test]
fn the_later_change_wins_by_each_sides_own_clock() {
    let (crm, referral) = (terms("12"), terms("13"));
    for (crm_at, written) in [(at(11), true), (at(10), true), (at(9), false)] {
        let mut change = ReferralChange::default();
        let meeting = Meeting {
            crm: &crm,
            crm_at,
            referral: &referral,
            referral_at: at(10),
            agreed: None,
        };
        let newest = FieldRules {
            value: Winner::Newest,
            closes_on: Winner::Newest,
        };
        let kept = meeting.settle(newest, &mut change);
        assert_eq!((change.value.is_some(), kept.len()), (written, 1));
    }
}

#[test]
fn a_side_without_a_currency_does_not_contradict_one_with() {
    let nameless = Terms {
        currency: None,
        ..terms("12")
    };
    assert!(same_money(&nameless, &terms("12.0")) && !same_money(&nameless, &terms("13")));
    let dollars = Terms {
        currency: Some("USD".to_owned()),
        ..terms("12")
    };
    assert!(!same_money(&dollars, &terms("12")));
}

#[test]
fn the_losers_value_stands_in_the_sentence() {
    let kept = lost("value", CRM, "13 EUR");
    assert_eq!(
        kept.sentence(),
        "value: both sides changed it, what the CRM says holds; the referral said 13 EUR"
    );
}

#[test]
fn a_value_that_wins_without_a_currency_gets_the_others() {
    let bare = Terms {
        currency: None,
        ..terms("4321")
    };
    let crm = terms("500");
    let mut change = ReferralChange::default();
    let meeting = Meeting {
        crm: &crm,
        crm_at: at(9),
        referral: &bare,
        referral_at: at(10),
        agreed: None,
    };
    let theirs = FieldRules {
        value: Winner::PartnerCenter,
        closes_on: Winner::PartnerCenter,
    };
    let kept = meeting.settle(theirs, &mut change);
    assert_eq!(
        (change.value, change.currency.as_deref(), kept.len()),
        (None, Some("EUR"), 1)
    );
}
