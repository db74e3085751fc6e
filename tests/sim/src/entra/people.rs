//! The users of the tenant: who they are, what they may, and what became of their consent.

use std::collections::{BTreeMap, BTreeSet};

use super::Entra;
use super::refusal::Refusal;

/// Everybody, and what was agreed to.
#[derive(Default)]
pub(super) struct People {
    users: BTreeMap<String, User>,
    /// Application and resource: an administrator agreed for the tenant.
    consents: BTreeSet<(String, String)>,
    /// Whose browser it is that comes to the door.
    pub(super) browser: Option<String>,
    /// The user presses cancel, so many times.
    pub(super) cancels: usize,
}

#[derive(Default)]
struct User {
    roles: Vec<String>,
    disabled: bool,
    /// A second factor is asked for, which no program can give.
    second_factor: bool,
}

impl People {
    pub(super) fn roles(&self, user: &str) -> Vec<String> {
        self.users
            .get(user)
            .map(|user| user.roles.clone())
            .unwrap_or_default()
    }

    /// Whether this user may have a token of this application for this resource.
    pub(super) fn may(&self, user: &str, app: &str, resource: &str) -> Result<(), Refusal> {
        let known = self.users.get(user).ok_or_else(|| Refusal::no_user(user))?;
        if known.disabled {
            return Err(Refusal::disabled());
        }
        if known.second_factor {
            return Err(Refusal::second_factor());
        }
        if !self.consents.contains(&(app.to_owned(), resource.to_owned())) {
            return Err(Refusal::consent(app));
        }
        Ok(())
    }

    /// A number that stays the same for a user.
    pub(super) fn object_id(&self, user: &str) -> String {
        let place = self
            .users
            .keys()
            .position(|known| known == user)
            .unwrap_or_default();
        format!("0b1ec700-0000-4000-8000-{place:012x}")
    }
}

impl Entra {
    /// A user by their name for signing in, with these roles, such as `Referrals admin`.
    pub fn add_user(&self, name: &str, roles: &[&str]) {
        let user = User {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..User::default()
        };
        self.book().people.users.insert(name.to_owned(), user);
    }

    /// From now on the user has these roles.
    pub fn set_roles(&self, name: &str, roles: &[&str]) {
        self.user(name, |user| {
            user.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        });
    }

    /// Whether the user's account is closed.
    pub fn disable(&self, name: &str, disabled: bool) {
        self.user(name, |user| user.disabled = disabled);
    }

    /// Whether a second factor is demanded of the user: no refresh token is good enough then.
    pub fn demand_second_factor(&self, name: &str, demanded: bool) {
        self.user(name, |user| user.second_factor = demanded);
    }

    /// The user changed the password, or an administrator ended all sessions: every code and refresh token is void.
    pub fn revoke_user(&self, name: &str) {
        let mut book = self.book();
        book.refresh.revoke(name);
        book.codes.retain(|code| code.user != name);
    }

    /// An administrator agrees that this application acts for users towards this resource.
    pub fn consent(&self, app: &str, resource: &str) {
        let pair = (app.to_owned(), resource.trim_end_matches('/').to_owned());
        self.book().people.consents.insert(pair);
    }

    /// The agreement is withdrawn.
    pub fn withdraw_consent(&self, app: &str, resource: &str) {
        let pair = (app.to_owned(), resource.trim_end_matches('/').to_owned());
        self.book().people.consents.remove(&pair);
    }

    /// The browser that comes to `authorize` is this user's, who is signed in; `None` for a stranger's.
    pub fn browse_as(&self, name: Option<&str>) {
        self.book().people.browser = name.map(str::to_owned);
    }

    /// So many times the user presses cancel instead of going on.
    pub fn cancel_next(&self, times: usize) {
        self.book().people.cancels = times;
    }

    fn user(&self, name: &str, change: impl FnOnce(&mut User)) {
        change(self.book().people.users.entry(name.to_owned()).or_default());
    }
}
