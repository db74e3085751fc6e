//! Choice columns: Dataverse wants the number, people write the label.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalog::CHOICES;

/// Every choice column we know, and its values by label.
#[derive(Clone, Debug)]
pub(crate) struct Choices(BTreeMap<String, BTreeMap<String, i64>>);

impl Choices {
    /// The product's own below the operator's: who names a column names all its values.
    pub(crate) fn new(own: &BTreeMap<String, BTreeMap<String, i64>>) -> Self {
        let shipped = CHOICES.iter().map(|(column, values)| {
            let values = values.iter().map(|(label, value)| ((*label).to_owned(), *value));
            ((*column).to_owned(), values.collect())
        });
        let mut all: BTreeMap<String, BTreeMap<String, i64>> = shipped.collect();
        all.extend(own.clone());
        for values in all.values_mut() {
            *values = std::mem::take(values)
                .into_iter()
                .map(|(label, value)| (folded(&label), value))
                .collect();
        }
        Self(all)
    }

    /// Whether the column is one of them.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.0.contains_key(column)
    }

    /// The number to write: as it is, from digits, or by its label. The error never quotes a value.
    pub(crate) fn value(&self, column: &str, value: &Value) -> Result<i64, String> {
        if let Some(number) = value.as_i64() {
            return Ok(number);
        }
        let Some(text) = value.as_str() else {
            return Err("a choice takes a number or a label".to_owned());
        };
        let by_label = self.0.get(column).and_then(|values| values.get(&folded(text)));
        by_label
            .copied()
            .or_else(|| text.trim().parse().ok())
            .ok_or_else(|| format!("the choice has no such label in settings.choices.{column}"))
    }
}

fn folded(label: &str) -> String {
    label.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_choice_is_written_as_its_number_whatever_the_mapping_gives() {
        let own = BTreeMap::from([(
            "lsync_tier".to_owned(),
            BTreeMap::from([("Gold".to_owned(), 778_390_000)]),
        )]);
        let choices = Choices::new(&own);
        for (column, value, number) in [
            ("leadsourcecode", json!(8), 8),
            ("leadsourcecode", json!("8"), 8),
            ("leadsourcecode", json!("Web"), 8),
            ("leadsourcecode", json!(" trade show "), 7),
            ("purchasetimeframe", json!("immediate"), 0),
            ("industrycode", json!("33"), 33),
            ("lsync_tier", json!("gold"), 778_390_000),
        ] {
            assert_eq!(choices.value(column, &value), Ok(number), "{column} {value}");
        }
    }

    #[test]
    fn an_unknown_label_is_refused_without_quoting_it() {
        let choices = Choices::new(&BTreeMap::new());
        for value in [json!("Ada Lovelace"), json!(true), json!(1.5)] {
            let error = choices
                .value("leadsourcecode", &value)
                .expect_err("no such label");
            assert!(!error.contains("Ada"), "{error}");
        }
    }

    #[test]
    fn who_names_a_column_names_all_its_values() {
        let own = BTreeMap::from([(
            "leadsourcecode".to_owned(),
            BTreeMap::from([("Store".to_owned(), 42)]),
        )]);
        let choices = Choices::new(&own);
        assert_eq!(choices.value("leadsourcecode", &json!("store")), Ok(42));
        assert!(choices.value("leadsourcecode", &json!("Web")).is_err());
    }
}
