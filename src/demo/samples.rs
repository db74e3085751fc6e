//! What is sent, and what must come of it.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::DemoError;

/// Sent in this order. The sequence stands behind the single lead of the same person, which it joins.
const SINGLE: [&str; 15] = [
    include_str!("../../tests/fixtures/marketplace/https_azuremarketplace_ins.json"),
    include_str!("../../tests/fixtures/marketplace/https_appsource_plt_contact_me.json"),
    include_str!("../../tests/fixtures/marketplace/https_appsource_dnc.json"),
    include_str!("../../tests/fixtures/marketplace/https_appsource_spza_label_ins.json"),
    include_str!("../../tests/fixtures/marketplace/https_azuremarketplace_ins_plain_source.json"),
    include_str!("../../tests/fixtures/marketplace/https_azureportal_create.json"),
    include_str!("../../tests/fixtures/marketplace/https_extra_unknown_fields.json"),
    include_str!("../../tests/fixtures/marketplace/https_lowercase_keys.json"),
    include_str!("../../tests/fixtures/marketplace/https_microsoft_test_lead.json"),
    include_str!("../../tests/fixtures/marketplace/https_missing_fields.json"),
    include_str!("../../tests/fixtures/marketplace/https_null_user_details.json"),
    include_str!("../../tests/fixtures/marketplace/https_pii_withheld_edu.json"),
    include_str!("../../tests/fixtures/marketplace/https_testdrive_start.json"),
    include_str!("../../tests/fixtures/marketplace/https_unicode.json"),
    include_str!("../../tests/fixtures/marketplace/https_unknown_action.json"),
];
const SEQUENCE: &str = include_str!("../../tests/fixtures/marketplace/https_duplicate_sequence.json");
const REFUSED: &str = include_str!("../../tests/fixtures/demo/refused.json");
const UNREADABLE: &str = include_str!("../../tests/fixtures/demo/unreadable.txt");

/// What the webhook refuses any request for.
pub const REFUSED_MARK: &str = "treyresearch.example";
/// What must never be found at a receiver: the test lead's mark, and who asked not to be contacted.
pub const FORBIDDEN_MARKS: [&str; 2] = ["MSFT_TEST_", "kenji.sato"];

/// What the samples come to.
pub struct Expected;

impl Expected {
    /// Bodies answered 200: fifteen single ones, three of one person, one to be refused by the webhook.
    pub const ACCEPTED: u64 = 19;
    /// Bodies answered 400.
    pub const REFUSED: u64 = 1;
    /// The same touch again.
    pub const REPEATS: u64 = 1;
    /// New touches of a known person.
    pub const MERGED: u64 = 2;
    /// People; two bodies name nobody and stay leads of their own.
    pub const LEADS: u64 = 16;
    /// Leads that go nowhere: a test lead and one who must not be contacted.
    pub const SUPPRESSED: u64 = 2;
    /// Deliveries one destination refuses for good.
    pub const DEAD: u64 = 1;
    /// Sold: one in each CRM.
    pub const WON: u64 = 2;
    /// Not sold.
    pub const LOST: u64 = 1;
    /// Not worth a call.
    pub const DECLINED: u64 = 1;
}

/// A body and the answer it must get.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The bytes as Microsoft sends them.
    pub body: Bytes,
    /// 200 or 400.
    pub answer: u16,
}

#[derive(Deserialize)]
struct Moment {
    body: Box<RawValue>,
}

/// Everything that is sent, in order.
pub fn all() -> Result<Vec<Sample>, DemoError> {
    let sequence: Vec<Moment> =
        serde_json::from_str(SEQUENCE).map_err(DemoError::while_doing("read its samples"))?;
    let good = |body: Bytes| Sample { body, answer: 200 };
    let single = SINGLE
        .iter()
        .map(|text| good(Bytes::from_static(text.as_bytes())));
    let of_one_person = sequence
        .into_iter()
        .map(|moment| good(Bytes::from(String::from(Box::<str>::from(moment.body)))));
    let unreadable = Sample {
        body: Bytes::from_static(UNREADABLE.as_bytes()),
        answer: 400,
    };
    let refused = good(Bytes::from_static(REFUSED.as_bytes()));
    Ok(single.chain(of_one_person).chain([unreadable, refused]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_https_sample_of_the_marketplace_is_sent() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/marketplace");
        let files = std::fs::read_dir(directory)
            .unwrap()
            .map(|file| file.unwrap().file_name());
        let names = files.map(|name| name.to_str().unwrap().to_owned());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("https_")).collect();
        names.retain(|name| !include_str!("samples.rs").contains(&format!("/{name}\"")));
        assert_eq!(names, [""; 0], "not sent");
    }

    #[test]
    fn the_expected_answers_are_those_of_the_samples() {
        let samples = all().unwrap();
        let answered = |code| samples.iter().filter(|sample| sample.answer == code).count() as u64;
        assert_eq!(answered(200), Expected::ACCEPTED);
        assert_eq!(answered(400), Expected::REFUSED);
        assert_eq!(
            Expected::ACCEPTED,
            Expected::LEADS + Expected::REPEATS + Expected::MERGED
        );
    }
}
