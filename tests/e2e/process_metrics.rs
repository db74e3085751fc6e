//! A real Prometheus reads a real daemon that had traffic, and every panel of the dashboard finds its numbers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use connector_kit::clock::{Clock, SystemClock};
use serde_json::Value;
use tempfile::TempDir;

use crate::monitoring::prometheus;
use crate::process::{BINARY, Daemon, GENEROUS, House, Plan, address_of_our_own, eventually};

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Status and body; HTTP/1.0, so that the end of the body is the end of the connection.
fn get(address: SocketAddr, path: &str, accept: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(GENEROUS)).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.get(9..12)?.parse().ok()?, body.to_owned()))
}

/// Gives a page to a program that judges it; what the program said.
#[track_caller]
fn judge(program: &mut Command, page: &str) -> String {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complaint}\n{page}");
    assert_eq!(complaint, "", "{page}");
    said
}

/// The demo, which keeps its daemon after its samples, and shows the daemon's numbers.
struct Demo {
    _home: TempDir,
    metrics: SocketAddr,
    /// Read no further, but open: it has more to say.
    _out: BufReader<ChildStdout>,
    _running: Running,
}

impl Demo {
    /// Goes through all samples.
    fn played(metrics: SocketAddr) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(BINARY)
            .args(["demo", "--metrics", &metrics.to_string()])
            .env("TMPDIR", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let running = Running(child);
        let mut told = out.by_ref().lines().map_while(Result::ok);
        let came_to_its_end = told.any(|line| line.starts_with("outcomes "));
        assert!(came_to_its_end, "the demo ended before its samples did");
        Self {
            _home: home,
            metrics,
            _out: out,
            _running: running,
        }
    }

    fn page(&self, accept: &str) -> String {
        let (status, page) = get(self.metrics, "/metrics", accept).unwrap();
        assert_eq!(status, 200);
        page
    }
}

/// A Prometheus that reads one address four times a second.
struct Prometheus {
    _home: TempDir,
    address: SocketAddr,
    _running: Running,
}

impl Prometheus {
    fn reading(metrics: SocketAddr) -> Self {
        let home = tempfile::tempdir().unwrap();
        let address = address_of_our_own();
        let config = home.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms }}\n\
             scrape_configs: [{{ job_name: leadsync, static_configs: [{{ targets: [\"{metrics}\"] }}] }}]\n"
        );
        std::fs::write(&config, text).unwrap();
        let child = prometheus("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                home.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let running = Self {
            _home: home,
            address,
            _running: Running(child),
        };
        eventually("Prometheus answers", || {
            get(address, "/-/ready", "*/*").filter(|(status, _)| *status == 200)
        });
        running
    }

    fn ask(&self, path: &str, parameters: &[(&str, String)]) -> Value {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let (status, body) = get(self.address, &format!("{path}?{query}"), "*/*").unwrap();
        assert_eq!(status, 200, "{parameters:?}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Whether a target of a panel finds series since `begun`. The quantile of nothing is a series, too; that
    /// of numbers that are not there is none.
    fn has(&self, target: &Value, begun: i64) -> bool {
        let query = filled(target["expr"].as_str().unwrap());
        let now = seconds();
        let told = if target["instant"] == true {
            self.ask("/api/v1/query", &[("query", query), ("time", now.to_string())])
        } else {
            let span = [
                ("start", begun.to_string()),
                ("end", now.to_string()),
                ("step", "1".to_owned()),
            ];
            self.ask("/api/v1/query_range", &[&[("query", query)], &span[..]].concat())
        };
        !told["data"]["result"].as_array().unwrap().is_empty()
    }
}

/// A query with the dashboard's variables put in, about everything: what did not move is not left out, for the
/// first look at the numbers may come after the samples.
fn filled(query: &str) -> String {
    let filled = query
        .replace(" > 0", " >= 0")
        .replace("$__rate_interval", "5s")
        .replace("$__range", "1h")
        .replace("$instance", ".*")
        .replace("$destination", ".*")
        .replace("$source", ".*");
    assert!(!filled.contains('$'), "{filled}");
    filled
}

/// Since 1970.
fn seconds() -> i64 {
    SystemClock.now().timestamp()
}

fn panels() -> Vec<Value> {
    let dashboard: Value =
        serde_json::from_str(include_str!("../../monitoring/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    panels
        .iter()
        .filter(|panel| panel["type"] != "row")
        .cloned()
        .collect()
}

#[test]
fn every_panel_of_the_dashboard_finds_its_numbers_after_the_demo() {
    let metrics = address_of_our_own();
    let prometheus = Prometheus::reading(metrics);
    let begun = seconds();
    let demo = Demo::played(metrics);

    let panels = panels();
    assert!(panels.len() > 30);
    for panel in &panels {
        for target in panel["targets"].as_array().unwrap() {
            let what = format!("panel {}: {}", panel["title"], target["expr"]);
            eventually(&what, || prometheus.has(target, begun).then_some(()));
        }
    }
    drop(demo);
}

#[test]
fn the_page_is_what_the_reference_parser_and_promtool_want_with_everything_on_it() {
    let demo = Demo::played(address_of_our_own());

    let page = demo.page("application/openmetrics-text; version=1.0.0");
    let mut parser = Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/target/likeness-venv/prometheus/bin/python"
    ));
    parser.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/likeness/prometheus/read.py"
    ));
    let found: Value = serde_json::from_str(&judge(&mut parser, &page)).unwrap();
    assert_eq!(found["leadsync_store_commit_seconds"]["unit"], "seconds");
    assert_eq!(found["leadsync_build"]["type"], "info");
    let families = found.as_object().unwrap();
    let empty = families.values().filter(|family| family["samples"] == 0).count();
    assert!(
        families.len() > 50 && empty < 8,
        "{empty} of {families:?} are empty"
    );

    let page = demo.page("text/plain; version=0.0.4");
    judge(prometheus("promtool").args(["check", "metrics"]), &page);
    assert!(
        !page.contains("fabrikam") && !page.contains("Lindqvist"),
        "a person is on it"
    );
}

#[test]
fn readers_have_an_address_of_their_own_where_nothing_can_be_changed() {
    let metrics = address_of_our_own();
    let house = House::build(&Plan {
        listen: format!("metrics = \"{metrics}\""),
        ..Plan::default()
    });
    let mut daemon = Daemon::start(&house);
    for (path, status) in [
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/v1/upkeep", 404),
        ("/v1/poke", 404),
    ] {
        assert_eq!(get(metrics, path, "*/*").unwrap().0, status, "{path}");
    }
    let (_, text) = get(metrics, "/readyz", "text/plain").unwrap();
    assert_eq!(text, "ready\n");
    daemon.stop();
}

#[test]
fn an_address_others_reach_is_refused_without_a_token() {
    let house = House::build(&Plan {
        listen: "metrics = \"0.0.0.0:0\"".to_owned(),
        ..Plan::default()
    });
    let refused = house.run(&["check"]);
    assert_eq!(refused.status.code(), Some(78));
    let said =
        String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
    assert!(
        said.contains("listen.metrics") && said.contains("metrics_token"),
        "{said}"
    );
}
