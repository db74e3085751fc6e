//! A new referral from the partner (contract partner-center 4, 6.1 and 6.4).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::lifecycle::{Stage, missing};
use super::moment;
use super::schema::{self, REFERRAL};
use super::settings::Required;
use super::store::{MICROSOFT, PARTNER, Service};

/// What the portal asks a person for.
const PORTAL: &[&str] = &[
    "/name",
    "/customerProfile/name",
    "/customerProfile/address/addressLine1",
    "/customerProfile/address/city",
    "/customerProfile/address/country",
    "/details/dealValue",
    "/details/currency",
    "/details/closingDateTime",
    "/details/requirements/solutions",
    "/team",
];

impl Service {
    /// The referral as the service keeps it, and whether it is the partner's own.
    pub(super) fn created(
        &mut self,
        body: &Value,
        at: DateTime<Utc>,
        notes: &mut Vec<String>,
    ) -> Result<(Value, bool), Refusal> {
        let mut whole = fitted(body, notes)?;
        missing(&whole, &["/type", "/customerProfile", "/consent", "/details"])?;
        if self.settings.required == Required::AsThePortal {
            missing(&whole, PORTAL)?;
        }
        let engagement = &body["engagementId"];
        if let Some(engagement) = engagement.as_str() {
            if !self.knows_engagement(engagement) {
                return Err(Refusal::malformed("There is no such engagement."));
            }
            whole["engagementId"] = engagement.into();
        }
        let own = !is_for_microsoft(&whole);
        match Stage::of(&whole).to_string().as_str() {
            "/" | "New/Pending" | "Active/Accepted" => {}
            other => return Err(Refusal::illegal("nothing", other)),
        }
        whole["createdDateTime"] = moment::write(at).into();
        whole["direction"] = "Outgoing".into();
        if own {
            whole["status"] = "Active".into();
            whole["substatus"] = "Accepted".into();
            whole["acceptedDateTime"] = moment::write(at).into();
        } else {
            whole["status"] = "New".into();
            whole["substatus"] = "Pending".into();
            whole["expirationDateTime"] = moment::write(moment::deadline(at)).into();
        }
        complete(&mut whole, own);
        Ok((whole, own))
    }
}

/// What the body says that a partner may say; what the service alone says is passed over.
pub(super) fn fitted(body: &Value, notes: &mut Vec<String>) -> Result<Value, Refusal> {
    let members = body
        .as_object()
        .ok_or_else(|| Refusal::malformed("The body has to be a referral."))?;
    let mut whole = json!({});
    for (name, value) in members {
        match schema::top(name) {
            None => notes.push(format!("there is no member {name}: it is lost")),
            Some(field) if field.service => {}
            Some(field) if matches!(field.kind, schema::Kind::Words(_)) && value.is_null() => {}
            Some(field) => {
                let fitted = schema::fit(field.kind, value, &format!("/{name}"), notes);
                whole[name] = fitted.map_err(Refusal::malformed)?;
            }
        }
    }
    Ok(whole)
}

fn is_for_microsoft(referral: &Value) -> bool {
    let targets = referral["target"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let microsoft = |target: &Value| target["type"] == "BusinessProfileLocation" && target["id"] == "msft";
    targets.iter().any(microsoft)
}

/// Gives a referral every member it lacks.
pub(super) fn complete(referral: &mut Value, own: bool) {
    let (id, name) = if own { (PARTNER.0, PARTNER.1) } else { MICROSOFT };
    let defaults = json!({
        "organizationId": id,
        "organizationName": name,
        "qualification": "None",
        "favorite": false,
        "quality": "Unknown",
        "isSpam": false,
        "mpnId": PARTNER.2,
        "dealSensitivity": "None",
        "registrationStatus": "None",
        "tags": [],
        "target": [],
        "team": [],
        "registrations": [],
        "inviteContext": {
            "notes": null,
            "assistanceRequestCode": "Unknown",
            "invitedMpnId": null,
            "invitedBy": { "organizationId": PARTNER.0, "organizationName": PARTNER.1 },
        },
        "trackingInfo": {
            "microsoftMsxId": null,
            "microsoftUSFedOpportunityId": null,
            "microsoftUSFedLeadId": null,
            "migratedPSCDealId": null,
            "migratedPSCPartnerDealId": null,
        },
    });
    // Seen in some accounts only.
    let rare = [
        "exception",
        "customerMarketplaceIntent",
        "partnerRole",
        "solutionArea",
        "solutionPlay",
    ];
    for field in REFERRAL.iter().filter(|field| !rare.contains(&field.name)) {
        if referral[field.name].is_null() {
            referral[field.name] = defaults.get(field.name).cloned().unwrap_or_default();
        }
    }
}
