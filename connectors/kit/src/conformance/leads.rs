//! Leads to check promises with; each has a canary in every field a person could be reached by.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::canary::{Canary, CanaryMark};
use crate::delivery::{EventKind, Gate, LeadDelivery};
use crate::ids::{AccountName, LeadId, SourceName};
use crate::lead::{Intent, Lead, Person, Said, Touch};
use crate::referral::{Consent, Deal, Member, Referral, ReferralId, ReferralKind, ReferralState};

/// The moment all these leads were first seen.
fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap_or_default()
}

/// Texts that name or reach person `number`; none may be found where contact is forbidden.
pub fn canaries(number: u32) -> Vec<String> {
    vec![
        format!("Given{number}Canary"),
        format!("Family{number}Canary"),
        format!("canary{number}@example.com"),
        format!("+1425555{number:04}"),
        format!("Company{number}Canary"),
        format!("Title{number}Canary"),
        format!("Note{number}Canary"),
    ]
}

/// Lead `number` in its first revision, fit to be delivered.
pub fn delivery(number: u32) -> LeadDelivery {
    let mut random = [7; 10];
    random[..4].copy_from_slice(&number.to_be_bytes());
    let [first, last, email, phone, company, title, note] = canaries(number).try_into().unwrap_or_default();
    let person = Person {
        first_name: Some(said(first)),
        last_name: Some(said(last)),
        email: Some(said(email)),
        phone: Some(said(phone)),
        country: Some(said("US")),
        company: Some(said(company)),
        title: Some(said(title)),
    };
    let lead = Lead {
        id: LeadId::new(1_795_176_000_000, &random),
        account: AccountName::new("default"),
        person,
        intent: Intent::ContactMe,
        dnc: false,
        first_at: noon(),
        last_at: noon(),
        touches: vec![touch(note)],
        referrals: Vec::new(),
    };
    LeadDelivery {
        lead: Arc::new(lead),
        revision: 1,
        kind: EventKind::Created,
        gate: Gate::Open,
        revised_at: noon(),
        record: None,
        attempt: 0,
        again: None,
    }
}

fn said(value: impl Into<String>) -> Said {
    Said {
        value: value.into(),
        raw: None,
        normal: true,
        at: noon(),
    }
}

fn touch(description: String) -> Touch {
    Touch {
        at: noon(),
        source: SourceName::new("marketplace"),
        storefront: "AzureMarketplace".into(),
        action: "PLT".into(),
        lead_source: "AzureMarketplace-PLT|contoso.analytics-pro".into(),
        action_code: "PLT".into(),
        offer: "contoso.analytics-pro".into(),
        publisher: "contoso".into(),
        offer_title: "Contoso Analytics Pro".into(),
        description,
        intent: Intent::ContactMe,
        dnc: false,
        extra: std::collections::BTreeMap::new(),
        referral: None,
    }
}

/// Canary `number`, as it is delivered: a lead that carries a mark.
pub fn canary_delivery(number: u8) -> LeadDelivery {
    let delivery = delivery(u32::from(number));
    let mark = CanaryMark::new([number; 16]);
    let mut lead = Lead::clone(&delivery.lead);
    lead.person.email = Some(said(mark.address()));
    lead.person.last_name = Some(said(format!("canary {mark}")));
    LeadDelivery {
        lead: Arc::new(lead),
        ..delivery
    }
}

/// Canary `number`, as it is taken away.
///
/// # Panics
/// Never: the lead carries a mark.
pub fn canary(number: u8) -> Canary {
    let lead = canary_delivery(number).lead;
    let Some(canary) = Canary::of(&lead, 1, None) else {
        unreachable!("the lead carries a mark")
    };
    canary
}

/// The same lead a minute and a revision later, with a company that ends in that revision.
pub fn revised(delivery: &LeadDelivery, revision: u32) -> LeadDelivery {
    let mut lead = Lead::clone(&delivery.lead);
    if let Some(company) = &mut lead.person.company {
        company.value = format!("{} r{revision}", company.value);
    }
    LeadDelivery {
        lead: Arc::new(lead),
        revision,
        kind: EventKind::Updated,
        revised_at: delivery.revised_at + TimeDelta::minutes(i64::from(revision)),
        ..delivery.clone()
    }
}

/// Texts of the referral of person `number` that people wrote or that reach people.
pub fn referral_canaries(number: u32) -> Vec<String> {
    vec![
        format!("Deal{number}Canary"),
        format!("Remark{number}Canary"),
        format!("Reason{number}Canary"),
        format!("partner{number}canary@example.com"),
    ]
}

/// Lead `number` in its first revision, with a referral that waits for an answer.
pub fn referred(number: u32) -> LeadDelivery {
    with_lead(&delivery(number), |lead| {
        lead.referrals = referral(number).into_iter().collect();
    })
}

/// The same lead a revision later, with its referral changed.
pub fn referral_changed(
    delivery: &LeadDelivery,
    revision: u32,
    change: impl FnOnce(&mut Referral),
) -> LeadDelivery {
    let later = LeadDelivery {
        revision,
        kind: EventKind::Updated,
        revised_at: delivery.revised_at + TimeDelta::minutes(i64::from(revision)),
        ..delivery.clone()
    };
    with_lead(&later, |lead| {
        if let Some(referral) = lead.referrals.first_mut() {
            referral.updated_at += TimeDelta::minutes(i64::from(revision));
            change(referral);
        }
    })
}

fn with_lead(delivery: &LeadDelivery, change: impl FnOnce(&mut Lead)) -> LeadDelivery {
    let mut lead = Lead::clone(&delivery.lead);
    change(&mut lead);
    LeadDelivery {
        lead: Arc::new(lead),
        ..delivery.clone()
    }
}

fn referral(number: u32) -> Option<Referral> {
    let id: ReferralId = format!("{number:08x}-0000-4000-8000-{number:012x}")
        .parse()
        .ok()?;
    let [name, notes, reason, member] = referral_canaries(number).try_into().unwrap_or_default();
    Some(Referral {
        id,
        engagement: format!("{number:08x}-0000-4000-9000-000000000000"),
        state: ReferralState::Pending,
        reason,
        name,
        kind: ReferralKind::CustomerInquiry,
        ours: true,
        incoming: true,
        etag: format!("\"{number:08x}-0000-0100-0000-000000000000\""),
        created_at: noon(),
        updated_at: noon(),
        expires_at: Some(noon() + TimeDelta::hours(13 * 24 + 12)),
        deal: Deal {
            value: "20000.50".parse().ok(),
            currency: Some("EUR".to_owned()),
            closes_at: Some(noon() + TimeDelta::hours(40 * 24 + 11)),
            notes,
        },
        external_reference: String::new(),
        campaign: String::new(),
        favourite: false,
        wants_contact: true,
        consent: Consent {
            contact: Some(true),
            share_with_others: Some(true),
            share_with_sellers: Some(false),
        },
        team: vec![Member {
            email: member,
            ..Member::default()
        }],
        help: "ProofOfConceptOrDemo".to_owned(),
        msx_id: format!("7-{number:08}"),
        solutions: vec!["SOL-34104-EBB".to_owned(), "SOL-12345-ABC".to_owned()],
    })
}

/// The same lead after the person asked not to be contacted.
pub fn forbidden(delivery: &LeadDelivery, revision: u32) -> LeadDelivery {
    let mut lead = Lead::clone(&delivery.lead);
    lead.dnc = true;
    LeadDelivery {
        lead: Arc::new(lead),
        kind: EventKind::Suppressed,
        gate: Gate::DoNotContact,
        ..revised(delivery, revision)
    }
}
