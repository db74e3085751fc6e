//! No text of a stranger breaks the engine.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::{delivery, mapping, said};
use crate::delivery::{Gate, LeadDelivery};
use crate::lead::Person;
use crate::mapping::RESULT_CAP_BYTES;

/// A delivery whose every text is `text`.
fn hostile(text: &str, normal: bool, gate: Gate) -> LeadDelivery {
    let mut delivery = delivery();
    let lead = Arc::make_mut(&mut delivery.lead);
    let said = || Some(said(text, Some(text), normal));
    lead.person = Person {
        first_name: said(),
        last_name: said(),
        email: said(),
        phone: said(),
        country: said(),
        company: said(),
        title: said(),
    };
    for touch in &mut lead.touches {
        text.clone_into(&mut touch.description);
        text.clone_into(&mut touch.offer);
        touch.extra.insert("Plan".to_owned(), text.to_owned());
    }
    delivery.gate = gate;
    delivery
}

const EVERYTHING: &str = "
    A = { from = 'person.email', pipe = ['trim', 'lower', 'upper', 'truncate(3)'] }
    B = { from = 'person.phone', pipe = ['e164'] }
    C = { from = 'person.country', pipe = ['iso_country'] }
    D = { from = 'person.title', pipe = ['plain', 'replace_newlines'], max_length = 20, on_overflow = 'truncate' }
    E = { pipe = ['join(\" \", person.first_name, person.last_name, touch.description, person.company, \
person.title, touch.offer)'], on_overflow = 'truncate' }
    F = { expr = 'raw.phone ~ touch.extra.Plan ~ person.company|upper', on_overflow = 'truncate' }
    G = { from = 'touch.offer', pipe = ['map(intents, other)'] }
    H = { expr = 'touch.description|replace_newlines(touch.offer)', on_overflow = 'truncate' }
";

proptest! {
    #[test]
    fn no_text_makes_the_engine_panic_or_exceed_its_caps(
        text in prop_oneof!["\\PC{0,40}", "(?s).{0,400}", "[=+@\\-\\r\\n\\t ]{1,9}.{0,20}"],
        times in 1_usize..200,
        normal: bool,
        dnc: bool,
    ) {
        let gate = if dnc { Gate::DoNotContact } else { Gate::Open };
        let delivery = hostile(&text.repeat(times), normal, gate);
        let fields = mapping(EVERYTHING).record(&delivery).map_err(|why| TestCaseError::fail(why.to_string()))?;
        for field in fields {
            let Value::String(value) = &field.value else { continue };
            prop_assert!(!value.is_empty() && value.len() <= RESULT_CAP_BYTES);
            match field.target.as_str() {
                "D" => prop_assert!(value.chars().count() <= 20),
                "B" => prop_assert!(value.starts_with('+') && value.len() <= 16),
                "C" => prop_assert_eq!(value.len(), 2),
                _ => {}
            }
            if dnc {
                prop_assert_eq!(&field.target, "G");
            }
        }
    }
}
