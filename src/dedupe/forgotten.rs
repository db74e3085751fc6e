//! Whether an arrival is only a late duplicate of what was forgotten.

use chrono::TimeDelta;
use connector_kit::lead::Touch;

use crate::store::Remembered;

/// True when the touch happened before its person was forgotten, or repeats within the window one that
/// was forgotten with them. A new touch later is a person who comes back on purpose.
pub fn is_forgotten(touch: &Touch, remembered: &[Remembered], window: TimeDelta) -> bool {
    remembered.iter().any(|remembered| {
        let is_old = remembered.person_at.is_some_and(|at| touch.at <= at);
        let is_repeat = |at| touch.at.signed_duration_since(at) <= window;
        is_old || remembered.touch_at.is_some_and(is_repeat)
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use connector_kit::lead::Intent;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn touch(hours: i64) -> Touch {
        Touch {
            at: at(hours),
            source: "web".into(),
            storefront: String::new(),
            action: String::new(),
            lead_source: String::new(),
            action_code: String::new(),
            offer: String::new(),
            publisher: String::new(),
            offer_title: String::new(),
            description: String::new(),
            intent: Intent::Unknown,
            dnc: false,
            extra: std::collections::BTreeMap::new(),
            referral: None,
        }
    }

    #[test]
    fn what_was_forgotten_is_known_when_it_comes_again_and_what_is_new_is_not() {
        let nobody = Remembered::default();
        let person = Remembered {
            person_at: Some(at(100)),
            ..nobody
        };
        let same = Remembered {
            touch_at: Some(at(100)),
            ..person
        };
        let table = [
            (50, vec![], false),
            (50, vec![nobody], false),
            (50, vec![nobody, person], true),
            (100, vec![person], true),
            (101, vec![person], false),
            (101, vec![same], true),
            (124, vec![same], true),
            (125, vec![same], false),
        ];
        for (hours, remembered, expected) in table {
            let found = is_forgotten(&touch(hours), &remembered, TimeDelta::hours(24));
            assert_eq!(found, expected, "{hours} {remembered:?}");
        }
    }
}
