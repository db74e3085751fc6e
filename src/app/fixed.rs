//! What cannot change while the daemon runs, and is refused with its place.

use connector_kit::ConfigError;

use crate::config::{Config, Loaded, Mistake};

/// A setting, and its value as an operator would write it.
type Fixed = (&'static str, fn(&Config) -> String);

/// What sockets, threads and the store were made with.
const FIXED: [Fixed; 17] = [
    ("state_dir", |config| config.state_dir.display().to_string()),
    ("listen.public", |config| config.listen.public.to_string()),
    ("listen.admin", |config| config.listen.admin.to_string()),
    ("listen.metrics", |config| {
        let address = config.listen.metrics;
        address.map_or("nothing".to_owned(), |address| address.to_string())
    }),
    ("listen.metrics_token", |config| {
        let token = config.listen.metrics_token.is_some();
        if token { "a token" } else { "no token" }.to_owned()
    }),
    ("listen.tls", |config| on_or_off(config.listen.tls.is_some())),
    ("store.path", |config| config.store_path().display().to_string()),
    ("store.free_space_floor", |config| {
        config.store.free_space_floor.to_string()
    }),
    ("store.quarantine_max", |config| {
        config.store.quarantine_max.to_string()
    }),
    ("store.allow_network_filesystem", |config| {
        config.store.allow_network_filesystem.to_string()
    }),
    ("intake.queue", |config| config.intake.queue.to_string()),
    ("intake.header_timeout", |config| {
        time(config.intake.header_timeout)
    }),
    ("intake.connection_time", |config| {
        time(config.intake.connection_time)
    }),
    ("intake.max_connections", |config| {
        config.intake.max_connections.to_string()
    }),
    ("intake.max_connections_per_address", |config| {
        config.intake.max_connections_per_address.to_string()
    }),
    ("traces.endpoint", |config| {
        config.traces.address().unwrap_or_else(|| "none".to_owned())
    }),
    ("traces.sample", |config| config.traces.sample.to_string()),
];

/// One mistake for each setting that would have to change while the daemon runs.
pub(super) fn mistakes(running: &Loaded, wanted: &Loaded) -> Vec<Mistake> {
    let format = |config: &Config| format!("{:?}", config.log.format).to_lowercase();
    let fixed = FIXED
        .iter()
        .copied()
        .chain([("log.format", format as fn(&Config) -> String)]);
    let differing = fixed.filter_map(|(key, value)| {
        let (is, would_be) = (value(&running.config), value(&wanted.config));
        // The state directory moves the store with it: one word about that is enough.
        let implied = key == "store.path" && wanted.config.store.path == running.config.store.path;
        (is != would_be && !implied).then(|| {
            let message = format!("needs a restart: the daemon runs with {is}, not {would_be}");
            wanted.mistake(None, &ConfigError::new(key, message))
        })
    });
    differing.collect()
}

fn on_or_off(on: bool) -> String {
    if on { "TLS" } else { "plain HTTP" }.to_owned()
}

fn time(span: std::time::Duration) -> String {
    humantime::format_duration(span).to_string()
}
