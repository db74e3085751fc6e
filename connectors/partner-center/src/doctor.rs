//! Looks at everything in a referral's way, in the order a referral meets it.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::event::Refused;
use connector_kit::readiness::{self, Way, any_ill};
use connector_kit::{Check, Doctor};
use url::Url;

use crate::api::{PartnerCenter, Referrals};
use crate::odata::Query;
use crate::upkeep::{Wear, softer};
use crate::webhook::{Certificates, Registrar};
use crate::wire::Wire;

/// What is looked at once the way to referrals is known to be open.
const LATER: [&str; 3] = ["token", "referrals", "marketplace-leads"];

/// A look at one partner.
pub(crate) struct PartnerDoctor {
    /// Where referrals are.
    pub referrals: Arc<Referrals>,
    /// What wears out.
    pub wear: Arc<Wear>,
    /// What events need; none when there are none.
    pub events: Option<Events>,
}

/// What events need.
pub(crate) struct Events {
    /// The host of the registration.
    pub center: Arc<PartnerCenter>,
    /// The registration; none when no address is configured.
    pub registrar: Option<Arc<Registrar>>,
    /// Where the signer's certificate is known to be, if it is allowed.
    pub certificate: Option<Url>,
    /// Looks at it.
    pub certificates: Arc<Certificates>,
}

#[async_trait]
impl Doctor for PartnerDoctor {
    async fn examine(&self) -> Vec<Check> {
        let mut checks = look(&self.referrals.wire, &self.referrals.collection()).await;
        let open = !any_ill(&checks);
        // Nobody has to be asked for this one.
        checks.push(self.wear.sign_in());
        if open {
            self.way_in(&mut checks).await;
        }
        let seen = |name: &&str| checks.iter().any(|check| check.name == *name);
        let unseen: Vec<_> = LATER
            .into_iter()
            .filter(|name| !seen(name))
            .map(|name| Check::unknown(name, "not looked at: the way in is closed"))
            .collect();
        checks.extend(unseen);
        match &self.events {
            None => checks.push(Check::unknown(
                "webhook",
                "not configured: referrals come by polling alone",
            )),
            Some(events) => self.events(events, &mut checks).await,
        }
        checks
    }
}

impl PartnerDoctor {
    /// The token, and whether its owner may read.
    async fn way_in(&self, checks: &mut Vec<Check>) {
        let (token, granted) = readiness::token(&self.referrals.wire.tokens).await;
        checks.push(token);
        if granted.is_none() {
            return;
        }
        if let Err(failure) = self.referrals.ask(&Query::default().top(Some(1))).await {
            checks.push(Check::of_error(
                "referrals",
                &failure.into_error("list referrals"),
            ));
            return;
        }
        checks.push(Check::well("referrals", "the signed-in user may read them"));
        checks.push(self.marketplace_leads().await);
    }

    /// Documents contradict each other on whether they are shown at all (contract partner-center 0.4, 5.4).
    async fn marketplace_leads(&self) -> Check {
        const NAME: &str = "marketplace-leads";
        let query = Query::default()
            .whose("type", "Independent")
            .whose("qualification", "Direct")
            .top(Some(1));
        match self.referrals.ask(&query).await {
            Err(failure) => softer(NAME, &failure.into_error("look for inquiries of customers")),
            Ok(page) if page.items.is_empty() => Check::unknown(
                NAME,
                "no inquiry of a customer is among the referrals: none came, or this tenant does not show them here; \
                 let the offers' leads come to a source of their own as well",
            ),
            Ok(_) => Check::well(NAME, "inquiries of customers are among the referrals"),
        }
    }

    async fn events(&self, events: &Events, checks: &mut Vec<Check>) {
        let way = look(&events.center.wire, &events.center.registration_url()).await;
        let open = !any_ill(&way);
        checks.extend(way.into_iter().map(for_events));
        if open {
            let (token, granted) = readiness::token(&events.center.wire.tokens).await;
            checks.push(for_events(token));
            if let (Some(registrar), Some(_)) = (&events.registrar, granted) {
                checks.push(self.wear.registration(registrar).await);
            }
        }
        checks.push(certificate(events).await);
    }
}

/// Name, door, certificate and clock; anybody may knock.
async fn look(wire: &Wire, url: &Url) -> Vec<Check> {
    wire.calls.note();
    Way::new(wire.transport.as_ref(), wire.clock.as_ref())
        .look(url)
        .await
}

/// The same on the way of events. Referrals come without them, too: nothing here is an illness.
fn for_events(check: Check) -> Check {
    let name = match check.name {
        "dns" => "webhook-dns",
        "connection" => "webhook-connection",
        "tls" => "webhook-tls",
        "clock" => "webhook-clock",
        "token" => "webhook-token",
        other => other,
    };
    let health = match check.health {
        connector_kit::Health::Ill => connector_kit::Health::Ailing,
        other => other,
    };
    Check {
        name,
        health,
        ..check
    }
}

/// Whether what events are signed with would be believed.
async fn certificate(events: &Events) -> Check {
    const NAME: &str = "webhook-certificate";
    let Some(url) = &events.certificate else {
        return Check::unknown(NAME, "where it is is not configured");
    };
    match events.certificates.find(url).await {
        Ok(proven) => Check::well(
            NAME,
            format!(
                "the signer's certificate is trusted until {}",
                proven.until.format("%Y-%m-%d")
            ),
        ),
        Err(Refused::Undecided(error)) => softer(NAME, &error),
        Err(Refused::Forged(why) | Refused::Malformed(why)) => Check::ailing(
            NAME,
            format!("events would be refused: {why}"),
            "name the certificates between the signer's and a root in webhook.intermediates_file, or correct \
             webhook.roots_file, subject and issuer; until then referrals come by polling alone",
        ),
    }
}
