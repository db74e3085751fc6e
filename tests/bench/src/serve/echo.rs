//! HTTP without durability: what axum alone can do on this machine.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use serde::Deserialize;

/// A lead in Microsoft's shape; unknown fields are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
pub(super) struct PostedLead {
    /// The person.
    pub(super) user_details: UserDetails,
    /// Where the lead came from, and for which offer.
    pub(super) lead_source: String,
    /// What the person did.
    pub(super) action_code: String,
    offer_title: String,
    description: String,
}

/// The person behind a lead.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct UserDetails {
    first_name: String,
    last_name: String,
    /// The address, which makes the key.
    pub(super) email: String,
    phone: String,
    country: String,
    company: String,
    title: String,
}

impl PostedLead {
    /// Bytes of text in all fields, so that no field is parsed in vain.
    fn text_bytes(&self) -> usize {
        let user = &self.user_details;
        [
            &user.first_name,
            &user.last_name,
            &user.email,
            &user.phone,
            &user.country,
            &user.company,
            &user.title,
            &self.lead_source,
            &self.action_code,
            &self.offer_title,
            &self.description,
        ]
        .iter()
        .map(|text| text.len())
        .sum()
    }
}

/// Reads the body and answers.
pub(super) fn plain() -> Router {
    Router::new().route(
        "/leads",
        post(|body: Bytes| async move {
            if body.is_empty() {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::ACCEPTED
            }
        }),
    )
}

/// Parses the lead and answers.
pub(super) fn typed() -> Router {
    Router::new().route(
        "/leads",
        post(|body: Bytes| async move {
            match serde_json::from_slice::<PostedLead>(&body) {
                Ok(lead) if lead.text_bytes() > 0 => StatusCode::ACCEPTED,
                _ => StatusCode::BAD_REQUEST,
            }
        }),
    )
}
