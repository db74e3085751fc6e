//! Where traces go, and of how many leads.

use connector_kit::ConfigError;
use serde::Deserialize;
use url::Url;

use super::values::address;

/// Where an OTLP receiver takes traces by HTTP.
const PATH: &str = "v1/traces";

/// `[traces]`: a trace of each lead, for a collector that speaks OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// The collector, such as `http://127.0.0.1:4318`; none: no traces.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "Option<String>")]
    pub endpoint: Option<Url>,
    /// The share of leads that are traced, from 0 to 1.
    pub sample: f64,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample: 1.0,
        }
    }
}

impl Traces {
    /// The whole address traces are posted to.
    pub fn address(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?.as_str().trim_end_matches('/');
        if endpoint.ends_with(PATH) {
            return Some(endpoint.to_owned());
        }
        Some(format!("{endpoint}/{PATH}"))
    }

    /// What is wrong in the section; `able`: whether this program was built to make traces.
    pub(super) fn mistakes(&self, able: bool) -> Vec<ConfigError> {
        let mut mistakes = Vec::new();
        if self.endpoint.is_some() && !able {
            let message = "this leadsync is built without traces: remove the section, or build it with `--features otel`";
            mistakes.push(ConfigError::new("traces.endpoint", message));
        }
        if !(0.0..=1.0).contains(&self.sample) {
            mistakes.push(ConfigError::new(
                "traces.sample",
                "expected a fraction from 0 to 1",
            ));
        }
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces(endpoint: &str, sample: f64) -> Traces {
        Traces {
            endpoint: Some(endpoint.parse().unwrap()),
            sample,
        }
    }

    #[test]
    fn traces_are_posted_where_otlp_says() {
        for endpoint in [
            "http://127.0.0.1:4318",
            "http://127.0.0.1:4318/",
            "http://127.0.0.1:4318/v1/traces",
        ] {
            assert_eq!(
                traces(endpoint, 1.0).address().unwrap(),
                "http://127.0.0.1:4318/v1/traces"
            );
        }
        assert_eq!(Traces::default().address(), None);
    }

    #[test]
    fn a_program_without_traces_says_so_and_what_to_do() {
        let mistakes = traces("http://127.0.0.1:4318", 1.0).mistakes(false);
        assert_eq!(mistakes.len(), 1);
        assert!(
            mistakes[0].to_string().contains("--features otel"),
            "{}",
            mistakes[0]
        );
        assert!(
            Traces::default().mistakes(false).is_empty(),
            "no section, no mistake"
        );
    }

    #[test]
    fn what_cannot_work_is_named() {
        assert!(traces("http://127.0.0.1:4318", 0.1).mistakes(true).is_empty());
        assert_eq!(traces("http://127.0.0.1:4318", 1.5).mistakes(true).len(), 1);
    }
}
