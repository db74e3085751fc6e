//! F10: a process without descriptors to spare rests, does not spin, and recovers.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::intake_house::{House, ask, lead_path, post};

const ROLE: &str = "LEADSYNC_TEST_FEW_DESCRIPTORS";

/// Runs this test again as a server with 64 descriptors; it ends with its parent.
fn server() -> (Child, SocketAddr) {
    let this = std::env::current_exe().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --nocapture --exact \"$1\""])
        .arg(this)
        .arg("intake_descriptors::few_descriptors_mean_patience_and_no_spinning")
        .env(ROLE, "server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("serving at ")?.1.parse().ok())
        .unwrap();
    (child, address)
}

#[expect(clippy::print_stdout, reason = "how the parent learns the address")]
async fn serve_until_the_parent_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(&dir.path().join("leads.db"));
    println!("serving at {}", house.address);
    let parent = || std::io::stdin().lines().count();
    tokio::task::spawn_blocking(parent).await.unwrap();
}

/// The share of one core the process uses while `span` passes.
async fn load(child: &Child, span: Duration) -> f64 {
    let used = || -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        threads
            .map(|thread| std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap())
            .map(|text| text.split(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    };
    let (before, begun) = (used(), Instant::now());
    tokio::time::sleep(span).await;
    (used() - before) / 1e9 / begun.elapsed().as_secs_f64()
}

#[tokio::test]
async fn few_descriptors_mean_patience_and_no_spinning() {
    if std::env::var_os(ROLE).is_some() {
        return serve_until_the_parent_is_gone().await;
    }
    let (mut child, address) = server();
    let crowd: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    let share = load(&child, Duration::from_millis(500)).await;
    let open = std::fs::read_dir(format!("/proc/{}/fd", child.id()))
        .unwrap()
        .count();
    assert!((64..70).contains(&open), "it ran out of descriptors at {open}");
    assert!(share < 0.10, "{share} of a core is spent on waiting");

    drop(crowd);
    let begun = Instant::now();
    let answer = ask(address, &post(&lead_path(), "{}")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    child.kill().unwrap();
    child.wait().unwrap();
}
