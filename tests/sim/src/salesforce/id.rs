//! Record ids: fifteen characters that tell letter case apart, three more that protect it (contract salesforce 14).

/// What follows the prefix of every id of this org.
const INSTANCE: &str = "5e";
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The `n`-th id of a kind of record.
pub(super) fn mint(prefix: &str, n: u64) -> String {
    complete(&format!("{prefix}{INSTANCE}{n:010}"))
}

/// An id as it is kept, from what a client wrote: 15 or 18 characters, the checksum right.
pub(super) fn read(given: &str) -> Option<String> {
    if !given.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match given.len() {
        15 => Some(complete(given)),
        18 => Some(complete(&given[..15])).filter(|id| id == given),
        _ => None,
    }
}

/// The fifteen characters that messages quote.
pub(super) fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

fn complete(id: &str) -> String {
    let suffix = id.as_bytes().chunks(5).map(|group| {
        let bits = group
            .iter()
            .enumerate()
            .filter(|(_, byte)| byte.is_ascii_uppercase())
            .fold(0, |bits, (place, _)| bits | (1 << place));
        char::from(SUFFIX[bits])
    });
    id.chars().chain(suffix).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_checksum_is_that_of_published_ids() {
        let ids = include_str!("../../../fixtures/salesforce/ids.json");
        let ids: Value = serde_json::from_str(ids).unwrap();
        for vector in ids["vectors"].as_array().unwrap() {
            let (short, long) = (vector["id15"].as_str().unwrap(), vector["id18"].as_str().unwrap());
            assert_eq!(read(short).as_deref(), Some(long));
            assert_eq!(read(long).as_deref(), Some(long));
        }
        assert_eq!(mint("00Q", 1), "00Q5e0000000001EAA");
    }

    #[test]
    fn an_id_with_a_wrong_checksum_or_length_is_none() {
        for wrong in [
            "00Q5e0000000001AAA",
            "00Q5e000000000",
            "00Q5e0000000001EA",
            "00Q5e00000000-1",
            "",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
