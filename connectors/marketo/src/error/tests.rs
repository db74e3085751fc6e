//! Every code of the contract, and who has to change.

use super::*;

fn refusal(code: &str, now: &str, chance: f64) -> Refusal {
    let complaint = Complaint {
        code: code.to_owned(),
        message: "their words".to_owned(),
    };
    complaint.into_refusal("update leads", now.parse().unwrap(), chance)
}

#[test]
fn every_code_has_somebody_who_has_to_change() {
    use ErrorKind::{Broken, Conflict, Misconfigured, Rejected, Throttled, Unauthorized, Unreachable};
    let table: [(ErrorKind, &[&str]); 7] = [
        (Throttled, &["606", "607", "608", "615", "1016"]),
        (Unreachable, &["502", "604"]),
        (Broken, &["500", "611", "713"]),
        (Conflict, &["719", "1005", "1036"]),
        (
            Rejected,
            &[
                "701", "702", "704", "709", "1001", "1002", "1003", "1004", "1007", "1010", "1021", "1022",
                "1029", "1035", "9999",
            ],
        ),
        (Unauthorized, &["603"]),
        (
            Misconfigured,
            &[
                "601", "602", "605", "609", "610", "612", "613", "614", "703", "1006", "1008", "1009",
                "1011", "1018",
            ],
        ),
    ];
    for (kind, codes) in table {
        for code in codes {
            let refusal = refusal(code, "2026-11-20T12:00:00Z", 0.5);
            assert_eq!(refusal.error.kind(), kind, "{code}");
            assert_eq!(
                refusal.error.answer_text().unwrap(),
                format!("{code} their words")
            );
            assert_eq!(
                refusal.error.to_string(),
                format!("update leads: {code}"),
                "their words stay out of the log"
            );
        }
    }
}

#[test]
fn whoever_asks_to_be_left_alone_is_left_alone_for_as_long_as_it_takes() {
    for (code, chance, seconds) in [
        ("606", 0.9, 20),
        ("615", 0.0, 1),
        ("615", 1.0, 5),
        ("607", 0.0, 18 * 3600 + 1),
        ("607", 1.0, 18 * 3600 + 61),
        ("614", 0.0, 60),
    ] {
        let wait = refusal(code, "2026-11-20T12:00:00Z", chance).error.wait();
        assert_eq!(wait, Some(Duration::from_secs(seconds)), "{code}");
    }
    let summer = refusal("607", "2026-07-20T12:00:00Z", 0.0).error.wait();
    assert_eq!(
        summer,
        Some(Duration::from_secs(17 * 3600 + 1)),
        "an hour earlier in summer"
    );
}

#[test]
fn only_what_repeats_parks_for_doubtful_reasons() {
    for (code, strikes) in [("602", 3), ("610", 3), ("614", 60), ("1006", 1)] {
        assert_eq!(
            refusal(code, "2026-11-20T12:00:00Z", 0.5).error.strikes_needed(),
            strikes
        );
    }
}

#[test]
fn a_code_may_come_as_a_number() {
    let complaint: Complaint = serde_json::from_str(r#"{"code":1003,"message":"m"}"#).unwrap();
    assert_eq!(complaint.code, "1003");
}
