//! The look at what ends on a day that is known: a certificate, a signature.

use chrono::{DateTime, TimeDelta, Utc};

use super::Check;

/// Days before the end at which somebody is told, the last first.
const MARKS: [i64; 4] = [1, 7, 14, 30];

/// How something that ends at `end` stands. `what` names it as a sentence begins: "the certificate".
///
/// What is found changes at 30, 14, 7 and 1 days before the end and not between, so that it is news then.
pub fn ending(name: &'static str, what: &str, end: DateTime<Utc>, now: DateTime<Utc>, remedy: &str) -> Check {
    let day = end.format("%Y-%m-%d");
    let mark = MARKS.iter().find(|days| end - now <= TimeDelta::days(**days));
    let check = match mark {
        _ if end <= now => Check::ill(name, format!("{what} ended on {day}"), remedy),
        Some(1) => Check::ailing(name, format!("{what} ends on {day}, within a day"), remedy),
        Some(days) => Check::ailing(name, format!("{what} ends on {day}, within {days} days"), remedy),
        None => Check::well(name, format!("{what} ends on {day}")),
    };
    check.until(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::Health;

    #[test]
    fn it_is_news_at_30_14_7_and_1_days_and_when_it_is_over() {
        let end: DateTime<Utc> = "2026-12-31T12:00:00Z".parse().unwrap();
        let mut told: Vec<(i64, Health)> = Vec::new();
        let mut before = String::new();
        for hours in (-48..24 * 40).rev() {
            let check = ending(
                "tls",
                "the certificate",
                end,
                end - TimeDelta::hours(hours),
                "renew it",
            );
            assert_eq!(check.ends_at, Some(end));
            if check.found != before {
                told.push((hours, check.health));
                before = check.found;
            }
        }
        let news = [
            (24 * 40 - 1, Health::Well),
            (24 * 30, Health::Ailing),
            (24 * 14, Health::Ailing),
            (24 * 7, Health::Ailing),
            (24, Health::Ailing),
            (0, Health::Ill),
        ];
        assert_eq!(told, news);
    }
}
