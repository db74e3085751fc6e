//! What the sandbox offers, and what it withholds.

use minijinja::value::Value;

use super::Expression;
use crate::mapping::RESULT_CAP_BYTES;

fn context() -> Value {
    let long = "\n=".repeat(2048);
    Value::from_pairs([
        ("a", Value::from(long.as_str())),
        ("n", Value::from(3)),
        ("e", Value::from("")),
    ])
}

#[test]
fn what_the_sandbox_offers_works() {
    for (source, expected) in [
        ("'Ab'|lower", "ab"),
        ("'ab'|upper ~ n", "AB3"),
        ("e|default('none')", "none"),
        ("'a-b'|replace('-', '+')", "a+b"),
        ("'héllo'|truncate(2)", "hé"),
        ("n|times(2.5)", "7.5"),
        ("'4'|int|times(2)", "8"),
        ("'=1+1'|plain", "'=1+1"),
        ("'a\r\nb'|replace_newlines", "a b"),
        ("'yes' if n is not empty and n in [1, 3] else 'no'", "yes"),
        ("'x(*)' ~ (1)", "x(*)1"),
        (
            "'yes' if not (e is defined) or 'abc' is startingwith('ab') else 'no'",
            "yes",
        ),
    ] {
        let expression = Expression::compile(source).unwrap_or_else(|why| panic!("{source}: {why}"));
        assert_eq!(
            expression.evaluate(context()).unwrap().to_string(),
            expected,
            "{source}"
        );
    }
}

#[test]
fn what_could_never_work_is_refused_at_load_with_a_guess() {
    for (source, part) in [
        ("a|lowr", "did you mean `lower`"),
        ("a is emtpy", "did you mean `empty`"),
        ("a is not emtpy", "did you mean `empty`"),
        ("lower(a)", "write value|lower"),
        ("range(10)", "no functions"),
        ("a.upper()", "write value|upper"),
        ("'ab' * 100000000", "times"),
        ("[1] * n", "times"),
        ("2 ** 9", "times"),
        ("a[:2]", "truncate"),
        ("a ~", ""),
        ("a if", ""),
    ] {
        let why = Expression::compile(source).expect_err(source);
        assert!(why.contains(part), "{source}: {why}");
    }
    assert!(Expression::compile(&"a~".repeat(501)).is_err());
}

#[test]
fn an_expression_knows_its_names() {
    let expression =
        Expression::compile("person.email ~ touch.extra['Plan Id'] ~ id|default(raw.phone)").unwrap();
    assert_eq!(
        expression.names(),
        ["id", "person.email", "raw.phone", "touch.extra"]
    );
}

#[test]
fn the_undefined_is_an_error_and_not_an_empty_text() {
    let expression = Expression::compile("e.nope").unwrap();
    assert!(expression.evaluate(context()).is_err());
    let expression = Expression::compile("nope").unwrap();
    assert!(expression.evaluate(context()).is_err());
}

/// Reliability T11, with the greediest expressions the sandbox takes: what comes out never grows
/// beyond what the operator's own thousand bytes can name, whatever the text is.
#[test]
fn hostile_text_cannot_make_an_expression_expensive() {
    let greedy = [
        (format!("a{}", "~a".repeat(499)), 500 * 4096),
        ("a|replace('=', a)".to_owned(), 0),
        (
            "a|replace_newlines(a)|replace_newlines(a)".to_owned(),
            RESULT_CAP_BYTES + 4096 + 1,
        ),
        (
            format!("(a{})|replace_newlines(a)", "~a".repeat(480)),
            RESULT_CAP_BYTES + 4096 + 1,
        ),
        (
            format!("(a{})|upper|lower|plain|trim", "~a".repeat(480)),
            481 * 4096 + 1,
        ),
        (
            "a|replace_newlines(a)|replace_newlines(a)|replace('=', a)".to_owned(),
            0,
        ),
    ];
    for (source, most) in greedy {
        let result = Expression::compile(&source).unwrap().evaluate(context());
        let length = result.map_or(0, |value| value.to_string().len());
        assert!(length <= most, "{source}: {length}");
    }
}
