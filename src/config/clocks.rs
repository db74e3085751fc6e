//! When people are told that a clock runs out, and who else is.

use serde::Deserialize;

/// `[clocks]`: the times Microsoft sets, and who is told of them.
#[derive(Clone, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Clocks {
    /// The moments worth a line in the log, as fractions of the time, ascending; empty: none.
    pub tell_at: Vec<f64>,
    /// The connector, in the role `alerts`, that is told too.
    pub alert: Option<String>,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            tell_at: vec![0.5, 0.9, 1.0],
            alert: None,
        }
    }
}
