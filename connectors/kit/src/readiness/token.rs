//! The look at whether we are let in.

use super::Check;
use crate::token::{Granted, TokenSource};

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
