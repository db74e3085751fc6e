//! Tokens by refresh token: the newest is on disk before anybody holds what came with it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::record::{Kept, NAME, Record};
use super::{SignIn, Wish};
use crate::error::ConnectorError;
use crate::http::Transport;
use crate::secret::Secret;
use crate::token::refusal::{self, PersonRefusal};
use crate::token::{Grant, Granted, answer};
use crate::vault::Held;

/// Tokens for one audience, from the sign-in of a person.
pub(super) struct RefreshGrant {
    sign_in: SignIn,
    audience: String,
}

/// What a try with one refresh token ended in.
enum Try {
    Granted(Granted, Option<Secret>),
    Refused(PersonRefusal),
}

impl RefreshGrant {
    pub(super) fn new(sign_in: SignIn, audience: &str) -> Self {
        Self {
            sign_in,
            audience: audience.to_owned(),
        }
    }

    async fn attempt(
        &self,
        with: &Secret,
        transport: &dyn Transport,
        now: DateTime<Utc>,
    ) -> Result<Try, ConnectorError> {
        let app = &self.sign_in.0.delegated;
        let wanted = app.wanted(&self.audience, Wish::Lasting);
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", with.expose())];
        fields.extend(wanted.iter().map(|(name, value)| (*name, value.as_str())));
        let request = app.token_request(&fields)?;
        let asked = app.asked(transport, &[], now);
        let response = asked.ask(request).await?;
        if response.status() != http::StatusCode::OK {
            let refusal = refusal::of_person(&response, &asked, self.sign_in.name());
            return Ok(Try::Refused(refusal));
        }
        let (granted, newest) = answer::read_lasting(response.body(), asked.host)?;
        Ok(Try::Granted(granted, newest))
    }

    /// The newest was refused: perhaps its answer came to us, but its making was lost on their side.
    async fn second_try(
        &self,
        record: &Record,
        refused: PersonRefusal,
        transport: &dyn Transport,
        now: DateTime<Utc>,
    ) -> Result<(Secret, Try), ConnectorError> {
        let newest = record.refresh_token.0.clone();
        match &record.former {
            Some(Kept(former)) if refused.spent => match self.attempt(former, transport, now).await? {
                granted @ Try::Granted(..) => Ok((former.clone(), granted)),
                // Whatever is wrong with the former one, it is the newest that has to be renewed.
                Try::Refused(also) if also.spent => Ok((newest, Try::Refused(refused))),
                Try::Refused(other) => Ok((newest, Try::Refused(other))),
            },
            _ => Ok((newest, Try::Refused(refused))),
        }
    }
}

#[async_trait]
impl Grant for RefreshGrant {
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError> {
        let held = self.sign_in.0.vault.hold(NAME).await?;
        let mut record = Record::checked(held.read()?, &self.sign_in.0.delegated, self.sign_in.name())?;
        // What could not be kept is not asked for: the endpoint may make the one we have worthless.
        held.rehearse()?;
        let newest = record.refresh_token.0.clone();
        let (used, tried) = match self.attempt(&newest, transport, now).await? {
            granted @ Try::Granted(..) => (newest, granted),
            Try::Refused(refused) => self.second_try(&record, refused, transport, now).await?,
        };
        match tried {
            Try::Granted(granted, next) => {
                record.renew(used, next, now);
                held.write(&record)?;
                Ok(granted)
            }
            Try::Refused(refused) => {
                if refused.ended {
                    note_refusal(&held, record, now);
                }
                Err(refused.error)
            }
        }
    }
}

/// For those who ask how the sign-in stands. Not kept: they hear it from the error.
fn note_refusal(held: &Held<'_>, mut record: Record, now: DateTime<Utc>) {
    record.refused_at.get_or_insert(now);
    let _ = held.write(&record);
}
