//! The token endpoint: who asks early gets the same token with what is left of it (contract marketo A1).

use axum::response::Response;
use serde_json::json;

use super::answer;
use super::request::Asked;

/// Issues the one token of the API user.
pub(super) struct Identity {
    client: (String, String),
    /// How long a fresh token lives, in milliseconds.
    pub(super) life: i64,
    /// Whether a form is understood; otherwise only a query is.
    pub(super) takes_forms: bool,
    token: Option<(String, i64)>,
    issued: u64,
    /// How often it was asked.
    pub(super) asked: u64,
}

impl Identity {
    pub(super) fn new(client_id: &str, client_secret: &str) -> Self {
        Self {
            client: (client_id.to_owned(), client_secret.to_owned()),
            life: 3_600_000,
            takes_forms: true,
            token: None,
            issued: 0,
            asked: 0,
        }
    }

    pub(super) fn answer(&mut self, asked: &Asked, now: i64) -> Response {
        self.asked += 1;
        let by_form = asked.method == http::Method::POST && asked.query.is_empty();
        if by_form && !(self.takes_forms && asked.is_form()) {
            return refused(400, "unsupported");
        }
        if asked.param("grant_type") != Some("client_credentials") {
            return refused(400, "unsupported_grant_type");
        }
        let given = (asked.param("client_id"), asked.param("client_secret"));
        if given != (Some(self.client.0.as_str()), Some(self.client.1.as_str())) {
            return refused(401, "unauthorized");
        }
        if self.token.as_ref().is_none_or(|(_, until)| now >= *until) {
            self.issued += 1;
            let token = format!("0f1e2d3c-4b5a-6978-8796-{:012x}:ab", self.issued);
            self.token = Some((token, now + self.life));
        }
        let (token, until) = self.token.clone().unwrap_or_default();
        let body = json!({
            "access_token": token, "token_type": "bearer", "expires_in": (until - now) / 1000,
            "scope": "leadsync-api@contoso.example",
        });
        answer::reply(200, "application/json", body.to_string())
    }

    /// The code with which a bearer token is refused.
    pub(super) fn objection(&self, token: Option<&str>, now: i64) -> Option<&'static str> {
        let number = token
            .and_then(|token| {
                token
                    .strip_prefix("0f1e2d3c-4b5a-6978-8796-")?
                    .strip_suffix(":ab")
            })
            .and_then(|number| u64::from_str_radix(number, 16).ok());
        match (number, &self.token) {
            (Some(number), Some((_, until))) if number == self.issued && now < *until => None,
            (Some(number), _) if (1..=self.issued).contains(&number) => Some("602"),
            _ => Some("601"),
        }
    }

    /// The living token dies.
    pub(super) fn expire(&mut self) {
        self.token = None;
    }
}

fn refused(status: u16, error: &str) -> Response {
    let body = json!({ "error": error, "error_description": "the request is not one we grant a token for" });
    answer::reply(status, "application/json", body.to_string())
}
