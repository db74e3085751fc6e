//! Whose a token is: what a system that is shown one may know.

use std::sync::Arc;

use super::Entra;

/// Who comes with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The application.
    pub app: Arc<str>,
    /// Who signed in; `None` for an application that comes by itself.
    pub user: Option<Arc<str>>,
    /// The roles this user has at the moment.
    pub roles: Vec<String>,
}

impl Bearer {
    /// Whether nobody signed in.
    pub fn is_app_only(&self) -> bool {
        self.user.is_none()
    }

    /// Whether the user has this role.
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held.eq_ignore_ascii_case(role))
    }
}

impl Entra {
    /// The application that holds this token for this resource, while the token lives.
    pub fn holder(&self, token: &str, resource: &str) -> Option<Arc<str>> {
        self.bearer(token, resource).map(|bearer| bearer.app)
    }

    /// Who comes with this token to this resource, while the token lives.
    pub fn bearer(&self, token: &str, resource: &str) -> Option<Bearer> {
        let now = (self.clock)();
        let book = self.book();
        let mut newest_first = book.issued.iter().rev();
        let issued = newest_first
            .find(|issued| issued.token == token)
            .filter(|issued| !issued.revoked && now < issued.until && issued.resource == resource)?;
        Some(Bearer {
            app: Arc::from(issued.app.as_str()),
            user: issued.user.as_deref().map(Arc::from),
            roles: issued
                .user
                .as_deref()
                .map(|user| book.people.roles(user))
                .unwrap_or_default(),
        })
    }
}
