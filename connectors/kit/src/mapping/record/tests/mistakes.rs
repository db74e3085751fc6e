//! What is refused at load.

use super::{rules, tables};
use crate::mapping::Mapping;

#[test]
fn a_mistake_names_its_key_and_the_nearest_right_word() {
    for (text, key, part) in [
        (
            "Email = { from = 'person.emial' }",
            "mapping.Email.from",
            "did you mean `person.email`",
        ),
        (
            "Email = { from = 'person.email', pipe = ['trim', 'lowr'] }",
            "mapping.Email.pipe[1]",
            "`lower`",
        ),
        (
            "'a.b' = { from = 'nope' }",
            "mapping.\"a.b\".from",
            "a lead has no `nope`",
        ),
        (
            "F = { from = 'intent', pipe = ['map(intent)'] }",
            "mapping.F.pipe[0]",
            "did you mean `intents`",
        ),
        (
            "F = { from = 'id', pipe = ['truncate(0)'] }",
            "mapping.F.pipe[0]",
            "above 0",
        ),
        (
            "F = { from = 'id', pipe = ['truncate'] }",
            "mapping.F.pipe[0]",
            "truncate(graphemes)",
        ),
        (
            "F = { from = 'id', pipe = ['join(\",\", touch.ofer)'] }",
            "mapping.F.pipe[0]",
            "`touch.offer`",
        ),
        (
            "F = { from = 'last_at', pipe = ['date(\"%Q\")'] }",
            "mapping.F.pipe[0]",
            "strftime",
        ),
        (
            "F = { from = 'last_at', pipe = ['date(short)'] }",
            "mapping.F.pipe[0]",
            "iso, unix",
        ),
        (
            "F = { from = 'person.phone', pipe = ['plain'] }",
            "mapping.F.pipe[0]",
            "e164",
        ),
        ("F = { pipe = ['trim'] }", "mapping.F.pipe[0]", "begins with join"),
        ("F = { from = 'id', expr = 'id' }", "mapping.F.expr", "not both"),
        (
            "F = { expr = 'person.emial' }",
            "mapping.F.expr",
            "did you mean `person.email`",
        ),
        (
            "F = { expr = 'raw.emial' }",
            "mapping.F.expr",
            "did you mean `email`",
        ),
        (
            "F = { expr = 'person.email.raw' }",
            "mapping.F.expr",
            "`raw.email`",
        ),
        ("F = { expr = 'person[id]' }", "mapping.F.expr", "is a group"),
        (
            "F = { expr = 'id|uper' }",
            "mapping.F.expr",
            "did you mean `upper`",
        ),
        (
            "F = { required = true }",
            "mapping.F",
            "`from`, `expr` or `default`",
        ),
        ("F = { default = [1] }", "mapping.F.default", "one value"),
        (
            "F = { default = 'toolong', max_length = 3 }",
            "mapping.F.default",
            "max_length",
        ),
        (
            "F = { from = 'id', max_length = 0 }",
            "mapping.F.max_length",
            "at least 1",
        ),
    ] {
        let error = Mapping::parse(&rules(text), &tables()).expect_err(text);
        assert_eq!(error.key, key, "{text}");
        assert!(error.message.contains(part), "{text}: {}", error.message);
    }
}

#[test]
fn all_mistakes_of_a_mapping_are_told_at_once() {
    let rules = rules("A = { from = 'x' }\nB = { from = 'id' }\nC = { expr = '(' }");
    let keys: Vec<_> = Mapping::mistakes(&rules, &tables())
        .into_iter()
        .map(|error| error.key)
        .collect();
    assert_eq!(keys, ["mapping.A.from", "mapping.C.expr"]);
}
