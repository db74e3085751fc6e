//! Bad input for the receiver: every request and body of `tests/fixtures/http`, and those too
//! large to lie in a file. The name of a fixture says which answers are right.

use std::path::{Path, PathBuf};

use super::house::{House, PATH, impatient, post};

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/http")
        .join(kind);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The answers the name of a fixture allows: `400_408-words`; `closed` allows none at all.
fn allowed(file: &Path) -> Vec<Option<u16>> {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let (answers, _) = name.split_once('-').unwrap();
    answers.split('_').map(|word| word.parse().ok()).collect()
}

#[tokio::test]
async fn every_request_of_the_corpus_gets_an_answer_its_name_allows() {
    let house = House::open(impatient());
    let files = fixtures("request");
    assert!(files.len() > 80, "{}", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let answer = house.ask(&std::fs::read(&file).unwrap()).await;
        if !allowed(&file).contains(&answer) {
            wrong.push(format!("{answer:?} {}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        house.ask(&post("{}")).await,
        Some(200),
        "the next request is served"
    );
}

#[tokio::test]
async fn every_body_of_the_corpus_is_kept_or_set_aside_as_it_came() {
    let house = House::usual();
    let files = fixtures("json");
    assert!(files.len() > 40, "{}", files.len());
    for file in files {
        let body = std::fs::read(&file).unwrap();
        let answer = house.ask(&post(&body)).await;
        assert!(allowed(&file).contains(&answer), "{answer:?} {}", file.display());
        let last = match answer {
            Some(200) => house.shelf.kept().pop().unwrap().raw.body,
            _ => house.shelf.aside().pop().unwrap().body,
        };
        assert_eq!(last, body, "{}", file.display());
    }
}

#[tokio::test]
async fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let house = House::usual();
    let limit = 64 * 1024;
    let object = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    assert_eq!(house.ask(&post(object(limit))).await, Some(200));
    assert_eq!(house.ask(&post(object(limit + 1))).await, Some(413));
    assert_eq!(house.shelf.kept().len(), 1);

    // The same without a length told beforehand.
    let mut chunked =
        format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..5 {
        chunked.extend_from_slice(b"4000\r\n");
        chunked.resize(chunked.len() + 0x4000, b' ');
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(house.ask(&chunked).await, Some(413));
    assert!(house.shelf.aside().is_empty());
}

#[tokio::test]
async fn heads_beyond_all_measure_are_refused() {
    let house = House::open(impatient());
    let long_header = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n",
        "y".repeat(40_000)
    );
    assert_eq!(house.ask(long_header.as_bytes()).await, Some(431));
    let long_path = format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(70_000));
    let answer = house.ask(long_path.as_bytes()).await;
    assert!(matches!(answer, Some(414 | 431)), "{answer:?}");
    let extension = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n",
        "e".repeat(1 << 20)
    );
    assert_eq!(house.ask(extension.as_bytes()).await, Some(400));
    assert_eq!(house.shelf.kept().len(), 0);
}

#[tokio::test]
async fn deep_and_crowded_bodies_are_answered_at_once() {
    let house = House::usual();
    let deep = format!("{{\"a\":{}", "[".repeat(60_000));
    assert_eq!(house.ask(&post(deep)).await, Some(400));
    let keys: Vec<String> = (0..6_000).map(|key| format!("\"{key}\":0")).collect();
    let answer = house.ask(&post(format!("{{{}}}", keys.join(",")))).await;
    assert!(matches!(answer, Some(400)), "{answer:?}");
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_to_go_on() {
    let house = House::usual();
    let mut wire = house.connect().await;
    let head =
        format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    wire.send(head.as_bytes()).await;
    assert_eq!(wire.answer().await.unwrap().status, 100);
    wire.send(b"{}").await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn two_posts_in_one_breath_get_two_answers_in_order() {
    let house = House::usual();
    let mut wire = house.connect().await;
    wire.send(&[post("{\"n\":1}"), post("[]"), post("{\"n\":3}")].concat())
        .await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(wire.answer().await.unwrap().status);
    }
    assert_eq!(answers, [200, 400, 200]);
    assert_eq!(
        house.shelf.bodies(),
        [b"{\"n\":1}".to_vec(), b"{\"n\":3}".to_vec()]
    );
}

#[tokio::test]
async fn a_length_told_in_two_ways_is_refused_in_one_breath_with_a_post_before_it_too() {
    let both = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    let house = House::usual();
    assert_eq!(house.ask(both.as_bytes()).await, Some(400));

    let mut wire = house.connect().await;
    wire.send(&[&post("{}"), both.as_bytes()].concat()).await;
    for expected in [200, 400] {
        assert_eq!(wire.answer().await.unwrap().status, expected);
    }
    assert_eq!(house.shelf.kept().len(), 1);
}
