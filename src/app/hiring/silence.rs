//! The worker that listens to sources.

use std::sync::Arc;

use connector_kit::SourceName;
use connector_kit::ids::AccountName;

use super::Hiring;
use super::referrals::herald;
use crate::app::build::Blueprint;
use crate::app::crew::Hired;
use crate::config::Loaded;
use crate::intake::silence::{Listened, SilenceParts, SilenceWorker};

impl Hiring {
    pub(super) fn listening(&self, blueprint: &Blueprint) -> Hired {
        let worker = SilenceWorker::new(SilenceParts {
            store: Arc::clone(&self.store),
            sources: listened(&blueprint.loaded),
            herald: herald(blueprint, blueprint.loaded.config.silence.alert.as_ref()),
            meter: self.metrics.silence(),
            health: Arc::clone(&self.health),
        });
        Hired::new("silence", "", worker, &self.bells.silence)
    }
}

/// Every source of the config, pushed or asked, with its rule.
pub(crate) fn listened(loaded: &Loaded) -> Vec<Listened> {
    let general = loaded.config.silence.rule;
    let pushed = loaded.config.sources.iter().map(|(name, source)| Listened {
        name: SourceName::new(name),
        account: AccountName::new(&source.account),
        rule: source.silence.unwrap_or(general),
    });
    let asked = loaded
        .connectors
        .iter()
        .filter(|file| file.roles.contains(&connector_kit::Role::Source))
        .map(|file| Listened {
            name: SourceName::new(&file.name),
            account: AccountName::new(&file.account),
            rule: file.silence.unwrap_or(general),
        });
    pushed.chain(asked).collect()
}
