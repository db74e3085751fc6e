//! What another config changes, told by name.

use std::collections::BTreeMap;

use connector_kit::Connector;

use super::build::Blueprint;
use crate::admin::{Changes, Names};
use crate::config::{Config, ConnectorFile, Silence};
use crate::intake::IntakeSource;
use crate::intake::silence::SilenceRule;

/// Holds the config that is to come against the one in force.
pub(super) fn between(before: &Blueprint, next: &Blueprint) -> Changes {
    let shared = before.loaded.config.tables == next.loaded.config.tables;
    let same_file = |one: &ConnectorFile, other: &ConnectorFile| one == other && shared;
    Changes {
        sources: names(
            &by_source(&before.sources),
            &by_source(&next.sources),
            is_same_source,
        ),
        connectors: names(
            &by_connector(&before.connectors),
            &by_connector(&next.connectors),
            same_file,
        ),
        settings: settings(&before.loaded.config, &next.loaded.config),
        certificate: match (&before.tls, &next.tls) {
            (Some(before), Some(next)) => Some(!before.is_like(next)),
            _ => None,
        },
    }
}

fn by_source(sources: &[IntakeSource]) -> BTreeMap<&str, &IntakeSource> {
    sources
        .iter()
        .map(|source| (source.name.as_str(), source))
        .collect()
}

fn by_connector(connectors: &[(ConnectorFile, Connector)]) -> BTreeMap<&str, &ConnectorFile> {
    connectors
        .iter()
        .map(|(file, _)| (file.name.as_str(), file))
        .collect()
}

/// A source whose secret was replaced in its file has changed, too.
fn is_same_source(one: &IntakeSource, other: &IntakeSource) -> bool {
    let secrets = |source: &IntakeSource| -> Vec<String> {
        let exposed = source.secrets.iter().map(|secret| secret.expose().to_owned());
        exposed.collect()
    };
    one.account == other.account && one.rate == other.rate && secrets(one) == secrets(other)
}

fn names<T: ?Sized>(
    before: &BTreeMap<&str, &T>,
    next: &BTreeMap<&str, &T>,
    is_same: impl Fn(&T, &T) -> bool,
) -> Names {
    let mut names = Names::default();
    for (name, one) in next {
        let list = match before.get(name) {
            None => &mut names.added,
            Some(other) if is_same(one, other) => &mut names.kept,
            Some(_) => &mut names.changed,
        };
        list.push((*name).to_owned());
    }
    let gone = before.keys().filter(|name| !next.contains_key(*name));
    names.removed = gone.map(|name| (*name).to_owned()).collect();
    names
}

/// When sources count as silent, and who is told.
fn silence(config: &Config) -> (&Silence, Vec<Option<SilenceRule>>) {
    let rules = config.sources.values().map(|source| source.silence);
    (&config.silence, rules.collect())
}

/// The sections of the main file that are other than before; sources have a list of their own.
fn settings(before: &Config, next: &Config) -> Vec<String> {
    let sections = [
        ("intake", before.intake != next.intake),
        ("dedupe", before.dedupe != next.dedupe),
        (
            "forward_test_leads",
            before.forward_test_leads != next.forward_test_leads,
        ),
        ("clocks", before.clocks != next.clocks),
        ("retention", before.retention != next.retention),
        ("silence", silence(before) != silence(next)),
        ("canary", before.canary != next.canary),
        ("log", before.log != next.log),
        (
            "listen.public_url",
            before.listen.public_url != next.listen.public_url,
        ),
        ("listen.tls", before.listen.tls != next.listen.tls),
        ("route", before.routes != next.routes),
        ("tables", before.tables != next.tables),
    ];
    let changed = sections.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(name, _)| name.to_owned()).collect()
}
