//! `leadsync.toml` as the bench writes it: the one place that knows its keys.

use std::net::SocketAddr;
use std::path::Path;

/// The secret in the intake's URL; it protects nothing here.
pub(super) const SECRET: &str = "bench-secret-of-32-characters-ok";

/// Path of the intake.
pub(super) fn intake_path() -> String {
    format!("/v1/leads/bench/{SECRET}")
}

/// `leadsync.toml`.
pub(super) fn daemon_text(dir: &Path, public: SocketAddr) -> String {
    format!(
        r#"state_dir = "{dir}/state"

[listen]
public = "{public}"
admin = "unix:{dir}/admin.sock"

[sources.bench]
secrets = [{{ file = "{dir}/bench.secret" }}]

# All load comes from one address.
[intake]
rate_per_address = {{ per_second = 1000000, burst = 1000000 }}
max_connections_per_address = 1024
"#,
        dir = dir.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_for_the_daemon_is_toml() {
        let dir = Path::new("/somewhere");
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let main: toml::Table = daemon_text(dir, address).parse().unwrap();
        assert_eq!(main["listen"]["public"].as_str(), Some("127.0.0.1:80"));
    }
}
