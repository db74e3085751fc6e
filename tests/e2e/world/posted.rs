//! Leads as Microsoft posts them (contract partner-center 11.1).

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{RawFormat, RawLead};
use leadsync::store::Arrival;
use serde_json::json;

use super::plan::{ACCOUNT, SOURCE};

/// What somebody did, and with which offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) email: String,
    pub(crate) company: String,
    pub(crate) title: String,
    pub(crate) action: String,
    pub(crate) offer: String,
    pub(crate) source: &'static str,
    pub(crate) account: &'static str,
}

/// Somebody acquired the usual offer.
pub(crate) fn lead(email: impl Into<String>) -> Posted {
    Posted {
        email: email.into(),
        company: "Analytical Engines".into(),
        title: "Analyst".into(),
        action: "INS".into(),
        offer: "contoso.analytics".into(),
        source: SOURCE,
        account: ACCOUNT,
    }
}

impl Posted {
    pub(crate) fn did(mut self, action: &str) -> Self {
        action.clone_into(&mut self.action);
        self
    }

    pub(crate) fn with(mut self, offer: &str) -> Self {
        offer.clone_into(&mut self.offer);
        self
    }

    pub(crate) fn of(mut self, company: &str) -> Self {
        company.clone_into(&mut self.company);
        self
    }

    pub(crate) fn titled(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self
    }

    pub(crate) fn through(mut self, source: &'static str, account: &'static str) -> Self {
        self.source = source;
        self.account = account;
        self
    }

    pub(crate) fn is_test(&self) -> bool {
        self.email.starts_with("MSFT_TEST_")
    }

    pub(crate) fn body(&self) -> Bytes {
        let body = json!({
            "UserDetails": {
                "FirstName": "Ada", "LastName": "Lovelace", "Email": self.email, "Phone": "4255550101",
                "Country": "US", "Company": self.company, "Title": self.title,
            },
            "LeadSource": format!("AzureMarketplace-{}|{}", self.action, self.offer),
            "ActionCode": self.action,
            "OfferTitle": "Contoso Analytics",
            "Description": "",
        });
        Bytes::from(body.to_string())
    }

    /// As the door hands it to the store.
    pub(crate) fn arrival(&self, received_at: DateTime<Utc>) -> Arrival {
        Arrival {
            account: AccountName::new(self.account),
            source: self.source.into(),
            received_at,
            raw: RawLead {
                format: RawFormat::MarketplaceJson,
                reference: None,
                occurred_at: None,
                body: self.body(),
            },
        }
    }
}
