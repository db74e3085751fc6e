//! Bodies at the door.

use super::*;

fn verdict(body: &[u8]) -> Result<(), Reason> {
    check_body(body, &BodyLimits::default()).map_err(|unreadable| unreadable.reason)
}

fn nested(levels: usize) -> String {
    format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

#[test]
fn readable_bodies_pass_however_odd() {
    let table: &[&[u8]] = &[
        b"{}",
        b" \r\n{ } \n",
        b"\xEF\xBB\xBF{\"a\":1}",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":\"\\u0000\"}",
        b"{\"a\":\"\\ud83d\\ude00\"}",
        b"{\"a\":123456789012345678901234567890}",
        b"\"{\\\"a\\\":1}\"",
        b"\" {\\\"a\\\":1} \"",
    ];
    for body in table {
        assert_eq!(verdict(body), Ok(()), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(verdict(nested(127).as_bytes()), Ok(()));
}

#[test]
fn unreadable_bodies_are_named() {
    let table: &[(&[u8], Reason)] = &[
        (b"", Reason::Empty),
        (b" \n", Reason::Empty),
        (b"\xEF\xBB\xBF", Reason::Empty),
        (b"{", Reason::NotJson),
        (b"nul", Reason::NotJson),
        (b"{'a':1}", Reason::NotJson),
        (b"{\"a\":1,}", Reason::NotJson),
        (b"{\"a\":1} // x", Reason::NotJson),
        (b"{\"a\":1}{}", Reason::NotJson),
        (b"{\"a\":\"\n\"}", Reason::NotJson),
        (b"\"{\\\"a\\\":}\"", Reason::NotJson),
        (b"{\"a\":1 \"b\":2}", Reason::NotJson),
        (b"[]", Reason::NotAnObject),
        (b"\"x\"", Reason::NotAnObject),
        (b"\"\\\"{}\\\"\"", Reason::NotAnObject),
        (b"1", Reason::NotAnObject),
        (b"null", Reason::NotAnObject),
        (b"lead=%7B%7D", Reason::FormEncoded),
        (b"first_name=Ada&json={\"a\":1}", Reason::FormEncoded),
        (b"{\"a\":\"M\xFCller\"}", Reason::NotUtf8),
        (b"{\0\"\0a\0\"\0", Reason::Utf16),
        (b"\xFF\xFE{\0}\0", Reason::Utf16),
        (b"\0{\0}", Reason::Utf16),
        (b"{\"a\":1e999}", Reason::NumberOutOfRange),
        (b"{\"a\":\"\\ud800\"}", Reason::LoneSurrogate),
        (b"{\"a\":\"\\ud800x\"}", Reason::LoneSurrogate),
        (b"{\"a\":\"\\udc00\"}", Reason::LoneSurrogate),
        (b"{\"a\":\"\\ud800\\u0041\"}", Reason::LoneSurrogate),
        (b"{\"\\ud800\":1}", Reason::LoneSurrogate),
    ];
    for (body, reason) in table {
        assert_eq!(verdict(body), Err(*reason), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn depth_and_keys_are_bounded() {
    assert_eq!(verdict(nested(129).as_bytes()), Err(Reason::TooDeep));
    assert_eq!(verdict(nested(200_000).as_bytes()), Err(Reason::TooDeep));
    let keys = |count: usize| {
        let members: Vec<_> = (0..count).map(|n| format!("\"k{n}\":[{{}}]")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(verdict(keys(256).as_bytes()), Ok(()));
    assert_eq!(verdict(keys(257).as_bytes()), Err(Reason::TooManyKeys));
    assert_eq!(verdict(keys(100_000).as_bytes()), Err(Reason::TooManyKeys));
    assert_eq!(
        check_body(b"{\"a\":{\"b\":1}}", &BodyLimits { max_keys: 1 }).map_err(|u| u.reason),
        Err(Reason::TooManyKeys)
    );
}

#[test]
fn a_refusal_says_why_and_never_what() {
    let refusal = check_body(b"{\"Email\":\"ada@example.com\"", &BodyLimits::default()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the body is not JSON; send exactly one JSON object, without comments or text around it"
    );
    assert!(!format!("{refusal:?}").contains("example"));
}
