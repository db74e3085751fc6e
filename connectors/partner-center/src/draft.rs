//! A referral of our own before it is sent: is all there that is required, and is that one it?
//! (contract partner-center 6.2, 6.4, 7)

use connector_kit::{ConnectorError, ErrorKind};
use serde_json::Value;

/// What has to be there (contract partner-center 6.2).
const REQUIRED: [&str; 4] = ["type", "customerProfile", "consent", "details"];
const TYPES: [&str; 2] = ["Independent", "Shared"];

/// What of it tells it from others.
pub(crate) struct Draft {
    external_reference: String,
    engagement: String,
    targets: Vec<String>,
}

impl Draft {
    /// Reads it; one that lacks something never leaves us.
    pub(crate) fn read(body: &[u8]) -> Result<Self, ConnectorError> {
        let refused = |what: String| {
            ConnectorError::new(ErrorKind::Rejected, format!("make a referral: {what}"))
                .hint("complete the referral, then make it again")
        };
        let sent: Value = serde_json::from_slice(body).map_err(|_| refused("this is not JSON".into()))?;
        for name in REQUIRED {
            let there = match &sent[name] {
                Value::Object(members) => !members.is_empty(),
                Value::String(text) => name == "type" && TYPES.contains(&text.as_str()),
                _ => false,
            };
            if !there {
                return Err(refused(format!("`{name}` is missing, or is nothing of the kind")));
            }
        }
        let customer = &sent["customerProfile"];
        if text(&customer["name"]).is_empty() {
            return Err(refused("`customerProfile.name` is missing".into()));
        }
        let country = text(&customer["address"]["country"]);
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(refused(
                "`customerProfile.address.country` is two capital letters, such as US".into(),
            ));
        }
        Ok(Self {
            external_reference: text(&sent["externalReferenceId"]).to_owned(),
            engagement: text(&sent["engagementId"]).to_owned(),
            targets: targets(&sent),
        })
    }

    /// Whether there is anything to look for it by.
    pub(crate) fn can_be_found(&self) -> bool {
        !self.external_reference.is_empty() || !self.engagement.is_empty()
    }

    /// Whether this one is it. Both sides of a shared deal carry the same ids: their targets differ.
    pub(crate) fn is_like(&self, bytes: &[u8]) -> bool {
        let found: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let same = |own: &str, name: &str| own.is_empty() || own.eq_ignore_ascii_case(text(&found[name]));
        same(&self.external_reference, "externalReferenceId")
            && same(&self.engagement, "engagementId")
            && (self.targets.is_empty() || self.targets == targets(&found))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default().trim()
}

/// Whom it goes to, in one order and one case of letters.
fn targets(referral: &Value) -> Vec<String> {
    let listed = referral["target"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut ids: Vec<String> = listed
        .iter()
        .map(|target| text(&target["id"]).to_ascii_lowercase())
        .collect();
    ids.sort();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fixture(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
        std::fs::read(format!("{folder}/{name}.json")).unwrap()
    }

    #[test]
    fn the_documented_requests_are_complete() {
        for name in ["private", "cosell_own_side", "cosell_microsoft_side"] {
            let draft = Draft::read(&fixture(&format!("create_request_{name}"))).unwrap();
            assert!(draft.can_be_found(), "{name}");
        }
    }

    #[test]
    fn what_lacks_something_required_is_refused_by_name() {
        let whole: Value = serde_json::from_slice(&fixture("create_request_private")).unwrap();
        let without = |pointer: &str, value: Value| {
            let mut body = whole.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            let refused = Draft::read(body.to_string().as_bytes()).err();
            refused.map(|error| error.to_string()).unwrap_or_default()
        };
        for (pointer, value, named) in [
            ("/type", json!("Private"), "`type`"),
            ("/customerProfile", json!(null), "`customerProfile`"),
            ("/consent", json!({}), "`consent`"),
            ("/details", json!([]), "`details`"),
            ("/customerProfile/name", json!(" "), "`customerProfile.name`"),
            ("/customerProfile/address/country", json!("USA"), "country"),
            ("/customerProfile/address/country", json!("us"), "country"),
        ] {
            let refused = without(pointer, value);
            assert!(refused.contains(named), "{pointer}: {refused}");
        }
        assert!(Draft::read(b"nonsense").is_err());
    }

    #[test]
    fn the_two_sides_of_a_shared_deal_are_told_apart() {
        let own = Draft::read(&fixture("create_request_cosell_own_side")).unwrap();
        let theirs = Draft::read(&fixture("create_request_cosell_microsoft_side")).unwrap();
        let made = |name: &str| {
            let mut made: Value = serde_json::from_slice(&fixture(name)).unwrap();
            made["externalReferenceId"] = json!("CRM-opp-1002");
            made["engagementId"] = json!("b1c40bb7-0000-4000-9000-e1460cf2a457");
            made.to_string().into_bytes()
        };
        let (ours, microsofts) = (
            made("create_request_cosell_own_side"),
            made("create_request_cosell_microsoft_side"),
        );
        assert!(own.is_like(&ours) && !own.is_like(&microsofts));
        assert!(theirs.is_like(&microsofts) && !theirs.is_like(&ours));
        assert!(!own.is_like(&fixture("create_request_private")));
    }
}
