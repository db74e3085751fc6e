//! What the sender sends, and what it makes of answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use super::{LeadSender, Why, documented, in_lower_case, test_lead, with_unknown_members};

const URL: &str = "https://leads.contoso.example/v1/leads/marketplace/secret?sig=1";
const NOW: i64 = 1_521_733_683;

fn sender() -> (LeadSender, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(NOW));
    let hand = Arc::clone(&now);
    let clock = Arc::new(move || DateTime::from_timestamp(hand.load(Ordering::SeqCst), 0).unwrap());
    (LeadSender::new(URL, clock), now)
}

fn sent(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[test]
fn every_documented_lead_is_sent_as_it_stands_to_the_exact_address() {
    let (sender, _) = sender();
    let leads = documented();
    assert!(leads.len() > 17, "the sequence holds several");
    for (_, lead) in &leads {
        sender.send(lead);
    }
    let due = sender.due();
    assert_eq!(due.len(), leads.len());
    for (posting, (name, lead)) in due.iter().zip(&leads) {
        assert!(lead.is_object(), "{name}");
        assert_eq!(
            (posting.url.as_str(), &sent(&posting.body)),
            (URL, lead),
            "{name}"
        );
        assert!(sender.answered(posting.id, Some(202)));
    }
    assert!(
        sender
            .ended()
            .iter()
            .all(|ended| ended.taken && ended.why == Why::Customer)
    );
}

#[test]
fn a_test_lead_has_the_members_of_the_documented_one_and_tells_its_time() {
    let (sender, _) = sender();
    sender.publish();
    sender.validate();
    let due = sender.due();
    let documented = documented();
    let (_, sample) = documented
        .iter()
        .find(|(name, _)| *name == "microsoft_test_lead")
        .unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for posting in &due {
        let lead = sent(&posting.body);
        assert_eq!(names(&lead["userDetails"]), names(&sample["userDetails"]));
        // 2018-03-22T15:48:03Z, as the documented number decodes.
        assert_eq!(lead["userDetails"]["LastName"], "MSFT_TEST_636573304830000000");
    }
    sender.answered(due[0].id, Some(500));
    sender.answered(due[1].id, Some(200));
    let verdicts: Vec<_> = sender
        .ended()
        .iter()
        .map(|ended| (ended.why, ended.taken))
        .collect();
    assert_eq!(verdicts, [(Why::Publish, false), (Why::Validate, true)]);
}

#[test]
fn a_lead_that_is_not_taken_is_lost_or_tried_again_as_told() {
    for (retries, tries) in [(0, 1), (3, 4)] {
        let (sender, now) = sender();
        sender.retry(retries, TimeDelta::seconds(30));
        let lead = sender.send(&documented()[0].1);
        for attempt in 1..=tries {
            let due = sender.due();
            assert_eq!((due[0].lead, due[0].attempt), (lead, attempt));
            assert!(sender.due().is_empty(), "it is out");
            sender.answered(due[0].id, Some(503));
            now.fetch_add(30, Ordering::SeqCst);
        }
        assert!(sender.due().is_empty());
        let ended = sender.ended();
        assert_eq!((ended[0].taken, ended[0].statuses.len()), (false, tries));
    }
}

#[test]
fn silence_counts_as_an_answer_after_a_while_and_the_same_bytes_come_again() {
    let (sender, now) = sender();
    sender.retry(1, TimeDelta::zero());
    sender.send(&documented()[0].1);
    let first = sender.due();
    now.fetch_add(10, Ordering::SeqCst);
    let second = sender.due();
    assert_eq!(first[0].body, second[0].body);
    assert!(!sender.answered(first[0].id, Some(200)), "too late");
    assert!(sender.answered(second[0].id, Some(200)));
    assert_eq!(sender.ended()[0].statuses, [None, Some(200)]);
}

#[test]
fn leads_differ_in_the_case_of_names_and_in_members_nobody_knows() {
    let lead = test_lead(DateTime::from_timestamp(NOW, 0).unwrap());
    let lower = in_lower_case(&lead);
    assert_eq!(
        lower["userdetails"]["firstname"],
        lead["userDetails"]["FirstName"]
    );
    let more = with_unknown_members(&lead);
    assert!(more["Extension"].is_object() && more["userDetails"] == lead["userDetails"]);
}
