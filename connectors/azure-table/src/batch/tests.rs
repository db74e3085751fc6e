//! Answers as recorded from the emulator, answers that lie, and ten thousand made-up ones.

use std::collections::BTreeMap;

use connector_kit::dice::Dice;

use super::*;
use crate::entity::Property;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).expect("a moment")
}

/// Content type and body of the recorded answer.
fn recorded(file: &str) -> (String, String) {
    let (_, answer) = file.split_once("=== RESPONSE").expect("an answer");
    let (_, answer) = answer.split_once('\n').expect("its first line");
    let (head, body) = answer.split_once("\n\n").expect("a body");
    let kind = head
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "))
        .expect("a content type");
    (kind.to_owned(), body.to_owned())
}

fn verdict_of(file: &str, sent: usize) -> Verdict {
    let (kind, body) = recorded(file);
    verdict(Some(&kind), body.as_bytes(), sent, now())
}

macro_rules! recording {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/azure-table/http/", $name))
    };
}

#[test]
fn a_recorded_success_is_done() {
    assert_eq!(verdict_of(recording!("70-batch-ok-202.txt"), 4), Verdict::Done);
}

#[test]
fn trap_6_a_202_that_failed_is_refused_with_code_and_index() {
    for (file, status, code, index) in [
        (
            recording!("71-batch-conflict-202.txt"),
            409,
            "EntityAlreadyExists",
            1,
        ),
        (recording!("72-batch-dup-row.txt"), 400, "InvalidDuplicateRow", 1),
        (recording!("76-batch-table-notfound.txt"), 404, "TableNotFound", 0),
    ] {
        let Verdict::Refused(refusal) = verdict_of(file, 3) else {
            panic!("{code}: not refused");
        };
        assert_eq!((refusal.status, refusal.index), (status, Some(index)), "{code}");
        assert!(refusal.is(code), "{refusal:?}");
        assert!(!refusal.message.is_empty());
    }
}

#[test]
fn too_few_or_too_many_answers_are_no_receipt() {
    for sent in [3, 5, 100] {
        assert!(
            matches!(
                verdict_of(recording!("70-batch-ok-202.txt"), sent),
                Verdict::Unclear(_)
            ),
            "{sent}"
        );
    }
}

#[test]
fn an_answer_that_is_cut_off_is_no_receipt() {
    let (kind, body) = recorded(recording!("70-batch-ok-202.txt"));
    let last = body.trim_end().len();
    for end in 0..last {
        let verdict = verdict(Some(&kind), &body.as_bytes()[..end], 4, now());
        assert!(matches!(verdict, Verdict::Unclear(_)), "cut at {end}");
    }
}

#[test]
fn an_answer_that_is_no_multipart_is_no_receipt() {
    for (kind, body) in [
        (None, ""),
        (Some("text/html"), "<html>Please sign in</html>"),
        (Some("multipart/mixed"), "--x--\r\n"),
        (Some("multipart/mixed; boundary="), "----\r\n"),
        (
            Some("multipart/mixed; boundary=x"),
            "--x\r\nContent-Type: application/http\r\n\r\nhello\r\n--x--",
        ),
    ] {
        assert!(
            matches!(verdict(kind, body.as_bytes(), 1, now()), Verdict::Unclear(_)),
            "{body}"
        );
    }
}

#[test]
fn a_failure_without_a_changeset_around_it_is_read_too() {
    let body = "--b\nContent-Type: application/http\n\nHTTP/1.1 400 Bad Request\nContent-Type: application/json\n\n\
                {\"odata.error\":{\"code\":\"InvalidInput\",\"message\":{\"value\":\"99:Too many.\"}}}\n--b--\n";
    let Verdict::Refused(refusal) =
        verdict(Some("multipart/mixed; boundary=\"b\""), body.as_bytes(), 3, now())
    else {
        panic!("not refused");
    };
    assert_eq!(refusal.index, Some(99));
}

#[test]
fn ten_thousand_answers_are_each_understood() {
    let dice = Dice::seeded(43);
    let throw = |sides: usize| {
        let mut byte = [0];
        dice.fill(&mut byte);
        usize::from(byte[0]) % sides
    };
    for _ in 0..10_000 {
        let sent = 2 + throw(99);
        let failed = (throw(2) == 0).then(|| throw(sent));
        let end = if throw(2) == 0 { "\r\n" } else { "\n" };
        let parts: Vec<String> = match failed {
            None => (0..sent)
                .map(|n| format!("HTTP/1.1 204 No Content{end}ETag: W/\"{n}\"{end}{end}{end}"))
                .collect(),
            Some(index) => vec![format!(
                "HTTP/1.1 400 Bad Request{end}Content-Type: application/json{end}{end}\
                 {{\"odata.error\":{{\"code\":\"InvalidInput\",\"message\":{{\"value\":\"{index}:HTTP/1.1 204 --cs--\"}}}}}}{end}"
            )],
        };
        let mut body = format!("--br{end}Content-Type: multipart/mixed; boundary=cs{end}{end}");
        for part in parts {
            let head = format!("--cs{end}Content-Type: application/http{end}{end}");
            body.extend([head, part]);
        }
        body.extend(["--cs--", end, "--br--", end]);
        match (
            verdict(Some("multipart/mixed; boundary=br"), body.as_bytes(), sent, now()),
            failed,
        ) {
            (Verdict::Done, None) => {}
            (Verdict::Refused(refusal), Some(index)) => assert_eq!(refusal.index, Some(index)),
            (verdict, failed) => panic!("{verdict:?} but {failed:?}"),
        }
    }
}

#[test]
fn an_operation_of_a_batch_reads_like_the_recording() {
    let entity = Entity {
        partition: "lead".to_owned(),
        row: "d".to_owned(),
        properties: BTreeMap::from([("FirstName".to_owned(), Property::Text("x".to_owned()))]),
    };
    let part = part(
        "https://acct.table.core.windows.net",
        "T",
        &entity,
        Service::Storage,
    );
    assert!(part.contains(
        "\r\nPATCH https://acct.table.core.windows.net/T(PartitionKey='lead',RowKey='d') HTTP/1.1\r\n"
    ));
    assert!(part.ends_with("\r\n\r\n{\"FirstName\":\"x\"}\r\n"));
    assert!(!part.contains("If-Match"));
    let cosmos = self::part("https://a.table.cosmos.azure.com", "T", &entity, Service::Cosmos);
    assert!(
        cosmos.contains("\r\nPOST https://a.table.cosmos.azure.com/T(")
            && cosmos.contains("\r\nX-HTTP-Method: MERGE\r\n")
    );
}

#[test]
fn a_transaction_holds_a_hundred_operations_and_no_more_bytes_than_allowed() {
    let light = vec!["x".to_owned(); 250];
    assert_eq!(
        transactions(&light, byte_limit(Service::Storage)),
        vec![0..100, 100..200, 200..250]
    );
    let heavy = vec!["x".repeat(1024 * 1024); 7];
    for service in [Service::Storage, Service::Cosmos] {
        for range in transactions(&heavy, byte_limit(service)) {
            assert!(body(&heavy[range], "id").len() <= byte_limit(service));
        }
    }
    assert_eq!(
        transactions(&heavy, 1),
        (0..7).map(|n| n..n + 1).collect::<Vec<_>>()
    );
    assert_eq!(transactions(&[], 1), vec![]);
}
