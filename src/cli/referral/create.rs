//! Makes a referral of our own from a file, once.

use connector_kit::ids::AccountName;
use connector_kit::{ConnectorError, ErrorKind, ReferralDesk, SourceName};
use serde_json::{Value, json};

use super::super::{Exit, Place, house, screen};
use super::CreateArgs;
use crate::store::{Arrival, Store};

/// What the other side requires (contract partner-center 6.2).
const REQUIRED: [&str; 4] = ["type", "customerProfile", "consent", "details"];
/// Larger files are no referral.
const LARGEST: usize = 256 << 10;

/// Sends the file; what it became is kept like any referral that comes in.
pub(super) fn create(place: &Place, args: &CreateArgs) -> Result<(), Exit> {
    let shown = args.file.display();
    let bytes =
        std::fs::read(&args.file).map_err(|error| Exit::missing(format!("cannot read {shown}: {error}")))?;
    let reference = check(&bytes).map_err(|wrong| Exit::failed(format!("{shown}: {wrong}")))?;
    let mut connectors = house::connectors(place, std::slice::from_ref(&args.connector))?;
    let (file, connector) = connectors.remove(0);
    let Some(desk) = connector.referrals else {
        let message = format!("{} keeps no referrals: it needs the role outcome-sink", file.name);
        return Err(Exit::missing(message));
    };
    if args.plan {
        let told = json!({ "connector": file.name, "external_reference": reference, "bytes": bytes.len() });
        if place.json {
            screen::json(&told);
        } else {
            screen::line(format_args!("it can be sent to {}; nothing was sent", file.name));
        }
        return Ok(());
    }
    let (name, account) = (SourceName::new(&file.name), AccountName::new(&file.account));
    // The store is opened first: what is made is to be kept.
    let referral = house::act(place, |store| async move {
        let made = send(desk.as_ref(), bytes, &reference).await?;
        let arrival = Arrival {
            account,
            source: name,
            received_at: house::now(),
            raw: made.raw,
        };
        store.accept(vec![arrival], None).await?;
        Ok(made.referral)
    })?;
    if place.json {
        let state = referral.state.to_string();
        screen::json(&json!({ "referral": referral.id, "state": state, "connector": file.name }));
    } else {
        let state = screen::clean(&referral.state.to_string());
        screen::line(format_args!(
            "made {}  {state}; see leadsync referrals",
            referral.id
        ));
    }
    Ok(())
}

/// Whether it can be a referral at all; gives the reference by which it is found again.
fn check(bytes: &[u8]) -> Result<String, String> {
    if bytes.len() > LARGEST {
        return Err(format!("a referral has at most {} KiB", LARGEST >> 10));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    let missing: Vec<&str> = REQUIRED
        .into_iter()
        .filter(|name| value.get(name).is_none_or(Value::is_null))
        .collect();
    if !missing.is_empty() {
        return Err(format!("it has no {}", missing.join(", no ")));
    }
    let reference = value
        .get("externalReferenceId")
        .and_then(Value::as_str)
        .map(str::trim);
    let reference = reference.filter(|reference| !reference.is_empty()).ok_or(
        "it has no externalReferenceId: without one nobody can find out whether an unanswered request made it",
    )?;
    Ok(reference.to_owned())
}

async fn send(
    desk: &dyn ReferralDesk,
    bytes: Vec<u8>,
    reference: &str,
) -> Result<connector_kit::FetchedReferral, Exit> {
    desk.create(bytes.into())
        .await
        .map_err(|error| failed(&error, reference))
}

/// Whose turn it is. Where it may have been made, nobody tries again unseen.
fn failed(error: &ConnectorError, reference: &str) -> Exit {
    let hint = error
        .hint_text()
        .map(|hint| format!("\n  -> {hint}"))
        .unwrap_or_default();
    match error.kind() {
        ErrorKind::Unreachable | ErrorKind::Broken => Exit::unanswered(format!(
            "could not {error}\n  -> it may have been made: look for the reference {reference} at the other side before trying again"
        )),
        ErrorKind::Throttled => {
            Exit::unanswered(format!("could not {error}; nothing was made, try again later"))
        }
        ErrorKind::Conflict | ErrorKind::Rejected | ErrorKind::Unauthorized | ErrorKind::Misconfigured => {
            Exit::refused(format!("could not {error}{hint}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_what_is_required_and_a_reference() {
        let whole = r#"{"type":"Independent","customerProfile":{},"consent":{},"details":{},"externalReferenceId":" OPP-7 "}"#;
        assert_eq!(check(whole.as_bytes()), Ok("OPP-7".to_owned()));
        for (text, part) in [
            ("", "not JSON"),
            ("[]", "no type, no customerProfile"),
            (
                r#"{"type":"Shared","customerProfile":{},"consent":{},"details":null}"#,
                "it has no details",
            ),
            (
                r#"{"type":"Shared","customerProfile":{},"consent":{},"details":{}}"#,
                "no externalReferenceId",
            ),
        ] {
            let wrong = check(text.as_bytes()).unwrap_err();
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
        assert!(check(&vec![b' '; LARGEST + 1]).is_err());
    }
}
