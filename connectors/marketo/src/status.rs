//! What the values of the status field mean. Every instance has its own; the shipped list is a beginning.

use std::collections::BTreeMap;

use connector_kit::Stage;

/// Values, compared without regard to case, spaces and dashes.
const SHIPPED: [(&str, Stage); 18] = [
    ("New", Stage::Open),
    ("Open", Stage::Open),
    ("Recycled", Stage::Open),
    ("Working", Stage::Accepted),
    ("Contacted", Stage::Accepted),
    ("Working - Contacted", Stage::Accepted),
    ("Engaged", Stage::Accepted),
    ("Nurturing", Stage::Accepted),
    ("Qualified", Stage::Accepted),
    ("Converted", Stage::Accepted),
    ("Unqualified", Stage::Declined),
    ("Disqualified", Stage::Declined),
    ("Rejected", Stage::Declined),
    ("Closed - Not Converted", Stage::Declined),
    ("Closed - Won", Stage::Won),
    ("Won", Stage::Won),
    ("Closed - Lost", Stage::Lost),
    ("Lost", Stage::Lost),
];

/// Knows the field and its values.
#[derive(Clone, Debug)]
pub(crate) struct Statuses {
    field: String,
    stages: BTreeMap<String, Stage>,
}

impl Statuses {
    /// The operator's values win over the shipped ones.
    pub(crate) fn new(field: &str, own: &BTreeMap<String, Stage>) -> Self {
        let shipped = SHIPPED.into_iter().map(|(value, stage)| (folded(value), stage));
        let own = own.iter().map(|(value, stage)| (folded(value), *stage));
        Self {
            field: field.to_owned(),
            stages: shipped.chain(own).collect(),
        }
    }

    pub(crate) fn field(&self) -> &str {
        &self.field
    }

    /// What a value means; one nobody told us about decides nothing.
    pub(crate) fn stage(&self, value: &str) -> Stage {
        self.stages.get(&folded(value)).copied().unwrap_or(Stage::Open)
    }
}

fn folded(value: &str) -> String {
    let letters = value.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_values_mean_what_they_say_and_the_operators_win() {
        let own = BTreeMap::from([
            ("Sold!".to_owned(), Stage::Won),
            ("qualified".to_owned(), Stage::Open),
        ]);
        let statuses = Statuses::new("leadStatus", &own);
        for (value, stage) in [
            ("Closed - Won", Stage::Won),
            ("closed won", Stage::Won),
            ("Closed-Lost", Stage::Lost),
            ("WORKING", Stage::Accepted),
            ("Disqualified", Stage::Declined),
            ("sold", Stage::Won),
            ("Qualified", Stage::Open),
            ("", Stage::Open),
            ("Something of theirs", Stage::Open),
        ] {
            assert_eq!(statuses.stage(value), stage, "{value}");
        }
    }
}
