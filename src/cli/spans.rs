//! Times in words a person takes in at a glance.

use chrono::{DateTime, TimeDelta, Utc};

/// The two largest units that say something: `2 d 3 h`, `45 min`.
pub(super) fn words(span: TimeDelta) -> String {
    let minutes = span.num_minutes().abs();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, ..) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A moment on the screen: to the second, in UTC.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "less than a minute"),
            (59, "less than a minute"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (11_520, "3 h 12 min"),
            (86_400, "1 d"),
            (86_400 + 59 * 60, "1 d"),
            (2 * 86_400 + 5 * 3_600, "2 d 5 h"),
            (-11_520, "3 h 12 min"),
        ] {
            assert_eq!(words(TimeDelta::seconds(seconds)), expected, "{seconds} s");
        }
    }
}
