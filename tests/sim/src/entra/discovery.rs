//! What MSAL asks before its first token: the metadata of a tenant and of the cloud.

use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{member, read_form};

pub(super) fn openid(origin: &str, tenant: &str) -> Value {
    let base = format!("{origin}/{tenant}");
    json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "issuer": format!("{base}/v2.0"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// Says that the host asked about is this authority, whatever name it goes by.
pub(super) fn instance(origin: &str, query: &str) -> Result<Value, Refusal> {
    let form = read_form(query);
    let endpoint =
        member(&form, "authorization_endpoint").ok_or_else(|| Refusal::missing("authorization_endpoint"))?;
    let host = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default().to_owned()
    };
    let tenant = endpoint
        .split('/')
        .nth(3)
        .ok_or_else(|| Refusal::missing("authorization_endpoint"))?;
    if host(endpoint) != host(origin) {
        return Err(Refusal::tenant(tenant));
    }
    Ok(json!({
        "tenant_discovery_endpoint": format!("{origin}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{
            "preferred_network": host(origin),
            "preferred_cache": host(origin),
            "aliases": [host(origin)],
        }],
    }))
}
