//! What one config would write for a lead that is stored: its routes, the gate, its connectors' own code.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::http::{
    Fault, Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::{
    ConfigError, ConnectorError, Destination, DestinationName, EventKind, Gate, Lead, LeadDelivery, Rendered,
    Role,
};

use crate::app::{self, Outside};
use crate::config::{Diagnostics, Loaded};
use crate::deliver::gate::{Passage, Standing, pass};
use crate::route::Routes;
use crate::store::{Suppression, Surveyed};

/// Destinations as one config makes them.
pub struct Side {
    routes: Routes,
    destinations: BTreeMap<DestinationName, (String, Arc<dyn Destination>)>,
}

/// A stored lead, as far as it decides what is written.
#[derive(Clone, Copy)]
pub struct Stored<'a>(pub &'a Surveyed);

/// What would happen to a lead at a destination.
#[derive(Clone, Debug)]
pub(super) enum Written {
    /// It does not go there.
    Nothing,
    /// This is written.
    Record(Rendered),
    /// It would become a dead letter.
    Refused(ConnectorError),
}

impl Side {
    /// Builds the destinations among `wanted`, all of them when none is named. No store and no door
    /// is touched; the network is not, if `outside` has none.
    pub fn build(
        loaded: &Loaded,
        outside: &Outside,
        wanted: &[DestinationName],
    ) -> Result<Self, Diagnostics> {
        let is_wanted = |name: &str| {
            let plays = |file: &&crate::config::ConnectorFile| {
                file.name == name && file.roles.contains(&Role::Destination)
            };
            loaded.connectors.iter().any(|file| plays(&file))
                && (wanted.is_empty() || wanted.iter().any(|one| one.as_str() == name))
        };
        let built = app::connectors(loaded, outside, |name| is_wanted(name).then(Default::default))?;
        let destinations = built.into_iter().filter_map(|(file, connector)| {
            let name = DestinationName::new(&file.name);
            Some((name, (file.kind, connector.destination?)))
        });
        Ok(Self {
            routes: loaded.routes()?,
            destinations: destinations.collect(),
        })
    }

    /// The names of its destinations and of what kind they are.
    pub fn destinations(&self) -> impl Iterator<Item = (&DestinationName, &str)> {
        let all = self.destinations.iter();
        all.map(|(name, (kind, _))| (name, kind.as_str()))
    }

    /// What would be written to the destination for each of these, were they to come now.
    pub(super) fn write(&self, to: &DestinationName, leads: &[Surveyed]) -> Vec<Written> {
        let Some((_, destination)) = self.destinations.get(to) else {
            return vec![Written::Nothing; leads.len()];
        };
        let one = |lead: &Surveyed| {
            let Some(delivery) = Stored(lead).delivery(|lead| self.routes.choose(lead).contains(to)) else {
                return Written::Nothing;
            };
            match destination.preview(std::slice::from_ref(&delivery)).pop() {
                None => Written::Nothing,
                Some(Ok(record)) => Written::Record(record),
                Some(Err(error)) => Written::Refused(error),
            }
        };
        leads.iter().map(one).collect()
    }
}

impl Stored<'_> {
    /// The lead on its way for the first time; none when no route takes it, a rule keeps it from going
    /// anywhere, or the gate is closed before anybody heard of it.
    fn delivery(self, has_route: impl FnOnce(&Lead) -> bool) -> Option<LeadDelivery> {
        let Surveyed {
            lead,
            revision,
            revised_at,
            suppression,
            delivery,
            ..
        } = self.0;
        let by_rule =
            suppression.is_some_and(|why| !matches!(why, Suppression::NoRoute | Suppression::DoNotContact));
        if by_rule || !has_route(lead) {
            return None;
        }
        let standing = Standing {
            dnc: lead.dnc,
            held: delivery.as_ref().map_or(0, |delivery| delivery.held),
            uncertain: delivery.as_ref().is_some_and(|delivery| delivery.uncertain),
        };
        let (kind, gate) = match pass(standing) {
            Passage::Withhold => return None,
            Passage::Go(_, Gate::Open) => (EventKind::Created, Gate::Open),
            Passage::Go(kind, gate) => (kind, gate),
        };
        Some(LeadDelivery {
            lead: Arc::new(lead.clone()),
            revision: *revision,
            kind,
            gate,
            revised_at: *revised_at,
            record: None,
            attempt: 0,
            again: None,
        })
    }
}

/// Ways to the network of which none leads anywhere: what is built with it reaches nobody.
pub struct Sealed;

impl TransportFactory for Sealed {
    fn transport(&self, _: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl Transport for Sealed {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        Err(TransportError::new(Fault::Forbidden, "nothing is sent here"))
    }
}
