//! Batches as documented, and as no server should write them.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const BATCH: &str = include_str!("../../../../tests/fixtures/dynamics365/batch.json");

fn exchange(number: usize) -> Value {
    let fixture: Value = serde_json::from_str(BATCH).unwrap();
    fixture["exchanges"][number].clone()
}

fn answer(kind: &str, body: &str) -> Response {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    answer.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
    answer
}

fn recorded(number: usize) -> Response {
    let exchange = exchange(number);
    let kind = exchange["response"]["headers"]["Content-Type"].as_str().unwrap();
    answer(kind, exchange["response"]["body"].as_str().unwrap())
}

fn statuses(answer: &Response) -> Vec<u16> {
    let parts = read(answer).unwrap();
    parts.iter().map(|part| part.status().as_u16()).collect()
}

#[test]
fn every_documented_answer_is_read() {
    assert_eq!(
        statuses(&recorded(0)),
        [204, 204, 200],
        "a change set is read as its parts"
    );
    assert_eq!(
        statuses(&recorded(1)),
        [400],
        "one that stopped at the first error"
    );
    assert_eq!(statuses(&recorded(2)), [400, 204], "one that went on");
    let parts = read(&recorded(2)).unwrap();
    assert!(
        parts[0]
            .body()
            .starts_with(b"{\"error\":{\"code\":\"0x80044331\"")
    );
    let named = parts[1].headers()["odata-entityid"].to_str().unwrap();
    assert!(
        named.ends_with("leads(lsync_marketplaceleadid='mpl_77d0b8a91c2e4f05')"),
        "{named}"
    );
}

#[test]
fn bare_line_feeds_and_a_quoted_boundary_are_read_alike() {
    let whole = recorded(2);
    let body = String::from_utf8(whole.body().to_vec())
        .unwrap()
        .replace("\r\n", "\n");
    let kind = whole.headers()[CONTENT_TYPE]
        .to_str()
        .unwrap()
        .replace("boundary=", "boundary=\"")
        + "\"";
    assert_eq!(statuses(&answer(&kind, &body)), [400, 204]);
}

#[test]
fn of_a_batch_that_is_cut_off_the_whole_parts_are_read() {
    let whole = recorded(2);
    let kind = whole.headers()[CONTENT_TYPE].to_str().unwrap();
    let text = std::str::from_utf8(whole.body()).unwrap();
    let end = text.rfind("--batchresponse_").unwrap();
    assert_eq!(statuses(&answer(kind, &text[..end])), [400]);
    assert_eq!(statuses(&answer(kind, "")), Vec::<u16>::new());
}

#[test]
fn what_is_no_multipart_is_no_answer_to_a_batch() {
    assert!(read(&answer("application/json", "{}")).is_none());
    assert!(read(&answer("text/html", "<html>")).is_none());
    assert!(read(&Response::new(Bytes::new())).is_none());
}

#[test]
fn a_batch_is_written_as_documented() {
    let patch = |key: &str, subject: &str| Operation {
        method: http::Method::PATCH,
        path: format!("leads(lsync_marketplaceleadid='{key}')"),
        headers: Vec::new(),
        body: Some(format!("{{\"subject\":\"{subject}\"}}")),
    };
    let operations = [
        patch("mpl_3f7a9c0e52b1d4f6", "<301 characters>"),
        patch("mpl_77d0b8a91c2e4f05", "second"),
    ];
    let documented = exchange(2)["request"]["body"]
        .as_str()
        .unwrap()
        .replace("; type=entry", "");
    assert_eq!(write(&operations, "/api/data/v9.2", "431faf5a"), documented);
    assert_eq!(
        content_type("431faf5a"),
        exchange(2)["request"]["headers"]["Content-Type"]
    );
}

proptest! {
    #[test]
    fn no_body_can_pass_for_the_end_of_its_part(texts in proptest::collection::vec(any::<String>(), 1..8)) {
        let parts: Vec<String> = texts.iter().map(|text| serde_json::json!({ "message": text }).to_string()).collect();
        let mut body = String::new();
        for part in &parts {
            let _ = write!(body, "--batchresponse_x\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 400 Bad Request\r\n\
                 Content-Type: application/json\r\n\r\n{part}\r\n"
            );
        }
        body += "--batchresponse_x--\r\n";
        let read = read(&answer("multipart/mixed; boundary=batchresponse_x", &body)).unwrap();
        let bodies: Vec<_> = read.iter().map(|part| String::from_utf8(part.body().to_vec()).unwrap()).collect();
        prop_assert_eq!(bodies, parts);
    }

    #[test]
    fn no_answer_makes_the_reader_fall_over(body: String, kind in "multipart/mixed; boundary=[a-z\"]{0,3}") {
        let _ = read(&answer(&kind, &body));
    }
}
