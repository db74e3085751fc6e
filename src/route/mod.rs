//! Chooses where a lead goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use connector_kit::ids::AccountName;
use connector_kit::mapping::expression::Expression;
use connector_kit::nearest::did_you_mean;
use connector_kit::{ConfigError, DestinationName, Lead};
use minijinja::Value;
use serde::Deserialize;

/// One `[[route]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Which leads it takes: an expression like `country in ["DE", "AT"] and hot`. Absent: all.
    #[serde(default)]
    pub when: Option<String>,
    /// The destinations, by the names of their files in `connectors.d`.
    pub to: Vec<String>,
}

/// A destination that leads of one account may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTarget {
    /// Its name.
    pub name: DestinationName,
    /// The publisher it belongs to; leads of others never reach it.
    pub account: AccountName,
}

/// All routes, checked and compiled.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    targets: Vec<RouteTarget>,
}

#[derive(Debug)]
struct Route {
    condition: Option<Condition>,
    /// Places in [`Routes::targets`].
    to: Vec<usize>,
}

#[derive(Debug)]
struct Condition {
    expression: Expression,
    complained: AtomicBool,
}

/// What a condition may look at. Of touches, the newest counts.
const NAMES: [&str; 10] = [
    "account",
    "source",
    "action",
    "offer",
    "publisher",
    "storefront",
    "country",
    "kind",
    "intent",
    "hot",
];

impl Routes {
    /// Checks and compiles `[[route]]`; a mistake names its key (`route[1].when`).
    ///
    /// Without any route, every destination of a lead's account takes it.
    pub fn parse(routes: &[RouteConfig], targets: &[RouteTarget]) -> Result<Self, ConfigError> {
        let compiled: Result<_, _> = routes
            .iter()
            .enumerate()
            .map(|(index, route)| Route::parse(index, route, targets))
            .collect();
        Ok(Self {
            routes: compiled?,
            targets: targets.to_vec(),
        })
    }

    /// The first mistake of every route, for a config check that tells all at once.
    pub fn mistakes(routes: &[RouteConfig], targets: &[RouteTarget]) -> Vec<ConfigError> {
        let numbered = routes.iter().enumerate();
        numbered
            .filter_map(|(index, route)| Route::parse(index, route, targets).err())
            .collect()
    }

    /// Where the lead goes: the destinations of every route that takes it, each once, in the order
    /// of the connectors' names. Empty when no route takes it.
    ///
    /// A route whose condition fails to evaluate takes the lead: one record too many can be
    /// removed, a lead that went nowhere is lost. This is logged once per route and config.
    pub fn choose(&self, lead: &Lead) -> Vec<DestinationName> {
        let chosen: BTreeSet<usize> = if self.routes.is_empty() {
            (0..self.targets.len()).collect()
        } else {
            let taking = self
                .routes
                .iter()
                .enumerate()
                .filter(|(index, route)| route.takes(*index, lead));
            taking.flat_map(|(_, route)| route.to.iter().copied()).collect()
        };
        let targets = chosen.into_iter().filter_map(|place| self.targets.get(place));
        targets
            .filter(|target| target.account == lead.account)
            .map(|target| target.name.clone())
            .collect()
    }
}

impl Route {
    fn parse(index: usize, route: &RouteConfig, targets: &[RouteTarget]) -> Result<Self, ConfigError> {
        let condition = route.when.as_deref().map(Condition::compile).transpose();
        let condition = condition.map_err(|why| ConfigError::new(format!("route[{index}].when"), why))?;
        let mut to = Vec::with_capacity(route.to.len());
        for (nth, wanted) in route.to.iter().enumerate() {
            let place = targets.iter().position(|target| target.name.as_str() == wanted);
            to.push(place.ok_or_else(|| {
                let guess = did_you_mean(wanted, targets.iter().map(|target| target.name.as_str()));
                let message = format!("there is no destination `{wanted}` in connectors.d{guess}");
                ConfigError::new(format!("route[{index}].to[{nth}]"), message)
            })?);
        }
        Ok(Self { condition, to })
    }

    fn takes(&self, index: usize, lead: &Lead) -> bool {
        let Some(condition) = &self.condition else {
            return true;
        };
        match condition
            .expression
            .evaluate(context(&condition.expression, lead))
        {
            Ok(value) => value.is_true(),
            Err(error) => {
                if !condition.complained.swap(true, Ordering::Relaxed) {
                    tracing::error!(event = "route_failed", route = index, %error, "a route's condition failed, so it takes every such lead");
                }
                true
            }
        }
    }
}

impl Condition {
    fn compile(source: &str) -> Result<Self, String> {
        let expression = Expression::compile(source)?;
        for name in expression.names() {
            if !NAMES.contains(&name.as_str()) {
                return Err(format!("a route knows no `{name}`{}", did_you_mean(name, NAMES)));
            }
        }
        Ok(Self {
            expression,
            complained: AtomicBool::new(false),
        })
    }
}

/// Only what the expression asks for.
fn context(expression: &Expression, lead: &Lead) -> Value {
    let names = expression
        .names()
        .iter()
        .map(|name| (name.as_str(), look_up(name, lead)));
    Value::from(names.collect::<BTreeMap<&str, Value>>())
}

fn look_up(name: &str, lead: &Lead) -> Value {
    let text = match (name, lead.latest()) {
        ("hot", _) => return Value::from(lead.is_hot()),
        ("account", _) => lead.account.as_str(),
        ("intent", _) => lead.intent.as_str(),
        ("kind", Some(touch)) if touch.referral.is_some() => "referral",
        ("kind", _) => "lead",
        ("country", _) => lead.person.country.as_ref().map_or("", |said| &said.value),
        ("source", Some(touch)) => touch.source.as_str(),
        ("action", Some(touch)) => &touch.action,
        ("offer", Some(touch)) => &touch.offer,
        ("publisher", Some(touch)) => &touch.publisher,
        ("storefront", Some(touch)) => &touch.storefront,
        _ => "",
    };
    Value::from(&text[..text.floor_char_boundary(connector_kit::lead::FIELD_CAP_BYTES)])
}

#[cfg(test)]
mod tests;
