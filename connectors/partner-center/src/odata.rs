//! What is asked of a list: documented operators only (contract partner-center 4.1).

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::Literal;

/// What stands for itself in a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Newest change first: what changes while pages are read moves to the front, so that nothing is
/// pushed over the edge of a page and missed.
pub(crate) const NEWEST_CHANGE_FIRST: &str = "updatedDateTime desc";
/// Newest referral first.
pub(crate) const NEWEST_FIRST: &str = "createdDateTime desc";

/// A query of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    conditions: Vec<String>,
    order: Option<&'static str>,
    top: Option<usize>,
    skip: Option<usize>,
}

impl Query {
    /// Ordered so.
    pub(crate) fn ordered(order: &'static str) -> Self {
        Self {
            order: Some(order),
            ..Self::default()
        }
    }

    /// Where `name` is `value`; enumerations and ids are quoted, too.
    #[must_use]
    pub(crate) fn whose(mut self, name: &str, value: &str) -> Self {
        let value = value.replace('\'', "''");
        self.conditions.push(format!("{name} eq '{value}'"));
        self
    }

    /// Changed then or later.
    #[must_use]
    pub(crate) fn changed_since(mut self, since: DateTime<Utc>, literal: Literal) -> Self {
        let moment = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        match literal {
            Literal::Plain => self.conditions.push(format!("updatedDateTime ge {moment}")),
            Literal::Quoted => self.conditions.push(format!("updatedDateTime ge '{moment}'")),
            Literal::None => {}
        }
        self
    }

    /// So many at once.
    #[must_use]
    pub(crate) fn top(mut self, top: Option<usize>) -> Self {
        self.top = top;
        self
    }

    /// Without the first of them.
    #[must_use]
    pub(crate) fn skip(mut self, skip: usize) -> Self {
        self.skip = Some(skip).filter(|skip| *skip > 0);
        self
    }

    /// As it stands behind the question mark.
    pub(crate) fn text(&self) -> String {
        let filter = (!self.conditions.is_empty()).then(|| self.conditions.join(" and "));
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        [
            ("$filter", filter),
            ("$orderby", self.order.map(str::to_owned)),
            ("$top", number(self.top)),
            ("$skip", number(self.skip)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", utf8_percent_encode(&value?, PLAIN))))
        .collect::<Vec<_>>()
        .join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_documented_words_only_and_is_safe_in_a_url() {
        let since = "2024-05-01T08:15:30.9Z".parse().unwrap();
        let text = |literal| {
            Query::ordered(NEWEST_CHANGE_FIRST)
                .whose("direction", "Incoming")
                .changed_since(since, literal)
                .top(Some(50))
                .text()
        };
        let direction = "$filter=direction%20eq%20%27Incoming%27";
        let rest = "&$orderby=updatedDateTime%20desc&$top=50";
        let moment = "2024-05-01T08%3A15%3A30Z";
        assert_eq!(
            text(Literal::Plain),
            format!("{direction}%20and%20updatedDateTime%20ge%20{moment}{rest}")
        );
        assert_eq!(
            text(Literal::Quoted),
            format!("{direction}%20and%20updatedDateTime%20ge%20%27{moment}%27{rest}")
        );
        assert_eq!(text(Literal::None), format!("{direction}{rest}"));
    }

    #[test]
    fn a_quote_in_a_value_ends_nothing() {
        assert_eq!(
            Query::default().whose("name", "O'Hara").skip(0).text(),
            "$filter=name%20eq%20%27O%27%27Hara%27"
        );
    }
}
