//! Every fault, in process and on a socket.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::serve::serve;

const ANSWER: &str = "twelve bytes";

/// A router that counts what it does.
#[derive(Clone, Default)]
struct Work(Arc<AtomicUsize>);

impl Work {
    fn done(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn router(&self) -> Router {
        let work = |State(work): State<Self>| async move {
            work.0.fetch_add(1, Ordering::Relaxed);
            ANSWER
        };
        Router::new().fallback(work).with_state(self.clone())
    }
}

async fn ask(router: &Router, path: &str) -> Response {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

/// What a client on a socket reads until the connection closes.
async fn read_over_tcp(faults: &Faults, work: &Work) -> String {
    let server = serve(faults.wrap(work.router())).await.unwrap();
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let request = "GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    // A reset is one of the ways in which a connection closes.
    let _ = stream.read_to_end(&mut seen).await;
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn without_faults_everything_passes_and_is_counted() {
    let (faults, work) = (Faults::default(), Work::default());
    let router = faults.wrap(work.router());
    for n in 1..=3 {
        assert_eq!(ask(&router, "/").await.status(), 200);
        assert_eq!(faults.requests(), n);
    }
    assert_eq!(work.done(), 3);
}

#[tokio::test]
async fn a_queued_fault_hits_one_request_and_nothing_is_done() {
    let (faults, work) = (Faults::default(), Work::default());
    let router = faults.wrap(work.router());
    faults.next(Fault::Answer {
        status: 429,
        headers: vec![("retry-after", "7".to_owned())],
        body: "slow down".to_owned(),
    });
    let refused = ask(&router, "/").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()[RETRY_AFTER], "7");
    assert_eq!(to_bytes(refused.into_body(), 99).await.unwrap(), "slow down");
    assert_eq!(work.done(), 0);
    assert_eq!(ask(&router, "/").await.status(), 200);
    assert_eq!(work.done(), 1);
}

#[tokio::test]
async fn the_nth_request_comes_before_its_path_and_its_path_before_the_queue() {
    let faults = Faults::default();
    let router = faults.wrap(Work::default().router());
    faults.next(Fault::status(501));
    faults.when("/job", 2, Fault::status(502));
    faults.on_request(2, Fault::status(503));
    let mut seen = Vec::new();
    for path in ["/job/1", "/job/1", "/other", "/job/2?x=1", "/job/3"] {
        seen.push(ask(&router, path).await.status().as_u16());
    }
    assert_eq!(seen, [502, 503, 501, 502, 200]);
}

#[tokio::test]
async fn a_fault_can_be_for_a_query_alone() {
    let faults = Faults::default();
    let router = faults.wrap(Work::default().router());
    faults.when("q=SELECT", 1, Fault::status(500));
    assert_eq!(ask(&router, "/query").await.status(), 200);
    assert_eq!(ask(&router, "/query?q=SELECT+Id").await.status(), 500);
}

#[tokio::test]
async fn cleared_faults_do_not_happen_and_the_count_goes_on() {
    let faults = Faults::default();
    let router = faults.wrap(Work::default().router());
    ask(&router, "/").await;
    faults.next(Fault::status(500));
    faults.when("/", 5, Fault::status(500));
    faults.on_request(2, Fault::status(500));
    faults.clear();
    assert_eq!(ask(&router, "/").await.status(), 200);
    assert_eq!(faults.requests(), 2);
}

#[tokio::test]
async fn a_page_for_people_is_no_json() {
    let faults = Faults::default();
    faults.next(Fault::HtmlPage(503));
    let page = ask(&faults.wrap(Work::default().router()), "/").await;
    assert_eq!(page.status(), 503);
    assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=UTF-8");
    assert!(
        to_bytes(page.into_body(), 999)
            .await
            .unwrap()
            .starts_with(b"<!DOCTYPE")
    );
}

#[tokio::test]
async fn a_json_fault_says_so() {
    let faults = Faults::default();
    faults.next(Fault::json(403, &json!([{ "errorCode": "X" }])));
    let refused = ask(&faults.wrap(Work::default().router()), "/").await;
    assert_eq!(refused.headers()[CONTENT_TYPE], "application/json;charset=UTF-8");
}

#[tokio::test]
async fn cut_before_does_nothing_and_closes_the_connection() {
    let (faults, work) = (Faults::default(), Work::default());
    faults.next(Fault::CutBefore);
    assert_eq!(read_over_tcp(&faults, &work).await, "");
    assert_eq!(work.done(), 0);
}

#[tokio::test]
async fn cut_after_does_the_work_and_closes_the_connection() {
    let (faults, work) = (Faults::default(), Work::default());
    faults.next(Fault::CutAfter);
    assert_eq!(read_over_tcp(&faults, &work).await, "");
    assert_eq!(work.done(), 1);
}

#[tokio::test]
async fn cut_during_does_the_work_and_sends_half_of_the_answer() {
    let (faults, work) = (Faults::default(), Work::default());
    faults.next(Fault::CutDuring);
    let seen = read_over_tcp(&faults, &work).await;
    assert!(seen.starts_with("HTTP/1.1 200 OK\r\n"), "{seen:?}");
    assert!(seen.contains("content-length: 12\r\n"), "{seen:?}");
    assert!(seen.ends_with("\r\n\r\ntwelve"), "{seen:?}");
    assert_eq!(work.done(), 1);
}

#[tokio::test]
async fn in_process_a_cut_answer_has_a_body_that_breaks() {
    for fault in [Fault::CutBefore, Fault::CutDuring, Fault::CutAfter] {
        let faults = Faults::default();
        faults.next(fault.clone());
        let response = ask(&faults.wrap(Work::default().router()), "/").await;
        assert!(to_bytes(response.into_body(), 99).await.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_stalled_request_is_done_and_never_answered() {
    let (faults, work) = (Faults::default(), Work::default());
    let router = faults.wrap(work.router());
    faults.next(Fault::Stall);
    let stalled = tokio::spawn(async move { ask(&router, "/").await });
    while work.done() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!stalled.is_finished());
}

#[tokio::test]
async fn a_slow_body_has_a_whole_head_and_keeps_one_waiting() {
    let (faults, work) = (Faults::default(), Work::default());
    let router = faults.wrap(work.router());
    faults.next(Fault::SlowBody);
    let response = ask(&router, "/").await;
    assert_eq!(response.headers()[CONTENT_LENGTH], "12");
    let patience = std::time::Duration::from_millis(1);
    let whole = tokio::time::timeout(patience, to_bytes(response.into_body(), 99)).await;
    assert!(whole.is_err(), "it came at once");
    assert_eq!(work.done(), 1);
}

#[tokio::test]
async fn a_slow_body_comes_whole_in_the_end() {
    let body = BadBody::new(ANSWER.into(), Then::Drip(Duration::from_micros(1)));
    assert_eq!(to_bytes(Body::new(body), 99).await.unwrap(), ANSWER);
}
