//! Ids that look like what they are and come out the same in each run.

use chrono::{DateTime, Utc};

/// What an id names; the same number of another kind is another id.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Referral = 1,
    Engagement = 2,
    Registration = 3,
    Request = 4,
    Subscriber = 5,
    Correlation = 6,
}

/// A version 4 UUID by shape.
pub(super) fn guid(of: Of, number: u64) -> String {
    let high = mix(((of as u64) << 56) ^ number);
    let low = mix(high ^ number);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 50),
        low & 0xffff_ffff_ffff
    )
}

/// With its quotes; the last group begins with the second of the change (contract partner-center 5.5).
pub(super) fn etag(serial: u64, updated: DateTime<Utc>) -> String {
    let first = mix(serial) >> 32;
    format!(
        "\"{first:08x}-0000-{:04x}-0000-{:08x}0000\"",
        serial & 0xffff,
        updated.timestamp()
    )
}

/// Whether a text has the shape of a UUID.
pub(super) fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |group: &&str| group.bytes().all(|b| b.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex)
}

/// Spreads numbers that lie close together; no two come out the same.
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
