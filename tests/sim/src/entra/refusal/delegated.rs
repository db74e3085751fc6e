//! What is said no to when a user is involved.

use super::{CONSENT, Refusal, timestamp};

impl Refusal {
    /// A parameter of `authorize` is missing or of no use.
    pub(in crate::entra) fn authorize(name: &str) -> Self {
        let text = format!("The request is missing the parameter '{name}', or its value is not supported.");
        Self::new(400, "invalid_request", 900_144, text)
    }

    pub(in crate::entra) fn redirect(uri: &str) -> Self {
        let text = format!("The redirect URI '{uri}' does not match the redirect URIs of the application.");
        Self::new(400, "invalid_request", 50_011, text)
    }

    pub(in crate::entra) fn other_redirect() -> Self {
        let text = "The redirect URI is not the one the authorization code was sent to.";
        Self::new(400, "invalid_grant", 500_112, text)
    }

    pub(in crate::entra) fn login() -> Self {
        Self::new(
            400,
            "login_required",
            50_058,
            "No user is signed in in this browser.",
        )
    }

    pub(in crate::entra) fn cancelled() -> Self {
        Self::new(400, "access_denied", 65_004, "The user declined to consent.")
    }

    pub(in crate::entra) fn no_challenge() -> Self {
        let text = "Proof Key for Code Exchange is required for the redemption of this code.";
        Self::new(400, "invalid_request", 9_002_325, text)
    }

    pub(in crate::entra) fn verifier() -> Self {
        let text = "The code verifier does not match the code challenge of the authorization request.";
        Self::new(400, "invalid_grant", 501_481, text)
    }

    pub(in crate::entra) fn redeemed() -> Self {
        Self::new(
            400,
            "invalid_grant",
            54_005,
            "The authorization code was already redeemed.",
        )
    }

    pub(in crate::entra) fn code_expired() -> Self {
        Self::new(
            400,
            "invalid_grant",
            70_008,
            "The authorization code has expired.",
        )
    }

    pub(in crate::entra) fn grant(text: &str) -> Self {
        Self::new(400, "invalid_grant", 70_000, text)
    }

    pub(in crate::entra) fn two_resources() -> Self {
        let text = "The scopes name more than one resource; a token is for one.";
        Self::new(400, "invalid_request", 28_000, text)
    }

    pub(in crate::entra) fn public_with_secret() -> Self {
        let text =
            "The client is public, so neither 'client_assertion' nor 'client_secret' may be presented.";
        Self::new(401, "invalid_client", 700_025, text)
    }

    pub(in crate::entra) fn not_public() -> Self {
        let text = "The client must be marked as public to use this flow.";
        Self::new(401, "invalid_client", 7_000_218, text)
    }

    pub(in crate::entra) fn pending() -> Self {
        let text = "The user has not signed in yet; ask again after the interval.";
        Self::new(400, "authorization_pending", 70_016, text)
    }

    pub(in crate::entra) fn slow_down() -> Self {
        Self::new(
            400,
            "slow_down",
            70_016,
            "The questions come faster than the interval allows.",
        )
    }

    pub(in crate::entra) fn device_expired() -> Self {
        let text = "The device code has expired; the user has to begin again.";
        Self::new(400, "expired_token", 70_020, text)
    }

    pub(in crate::entra) fn declined() -> Self {
        Self::new(
            400,
            "authorization_declined",
            70_011,
            "The user declined to sign in.",
        )
    }

    pub(in crate::entra) fn bad_device_code() -> Self {
        Self::new(
            400,
            "bad_verification_code",
            70_018,
            "The device code is not known.",
        )
    }

    /// Nobody agreed that the application acts for the user.
    pub(in crate::entra) fn consent(app: &str) -> Self {
        let text = format!("The user or administrator has not consented to use the application '{app}'.");
        Self::new(400, "interaction_required", CONSENT, text).because("consent_required")
    }

    /// The password changed, or the sessions were ended.
    pub(in crate::entra) fn revoked() -> Self {
        let text = "The provided grant has expired due to it being revoked; a fresh auth token is needed.";
        Self::new(400, "invalid_grant", 50_173, text).because("bad_token")
    }

    pub(in crate::entra) fn disused(born: i64) -> Self {
        let text = format!(
            "The refresh token has expired due to inactivity. It was issued on {} and inactive for 90.00:00:00.",
            timestamp(born)
        );
        Self::new(400, "invalid_grant", 700_082, text).because("token_expired")
    }

    pub(in crate::entra) fn second_factor() -> Self {
        let text = "Due to a configuration change you must use multi-factor authentication.";
        Self::new(400, "interaction_required", 50_076, text).because("basic_action")
    }

    pub(in crate::entra) fn disabled() -> Self {
        Self::new(400, "invalid_grant", 50_057, "The user account is disabled.")
    }

    pub(in crate::entra) fn no_user(user: &str) -> Self {
        let text = format!("The user account '{user}' does not exist in the directory.");
        Self::new(400, "invalid_grant", 50_034, text)
    }
}
