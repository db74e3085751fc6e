//! The look at whether we are let in.

use chrono::{DateTime, Utc};

use super::Check;
use crate::token::{Granted, Standing, TokenSource};

/// Fetches a token, or finds one that still lives. What else the endpoint said comes along.
pub async fn token(tokens: &TokenSource) -> (Check, Option<Granted>) {
    match tokens.granted().await {
        Ok(granted) => {
            let minutes = granted.life.num_minutes();
            let check = Check::well("token", format!("granted for {minutes} minutes"));
            (check, Some(granted))
        }
        Err(error) => (Check::of_error("token", &error), None),
    }
}

/// Whether a person is signed in for this connector, and for how long still.
pub fn sign_in(standing: &Standing, connector: &str, now: DateTime<Utc>) -> Check {
    let again = format!("run leadsync authorize {connector}");
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    let check = match (standing.left(now), standing.expires_at, standing.refused_at) {
        (Some(left), Some(end), _) => {
            let lasts = format!(
                "somebody is signed in until {}, longer if it is used before",
                day(end)
            );
            match standing.warning(now) {
                None => Check::well("sign-in", lasts),
                Some(_) => Check::ailing(
                    "sign-in",
                    format!("{lasts}; {} days are left", left.num_days()),
                    again,
                ),
            }
        }
        (_, _, Some(since)) => Check::ill(
            "sign-in",
            format!("what was given for the sign-in is refused since {}", day(since)),
            again,
        ),
        (_, Some(end), None) => Check::ill(
            "sign-in",
            format!("the sign-in was not used and ended on {}", day(end)),
            again,
        ),
        (_, None, None) => Check::ill("sign-in", "nobody has signed in yet", again),
    };
    match standing.expires_at {
        Some(end) => check.until(end),
        None => check,
    }
}
