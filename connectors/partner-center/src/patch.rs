//! A change as the operations of RFC 6902 (contract partner-center 6.5): `replace` for values, `add` for
//! people, status and substatus together.

use chrono::NaiveDate;
use connector_kit::referral::{Member, Phase};
use connector_kit::{ConnectorError, ErrorKind, Referral, ReferralChange};
use serde_json::{Value, json};

/// Whether the change may leave us; nothing illegal ever does, whoever asks for it.
pub(crate) fn allowed(seen: &Referral, change: &ReferralChange) -> Result<(), ConnectorError> {
    let refused = |why: String, hint: &str| {
        let text = format!("write a referral that is {}: {why}", seen.state);
        Err(ConnectorError::new(ErrorKind::Rejected, text).hint(hint))
    };
    match seen.state.phase() {
        Phase::Closed => {
            return refused(
                "it is closed for ever".to_owned(),
                "a closed referral cannot be changed, not even its notes: make a new deal in Partner Center",
            );
        }
        Phase::Unknown => {
            return refused(
                "no document says what may follow".to_owned(),
                "look at it in Partner Center",
            );
        }
        Phase::New | Phase::Active => {}
    }
    if let Some(step) = change.step.filter(|step| !step.is_legal_from(&seen.state)) {
        return refused(
            format!("{} is not a step from there", step.as_str()),
            "accept a new referral before it is won or lost; one that is accepted is lost, no longer declined",
        );
    }
    if seen.etag.is_empty() {
        return refused(
            "it came without an eTag".to_owned(),
            "without one a write could undo what somebody else wrote: change it in Partner Center",
        );
    }
    Ok(())
}

/// The operations, in the order of the documented examples.
pub(crate) fn operations(change: &ReferralChange) -> Vec<Value> {
    let state = change.step.map(connector_kit::ReferralMove::target);
    let text = |text: &Option<String>| text.as_deref().map(str::to_owned);
    let values = [
        ("/status", state.as_ref().map(|state| state.status().to_owned())),
        (
            "/substatus",
            state.as_ref().map(|state| state.substatus().to_owned()),
        ),
        ("/statusReason", text(&change.reason)),
        ("/name", text(&change.name)),
        // A string, as in every example; never through floating point.
        (
            "/details/dealValue",
            change.value.as_ref().map(ToString::to_string),
        ),
        ("/details/currency", text(&change.currency)),
        ("/details/closingDateTime", change.closes_on.map(midnight)),
        ("/details/notes", text(&change.notes)),
        ("/externalReferenceId", text(&change.external_reference)),
        ("/campaignId", text(&change.campaign)),
    ];
    let replaced = values.into_iter().filter_map(|(path, value)| {
        let value = value?;
        Some(json!({ "op": "replace", "path": path, "value": value }))
    });
    replaced.chain(change.team.iter().map(joining)).collect()
}

fn midnight(day: NaiveDate) -> String {
    format!("{day}T00:00:00Z")
}

fn joining(member: &Member) -> Value {
    let person = json!({
        "email": member.email,
        "firstName": member.first_name,
        "lastName": member.last_name,
        "phoneNumber": member.phone,
    });
    json!({ "op": "add", "path": "/team/-", "value": person })
}

#[cfg(test)]
#[path = "patch/tests.rs"]
mod tests;
