//! What kind of value a rule gives, as far as that is known without a lead.

use super::FieldRule;
use super::path::Path;

/// What a field has to hold for a rule: connectors choose column types by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// Text; also where nobody can tell.
    Text,
    /// A whole number.
    Whole,
    /// A plain decimal number, written as text so that no digit is lost.
    Decimal,
    /// True or false.
    Flag,
    /// A moment, as RFC 3339.
    Moment,
    /// A day, as `2026-11-30`.
    Day,
}

impl FieldRule {
    /// The kind of value the rule gives: that of its path when no function changes it, else that of its
    /// default, else text.
    pub fn value_kind(&self) -> ValueKind {
        let path = self.from.as_deref().filter(|_| self.pipe.is_empty());
        let of_path = path.and_then(|path| Path::parse(path).ok());
        match (of_path.map_or(ValueKind::Text, |path| path.kind()), &self.default) {
            (ValueKind::Text, Some(toml::Value::Boolean(_))) => ValueKind::Flag,
            (ValueKind::Text, Some(toml::Value::Integer(_))) => ValueKind::Whole,
            (kind, _) => kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_gives_what_its_path_gives_unless_a_function_changes_it() {
        for (rule, kind) in [
            ("from = 'touch.offer'", ValueKind::Text),
            ("from = 'hot'", ValueKind::Flag),
            ("from = 'touch.dnc'", ValueKind::Flag),
            ("from = 'touches'", ValueKind::Whole),
            ("from = 'touch.at'", ValueKind::Moment),
            ("from = 'last_at'", ValueKind::Moment),
            ("from = 'last_at', pipe = ['date(\"%Y\")']", ValueKind::Text),
            ("from = 'referral.value'", ValueKind::Decimal),
            ("from = 'referral.closes_on'", ValueKind::Day),
            ("from = 'referral.answer_due'", ValueKind::Moment),
            ("from = 'referral.shared_with_sellers'", ValueKind::Flag),
            ("from = 'referral.state'", ValueKind::Text),
            ("default = true", ValueKind::Flag),
            ("from = 'intent', default = 7", ValueKind::Whole),
            ("from = 'hot', default = 7", ValueKind::Flag),
            ("expr = 'touches'", ValueKind::Text),
            ("from = 'nope'", ValueKind::Text),
        ] {
            let rule: FieldRule = toml::from_str(&rule.replace(", ", "\n")).unwrap();
            assert_eq!(rule.value_kind(), kind, "{rule:?}");
        }
    }
}
