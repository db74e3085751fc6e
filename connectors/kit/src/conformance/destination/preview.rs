//! What is shown before it is written, held against what is then held.

use chrono::DateTime;
use serde_json::Value;

use super::super::leads::{canaries, delivery, forbidden, referral_canaries, referred};
use super::{ExpectPromise, World};
use crate::conformance::DestinationHarness;
use crate::delivery::LeadDelivery;
use crate::preview::{Rendered, RenderedValue};

/// Each value that is shown as certain is held under the same name afterwards; showing it sent nothing.
pub(super) async fn what_is_shown_is_what_is_written(harness: &dyn DestinationHarness) {
    for one in [delivery(1), referred(2)] {
        let world = World::fresh(harness).await;
        let shown = show(&world, &one).await;
        assert!(shown.fields.len() > 3, "a lead is more than its key: {shown:?}");
        world.deliver_well(std::slice::from_ref(&one)).await;
        let record = world.record(&one).await.expect_promise("it is held");
        let held = Rendered::of_text(&record.text);
        let mut compared = 0;
        for field in &shown.fields {
            let RenderedValue::Fixed(value) = &field.value else {
                continue;
            };
            let Some(found) = held.named(&field.name) else {
                continue;
            };
            compared += 1;
            assert!(
                is_same(value, found),
                "{}: shown {value}, held {found}",
                field.name
            );
        }
        assert!(
            compared > 3,
            "what is shown has the names of the other side: {shown:?} and {record:?}"
        );
    }
}

/// What may not be written is not shown either, and cannot be taken for something that will be.
pub(super) async fn what_is_shown_behind_the_gate_names_nobody(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    let shown = show(&world, &forbidden(&referred(1), 2)).await;
    let text = format!("{shown:?}");
    for canary in [canaries(1), referral_canaries(1)].concat() {
        assert!(!text.contains(&canary), "nobody to contact, but: {text}");
    }
}

async fn show(world: &World, one: &LeadDelivery) -> Rendered {
    let mut shown = world.destination.preview(std::slice::from_ref(one));
    assert_eq!(shown.len(), 1, "one result per delivery");
    assert_eq!(world.system.records().await, [], "to show is not to write");
    let shown = shown.remove(0);
    assert!(shown.is_ok(), "a good delivery can be shown: {shown:?}");
    shown.unwrap_or_default()
}

impl Rendered {
    fn of_text(text: &str) -> Self {
        let mut record = Self::default();
        record.members("", &serde_json::from_str(text).unwrap_or_default());
        record
    }

    /// The value under this name, with or without what stands around the record on its way.
    fn named(&self, name: &str) -> Option<&Value> {
        let inner = name.strip_prefix("data.").unwrap_or(name);
        let found = self.get(name).or_else(|| self.get(inner))?;
        match found {
            RenderedValue::Fixed(value) => Some(value),
            RenderedValue::LookedUp(_) => None,
        }
    }
}

/// The same value, whatever type the other side gives it.
fn is_same(shown: &Value, held: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (shown, held) = (text(shown), text(held));
    let number = |text: &str| text.parse::<f64>().ok();
    let moment = |text: &str| {
        let rfc = DateTime::parse_from_rfc3339(text);
        rfc.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
            .ok()
    };
    shown == held
        || number(&shown).is_some() && number(&shown) == number(&held)
        || moment(&shown).is_some() && moment(&shown) == moment(&held)
}
