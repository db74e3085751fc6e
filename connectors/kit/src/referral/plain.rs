//! Text as people wrote it: live data holds HTML entities (contract partner-center 5.3).

/// The entities that are seen, and what they stand for.
const NAMED: [(&str, char); 6] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
];
/// No entity is longer.
const LONGEST: usize = 10;

/// The text with its entities resolved, once: `&amp;lt;` becomes `&lt;`.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        let (before, entity) = rest.split_at(start);
        out.push_str(before);
        let (c, length) = resolve(entity).unwrap_or(('&', 1));
        out.push(c);
        rest = &entity[length..];
    }
    out.push_str(rest);
    out
}

/// The character at the beginning of `&..;`, and how many bytes stand for it.
fn resolve(entity: &str) -> Option<(char, usize)> {
    let end = entity.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = entity.get(1..end)?;
    let number = name
        .strip_prefix('#')
        .map(|number| match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        });
    let c = match number {
        Some(code) => char::from_u32(code.ok()?).filter(|c| !c.is_control())?,
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((c, end + 1))
}
