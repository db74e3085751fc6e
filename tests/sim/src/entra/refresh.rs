//! Refresh tokens: each use brings a new one, and what becomes of the old one is a switch.

use serde_json::Value;

use super::delegated::{SignedIn, Wish};
use super::refusal::Refusal;
use super::{Book, Entra, Version, member};

/// Unused so long, a token is void: 90 days.
const DISUSE: i64 = 90 * 86_400;

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// It stays good until it expires, as with Entra.
    #[default]
    Stays,
    /// It stays good for so many seconds.
    Grace(i64),
    /// It is refused from then on.
    AtOnce,
}

/// All of them, and how they are treated.
#[derive(Default)]
pub(super) struct Refreshing {
    tokens: Vec<Refresh>,
    rotation: Rotation,
}

struct Refresh {
    value: String,
    who: SignedIn,
    wish: Wish,
    born: i64,
    used: Option<i64>,
    revoked: bool,
}

impl Refreshing {
    pub(super) fn issue(&mut self, who: &SignedIn, wish: &Wish, now: i64) -> String {
        let value = format!("1.sim-refresh-{:06}", self.tokens.len() + 1);
        self.tokens.push(Refresh {
            value: value.clone(),
            who: who.clone(),
            wish: wish.clone(),
            born: now,
            used: None,
            revoked: false,
        });
        value
    }

    pub(super) fn revoke(&mut self, user: &str) {
        let of_user = self.tokens.iter_mut().filter(|token| token.who.user == user);
        of_user.for_each(|token| token.revoked = true);
    }

    fn find(&mut self, value: &str, app: &str, now: i64) -> Result<&mut Refresh, Refusal> {
        let rotation = self.rotation;
        let token = self
            .tokens
            .iter_mut()
            .rev()
            .find(|token| token.value == value && token.who.app == app)
            .ok_or_else(|| Refusal::grant("The refresh token is malformed or was given to somebody else."))?;
        if token.revoked {
            return Err(Refusal::revoked());
        }
        if now >= token.born + DISUSE {
            return Err(Refusal::disused(token.born));
        }
        let replaced = match (rotation, token.used) {
            (Rotation::Stays, _) | (_, None) => false,
            (Rotation::Grace(seconds), Some(used)) => now > used + seconds,
            (Rotation::AtOnce, Some(_)) => true,
        };
        if replaced {
            return Err(Refusal::grant(
                "The refresh token was used and replaced by a newer one.",
            ));
        }
        Ok(token)
    }
}

impl Book {
    /// A token, and a new refresh token.
    pub(super) fn redeem_refresh(
        &mut self,
        version: Version,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        let (client, _) = self.client(version, tenant, form, now)?;
        let client = client.to_owned();
        let value = member(form, "refresh_token").ok_or_else(|| Refusal::missing("refresh_token"))?;
        let token = self.refresh.find(value, &client, now)?;
        let (who, before) = (token.who.clone(), token.wish.clone());
        let mut wish = self.wish(version, form, Some(&before))?;
        // Whoever may renew may renew again.
        wish.offline = true;
        let answer = self.give(version, &who, &wish, form, now)?;
        self.refresh.find(value, &client, now)?.used.get_or_insert(now);
        Ok(answer)
    }
}

impl Entra {
    /// What becomes of refresh tokens that are used.
    pub fn rotate(&self, rotation: Rotation) {
        self.book().refresh.rotation = rotation;
    }

    /// A refresh token for a user who signed in earlier, without the way there.
    ///
    /// # Panics
    /// When nothing stands behind it: no such application or user, or no consent.
    #[expect(clippy::expect_used, reason = "a test prepares its users by hand")]
    pub fn refresh_token(&self, app: &str, user: &str, resource: &str) -> String {
        let now = (self.clock)();
        let mut book = self.book();
        assert!(book.apps.contains_key(app), "{app} is not registered");
        book.people.may(user, app, resource).expect("a user who may");
        let who = SignedIn {
            app: app.to_owned(),
            user: user.to_owned(),
            nonce: None,
        };
        let wish = Wish {
            resource: resource.to_owned(),
            default: false,
            openid: false,
            offline: true,
        };
        book.refresh.issue(&who, &wish, now)
    }
}
