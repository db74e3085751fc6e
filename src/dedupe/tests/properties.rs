//! What holds for any touches in any order.

use proptest::prelude::*;

use super::keys::key_of;
use super::referrals::{body, comes, with};
use super::*;

/// Touches of one person: few offers, few moments, so that repeats and ties are common.
fn touches() -> impl Strategy<Value = Vec<Understanding>> {
    let action = prop::sample::select(vec!["INS", "PLT", "DNC", "Create", "StartTestDrive", "XYZ"]);
    let moment = prop_oneof![0i64..5, (0i64..6).prop_map(|n| n * 700), 0i64..4_000];
    let one = (action, 0..2, moment, "[A-C]{0,1}").prop_map(|(action, offer, at, company)| {
        said(&json!({
            "UserDetails": {"Email": "ada@example.com", "Company": company, "FirstName": if at % 2 == 0 { "Ada" } else { "-" }},
            "LeadSource": format!("SPZA-{action}|p.o{offer}"), "Description": company,
        }), at)
    });
    prop::collection::vec(prop_oneof![2 => one, 1 => referrals()], 1..9)
}

/// Versions of three referrals of the same person.
fn referrals() -> impl Strategy<Value = Understanding> {
    let state = prop::sample::select(vec!["New/Pending", "Active/Accepted", "Closed/Lost", "X/Y"]);
    let consent = prop::sample::select(vec![json!(null), json!(true), json!(true), json!(false)]);
    (0..3_i64, state, 0..4_i64, consent, any::<bool>(), "[A-C]{0,1}").prop_map(
        |(nth, state, version, consent, incoming, name)| {
            comes(&with(
                body(&format!("r{nth}"), state, nth * 500 + version * 40),
                &json!({
                    "createdDateTime": minutes(nth * 500), "name": name, "eTag": name,
                    "direction": if incoming { "Incoming" } else { "Outgoing" },
                    "consent": {"consentToContact": consent}, "details": {"notes": name},
                }),
            ))
        },
    )
}

proptest! {
    #[test]
    fn order_never_matters(touches in touches(), order in any::<prop::sample::Index>()) {
        let expected = fold(&touches);
        let mut shuffled = touches.clone();
        shuffled.rotate_left(order.index(touches.len()));
        prop_assert_eq!(&fold(&shuffled), &expected);
        shuffled.reverse();
        prop_assert_eq!(&fold(&shuffled), &expected);
        shuffled.swap(0, order.index(touches.len()));
        prop_assert_eq!(fold(&shuffled), expected);
    }

    #[test]
    fn grouping_into_batches_never_matters(touches in touches(), cut in any::<prop::sample::Index>()) {
        let (mut whole, mut parts) = (BTreeMap::new(), BTreeMap::new());
        settle(&mut whole, &touches, true);
        let (first, second) = touches.split_at(cut.index(touches.len()));
        for batch in [first, second] {
            settle(&mut parts, batch, true);
        }
        let state = |known: BTreeMap<Identity, KnownLead>| {
            known.into_values().map(|mut known| {
                known.spans.sort();
                (known.lead, known.spans, known.suppression)
            }).next()
        };
        prop_assert_eq!(state(whole), state(parts));
    }

    #[test]
    fn merging_again_changes_nothing(touches in touches(), again in any::<prop::sample::Index>()) {
        let (lead, spans) = fold(&touches);
        let again = again.get(&touches);
        let twice = merge(Some(&lead), lead.id, &lead.account, again, &spans);
        prop_assert!(!changed(&lead, &twice));
        prop_assert_eq!(twice, lead);
    }

    #[test]
    fn do_not_contact_is_never_lost(touches in touches()) {
        let mut known = BTreeMap::new();
        let mut closed = false;
        for touch in &touches {
            let settlement = settle(&mut known, std::slice::from_ref(touch), true);
            closed |= touch.touch.dnc;
            let change = &settlement.leads[0];
            prop_assert_eq!(change.lead.dnc, closed);
            prop_assert!(!closed || (change.routes.is_empty() && change.suppression == Some(Suppression::DoNotContact)));
        }
    }

    #[test]
    fn revisions_rise_by_one_at_most_and_only_for_what_a_destination_sees(touches in touches()) {
        let mut known: BTreeMap<Identity, KnownLead> = BTreeMap::new();
        for touch in &touches {
            let before = known.values().next().cloned();
            settle(&mut known, std::slice::from_ref(touch), true);
            let after = known.values().next().unwrap();
            let expected = before.as_ref().map_or(1, |b| b.revision + u32::from(changed(&b.lead, &after.lead)));
            prop_assert_eq!(after.revision, expected);
        }
    }

    #[test]
    fn runs_do_not_overlap_and_lose_no_touch(moments in prop::collection::vec(0i64..10_000, 1..40)) {
        let window = Rules::default().window;
        let (mut spans, mut reversed) = (Vec::new(), Vec::new());
        for at in &moments {
            let placement = place(&spans, TouchKey([1; 16]), minutes(*at), window);
            apply(&mut spans, &placement);
        }
        for at in moments.iter().rev() {
            let placement = place(&reversed, TouchKey([1; 16]), minutes(*at), window);
            apply(&mut reversed, &placement);
        }
        spans.sort();
        reversed.sort();
        prop_assert!(spans.windows(2).all(|pair| pair[1].first_at - pair[0].last_at > window));
        prop_assert_eq!(spans.iter().map(|span| span.count as usize).sum::<usize>(), moments.len());
        prop_assert_eq!(spans, reversed);
    }

    #[test]
    fn two_addresses_never_share_a_key(one in "[a-z.]{1,8}@[a-z]{1,6}\\.[a-z]{2,3}", other in "[a-z.]{1,8}@[a-z]{1,6}\\.[a-z]{2,3}") {
        let (a, b) = (key_of(&json!({"Email": one})), key_of(&json!({"Email": other})));
        prop_assert!(one == other || a.is_none() || a != b);
    }
}
