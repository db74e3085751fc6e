//! What the other side needs before it takes a step, checked before it is asked (contract partner-center 6.2). Pure.

use connector_kit::{Referral, ReferralChange, ReferralMove};

/// Why a step cannot be reported, and what a person should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

impl Refusal {
    /// Names the cause and the remedy.
    pub fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: hint.into(),
        }
    }
}

/// Everything that is missing or wrong for the change to be taken; none when it can be sent.
pub fn refusal(referral: &Referral, change: &ReferralChange) -> Option<Refusal> {
    let wrong = malformed(change);
    if !wrong.is_empty() {
        let hint = "correct it in the CRM, or give it by hand with `leadsync referral`";
        return Some(Refusal::new(
            format!("it is not valid: {}", wrong.join(", ")),
            hint,
        ));
    }
    let step = change.step?;
    let missing = missing(referral, change, step);
    if missing.is_empty() {
        return None;
    }
    let reason = format!("to {} it, there is no {}", step.as_str(), missing.join(", no "));
    Some(Refusal::new(reason, hint(step, referral)))
}

fn missing(referral: &Referral, change: &ReferralChange, step: ReferralMove) -> Vec<&'static str> {
    let given = |new: Option<&String>, held: &str| new.map_or(held, String::as_str).trim().is_empty();
    match step {
        ReferralMove::Accept => {
            let deal = &referral.deal;
            let lacks = [
                ("deal name", given(change.name.as_ref(), &referral.name)),
                ("deal value", change.value.is_none() && deal.value.is_none()),
                ("currency", change.currency.is_none() && deal.currency.is_none()),
                (
                    "closing date",
                    change.closes_on.is_none() && deal.closes_at.is_none(),
                ),
            ];
            lacks
                .into_iter()
                .filter(|(_, lacks)| *lacks)
                .map(|(name, _)| name)
                .collect()
        }
        ReferralMove::Decline | ReferralMove::Lose if given(change.reason.as_ref(), "") => vec!["reason"],
        _ => Vec::new(),
    }
}

fn malformed(change: &ReferralChange) -> Vec<&'static str> {
    let is_code = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_negative = change
        .value
        .as_ref()
        .is_some_and(|value| value.to_string().starts_with('-'));
    [
        ("a deal value below zero", is_negative),
        (
            "a currency that is no ISO 4217 code",
            !change.currency.as_ref().is_none_or(is_code),
        ),
    ]
    .into_iter()
    .filter(|(_, is_wrong)| *is_wrong)
    .map(|(what, _)| what)
    .collect()
}

fn hint(step: ReferralMove, referral: &Referral) -> String {
    let id = &referral.id;
    match step {
        ReferralMove::Accept => format!(
            "fill in what is missing in the CRM, or run: leadsync referral accept {id} --name .. --value .. --currency .. --closes .."
        ),
        ReferralMove::Decline => {
            format!("give a reason in the CRM, or run: leadsync referral decline {id} --reason ..")
        }
        _ => format!("give a reason in the CRM, or run: leadsync referral lost {id} --reason .."),
    }
}
