//! The few questions of `leadsync init`, where somebody is there to answer them.

use std::io::{self, BufRead, IsTerminal, Write};

use connector_kit::nearest::did_you_mean;
use url::Url;

use super::plan::Front;
use crate::cli::screen;
use crate::registry;

/// Whether somebody is there.
pub(super) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && screen::errors_are_read_by_a_person()
}

/// Which systems, as `KIND` or `KIND=NAME`.
pub(super) fn connectors() -> io::Result<Vec<(String, String)>> {
    screen::complain("Which systems are to be connected? By name or number, with commas between:");
    for (index, kind) in registry::KINDS.iter().enumerate() {
        screen::complain(&format!("  {}  {kind}", index + 1));
    }
    until_right("systems", "file", |text| {
        text.split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(connector)
            .collect()
    })
}

/// `KIND`, `KIND=NAME`, or the number of a kind.
pub(super) fn connector(word: &str) -> Result<(String, String), String> {
    let (kind, name) = word.split_once('=').unwrap_or((word, ""));
    let by_number = kind
        .parse::<usize>()
        .ok()
        .and_then(|number| registry::KINDS.get(number.checked_sub(1)?));
    let kind = by_number.copied().unwrap_or(kind);
    let Some(template) = registry::template(kind) else {
        let guess = did_you_mean(kind, registry::KINDS);
        return Err(format!(
            "there is no kind {kind:?}{guess} (known: {})",
            registry::KINDS.join(", ")
        ));
    };
    let name = if name.is_empty() { template.name } else { name };
    let letters = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !letters || name.len() > 64 {
        return Err(format!("{name:?} is no name: use 1 to 64 of a-z, 0-9 and -"));
    }
    Ok((kind.to_owned(), name.to_owned()))
}

/// The address others reach this machine by.
pub(super) fn public_url() -> io::Result<Option<Url>> {
    screen::complain("Under which address do others reach this machine? Like https://leads.contoso.example");
    until_right("address", "later", |text| match text {
        "later" => Ok(None),
        text => address(text).map(Some),
    })
}

/// An address as Microsoft takes it.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host() && url.query().is_none())
        .ok_or_else(|| "write it like https://leads.contoso.example".to_owned())
}

/// Who ends TLS.
pub(super) fn front() -> io::Result<Front> {
    screen::complain("Who ends TLS: a proxy on this machine, or leadsync itself?");
    until_right("proxy or tls", "proxy", |text| match text {
        "proxy" => Ok(Front::Proxy),
        "tls" => Ok(Front::Tls),
        _ => Err("write proxy or tls".to_owned()),
    })
}

/// Asks again until the answer will do; an empty one is the usual one. The end of input ends it all.
fn until_right<T>(what: &str, usual: &str, read: impl Fn(&str) -> Result<T, String>) -> io::Result<T> {
    loop {
        let mut err = io::stderr().lock();
        write!(err, "{what} [{usual}]: ")?;
        err.flush()?;
        drop(err);
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer = Some(line.trim()).filter(|line| !line.is_empty()).unwrap_or(usual);
        match read(answer) {
            Ok(read) => return Ok(read),
            Err(why) => screen::complain(&why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_named_by_kind_number_or_both() {
        let name = |word: &str| connector(word).map(|(_, name)| name);
        assert_eq!(name("file"), Ok("leads-file".to_owned()));
        assert_eq!(name("3"), Ok("leads-file".to_owned()));
        assert_eq!(name("file=archive"), Ok("archive".to_owned()));
        assert!(name("flie").unwrap_err().contains("did you mean `file`?"));
        assert!(name("0").is_err() && name("99").is_err() && name("file=A B").is_err());
    }
}
