//! What is allowed in a config but probably not meant.

use connector_kit::{Connector, Role};

use crate::app::Blueprint;
use crate::config::ConnectorFile;
use crate::intake::EventSource;

/// One sentence for each.
pub(super) fn warnings(blueprint: &Blueprint) -> Vec<String> {
    let mut warnings = Vec::new();
    if blueprint.destinations().is_empty() {
        warnings.push("no destination is configured: every lead will be kept and go nowhere".to_owned());
    }
    let polled = blueprint
        .connectors
        .iter()
        .any(|(_, connector)| connector.source.is_some());
    if blueprint.sources.is_empty() && !polled {
        warnings.push("no source is configured: no lead can come in".to_owned());
    }
    for (file, connector) in &blueprint.connectors {
        warnings.extend(of_connector(file, connector));
    }
    warnings
}

fn of_connector(file: &ConnectorFile, connector: &Connector) -> Vec<String> {
    let mut warnings = Vec::new();
    let name = &file.name;
    let plays = |role| file.roles.contains(&role);
    if plays(Role::OutcomeSink) && !plays(Role::Source) {
        warnings.push(format!(
            "{name} is told what becomes of referrals, but none come from it: add \"source\" to its roles"
        ));
    }
    let address = connector.events.as_ref().and_then(|events| events.address());
    if let Some(address) = address {
        let path = EventSource::path(name);
        if !plays(Role::Source) {
            warnings.push(format!(
                "events of {name} are to be sent here, but nobody hears them: add \"source\" to its roles"
            ));
        } else if address.path() != path {
            warnings.push(format!(
                "events of {name} are to be sent to the path {}, but are heard at {path}: correct the URL, or let your proxy lead there",
                address.path(),
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use bytes::Bytes;
    use connector_kit::{EventVerifier, Notice, Refused};
    use http::HeaderMap;
    use url::Url;

    use super::*;

    struct Addressed(Option<&'static str>);

    #[async_trait]
    impl EventVerifier for Addressed {
        async fn verify(&self, _: &HeaderMap, _: &Bytes) -> Result<Notice, Refused> {
            Err(Refused::Forged("nothing is believed here"))
        }

        fn address(&self) -> Option<Url> {
            self.0.map(|text| text.parse().unwrap())
        }
    }

    /// How many warnings there are, and a word of the last.
    fn warned(roles: &str, address: Option<&'static str>) -> (usize, String) {
        let text = format!("kind = \"any\"\nroles = [{roles}]\n");
        let mut file: ConnectorFile = toml::from_str(&text).unwrap();
        file.name = "partner".into();
        let connector = Connector {
            events: Some(Arc::new(Addressed(address))),
            ..Connector::default()
        };
        let warnings = of_connector(&file, &connector);
        (warnings.len(), warnings.last().cloned().unwrap_or_default())
    }

    #[test]
    fn an_address_that_leads_elsewhere_and_a_sink_without_referrals_are_noticed() {
        let right = "https://leads.example.com/v1/partner/events";
        let wrong = "https://leads.example.com/v1/other/events";
        let table = [
            ("\"source\", \"outcome-sink\"", Some(right), 0, ""),
            ("\"source\"", None, 0, ""),
            (
                "\"source\"",
                Some(wrong),
                1,
                "/v1/other/events, but are heard at /v1/partner/events",
            ),
            ("\"outcome-sink\"", None, 1, "none come from it"),
            ("\"outcome-sink\"", Some(right), 2, "nobody hears them"),
        ];
        for (roles, address, count, words) in table {
            let (found, last) = warned(roles, address);
            assert_eq!(found, count, "{roles} {address:?}: {last}");
            assert!(last.contains(words), "{last}");
        }
    }
}
