//! Whom Partner Center refers, and what must become of each.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use leadsync_sim::partner_center::NewReferral;

/// Nobody looks at one of them before this time is over.
pub const LAST_CHANCE: TimeDelta = TimeDelta::milliseconds(1500);

/// What becomes of a referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Accepted, then sold.
    Won,
    /// Accepted, then not sold.
    Lost,
    /// Not worth a call.
    Declined,
    /// Somebody works on it, but what an acceptance needs is not in the CRM: a person has to act.
    Refused,
    /// Nobody looked in time.
    Expired,
}

/// A customer, and the referral about them.
#[derive(Clone, Copy, Debug)]
pub struct Customer {
    first: &'static str,
    last: &'static str,
    /// Tells them apart, on either side.
    pub email: &'static str,
    phone: &'static str,
    company: &'static str,
    country: &'static str,
    deal: &'static str,
    found_by: fn(&str) -> NewReferral,
    /// What must become of it.
    pub fate: Fate,
}

/// All of them, in the order they come in.
pub static ALL: [Customer; 5] = [
    Customer {
        first: "Ines",
        last: "Carvalho",
        email: "ines.carvalho@vanarsdel.example",
        phone: "+351 210 555 014",
        company: "VanArsdel",
        country: "PT",
        deal: "VanArsdel: backup for twelve sites",
        found_by: NewReferral::sales_qualified,
        fate: Fate::Won,
    },
    Customer {
        first: "Tomasz",
        last: "Wolny",
        email: "tomasz.wolny@fourthcoffee.example",
        phone: "+48 22 555 01 27",
        company: "Fourth Coffee",
        country: "PL",
        deal: "Fourth Coffee: a look at backup",
        found_by: NewReferral::marketing_qualified,
        fate: Fate::Declined,
    },
    Customer {
        first: "Hana",
        last: "Kolbe",
        email: "hana.kolbe@cohowinery.example",
        phone: "+420 255 550 133",
        company: "Coho Winery",
        country: "CZ",
        deal: "Coho Winery: archive",
        found_by: NewReferral::marketplace_lead,
        fate: Fate::Lost,
    },
    Customer {
        first: "Noor",
        last: "Saleh",
        email: "noor.saleh@humongous.example",
        phone: "+971 4 555 0146",
        company: "Humongous Insurance",
        country: "AE",
        deal: "Humongous Insurance: vault",
        found_by: NewReferral::sales_qualified,
        fate: Fate::Refused,
    },
    Customer {
        first: "Elif",
        last: "Tan",
        email: "elif.tan@blueyonder.example",
        phone: "+90 212 555 01 52",
        company: "Blue Yonder Airlines",
        country: "TR",
        deal: "Blue Yonder Airlines: inquiry",
        found_by: NewReferral::marketplace_lead,
        fate: Fate::Expired,
    },
];

impl Customer {
    /// The referral, as it comes in at `now`.
    pub fn referral(&self, now: DateTime<Utc>) -> NewReferral {
        let referral = (self.found_by)(self.email)
            .person(self.first, self.last)
            .phone(self.phone)
            .company(self.company)
            .country(self.country)
            .named(self.deal);
        if self.fate == Fate::Expired {
            let end = (now + LAST_CHANCE).to_rfc3339_opts(SecondsFormat::Millis, true);
            return referral.set("/expirationDateTime", end);
        }
        referral
    }
}
