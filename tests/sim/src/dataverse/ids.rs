//! GUIDs: rows get them in order of creation, definitions get them from their names.

/// The id of the n-th row of an environment.
pub(super) fn row(n: u64) -> String {
    format!("{n:08x}-5a6f-ee11-9ae7-000d3a993550")
}

/// The id of the definition with this name; the same one every time.
pub(super) fn definition(name: &str) -> String {
    let hash = hash(name);
    format!(
        "{:08x}-{:04x}-ec11-bb3d-0022482ea769",
        hash >> 32,
        (hash >> 16) & 0xffff
    )
}

/// A number from a text, the same one every time (FNV-1a).
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The text as a GUID in lower case, if it is one.
pub(super) fn guid(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| {
            if dash(at) {
                *byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        });
    fits.then(|| text.to_ascii_lowercase())
}
