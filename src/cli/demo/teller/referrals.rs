//! The lines about referrals.

use connector_kit::{Referral, ReferralId, ReferralState, SourceName};
use serde_json::json;

use super::{Colour, Line, intent, line, whom};
use crate::demo::listener::Who;
use crate::syncback::Refusal;

/// A referral came in.
pub(super) fn came(source: &SourceName, referral: &Referral, who: &Who) -> Line {
    let kind = referral.kind.as_str();
    let text = format!(
        "{}  {kind}: {}{}",
        whom(source.as_str()),
        who.name,
        intent(who.intent)
    );
    let details = json!({ "source": source, "referral": referral.id, "lead": who.lead, "kind": kind });
    line("referral in", Colour::Plain, text, details)
}

/// A referral stands anew where it came from.
pub(super) fn stands(
    (source, referral): (&SourceName, &ReferralId),
    state: &ReferralState,
    says: Option<&Referral>,
    who: &Who,
) -> Line {
    let (word, colour) = match state {
        ReferralState::Accepted | ReferralState::Engaged => ("accepted", Colour::Plain),
        ReferralState::Won => ("won", Colour::Green),
        ReferralState::Lost => ("lost", Colour::Yellow),
        ReferralState::Declined => ("declined", Colour::Yellow),
        ReferralState::Expired => ("expired", Colour::Yellow),
        _ => ("referral", Colour::Plain),
    };
    let more = says.map_or_else(String::new, |says| more(state, says));
    let text = format!("{}  {}: {state}{more}", whom(source.as_str()), who.name);
    let details =
        json!({ "source": source, "referral": referral, "lead": who.lead, "state": state.to_string() });
    line(word, colour, text, details)
}

/// What became of it cannot be reported.
pub(super) fn unreported(sink: &SourceName, referral: &ReferralId, why: &Refusal, who: &Who) -> Line {
    let text = format!("{}  {}: {}", whom(sink.as_str()), who.name, why.reason);
    let details = json!({
        "sink": sink, "referral": referral, "lead": who.lead, "reason": why.reason, "hint": why.hint,
    });
    line("refused", Colour::Red, text, details)
}

/// What a sold one is worth, and why another was not sold.
fn more(state: &ReferralState, says: &Referral) -> String {
    let deal = &says.deal;
    match (state, &deal.value) {
        (ReferralState::Won, Some(value)) => {
            let currency = deal.currency.as_deref().unwrap_or_default();
            format!(", {value} {currency}")
        }
        (ReferralState::Lost | ReferralState::Declined, _) if !says.reason.is_empty() => {
            format!(", {}", says.reason)
        }
        _ => String::new(),
    }
}
