//! A new referral for a test, told in a few words.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::control::set;
use super::create::complete;
use super::moment;
use super::store::{PARTNER, Service};

/// A partner that is neither this one nor Microsoft.
const INVITER: (&str, &str) = ("1c0ffee1-0000-4000-8000-00000000beef", "Northwind Consulting");

/// A referral that is about to arrive. What is not told is as in the documented samples.
#[derive(Clone, Debug)]
pub struct NewReferral {
    value: Value,
    with_microsoft: bool,
}

impl NewReferral {
    /// A customer asked for contact on a marketplace (contract partner-center 5.4).
    pub fn marketplace_lead(email: &str) -> Self {
        Self::incoming(email, "Independent", "Direct", ("msft", "Microsoft"))
            .set("/referralSource", "AzureMarketplace")
            .set("/callToAction", "ContactMe")
            .set("/details/customerRequestedContact", true)
    }

    /// Microsoft's marketing found somebody.
    pub fn marketing_qualified(email: &str) -> Self {
        Self::incoming(email, "Independent", "MarketingQualified", ("msft", "Microsoft"))
    }

    /// A seller of Microsoft found somebody.
    pub fn sales_qualified(email: &str) -> Self {
        Self::incoming(email, "Independent", "SalesQualified", ("msft", "Microsoft"))
    }

    /// Another partner invites to a deal in which Microsoft takes part with a referral of its own.
    pub fn co_sell(email: &str) -> Self {
        let mut new = Self::incoming(email, "Shared", "SalesQualified", INVITER)
            .set("/consent/consentToToShareInfoWithOthers", true)
            .set("/consent/consentToShareReferralWithMicrosoftSellers", true);
        new.with_microsoft = true;
        new
    }

    fn incoming(email: &str, kind: &str, qualification: &str, inviter: (&str, &str)) -> Self {
        let mut value = blank().clone();
        value["type"] = kind.into();
        value["qualification"] = qualification.into();
        value["customerProfile"]["team"][0]["email"] = email.into();
        value["inviteContext"]["invitedBy"] =
            json!({ "organizationId": inviter.0, "organizationName": inviter.1 });
        Self {
            value,
            with_microsoft: false,
        }
    }

    /// The customer's first and last name.
    #[must_use]
    pub fn person(self, first: &str, last: &str) -> Self {
        self.set("/customerProfile/team/0/firstName", first)
            .set("/customerProfile/team/0/lastName", last)
    }

    /// The customer's phone number.
    #[must_use]
    pub fn phone(self, number: &str) -> Self {
        self.set("/customerProfile/team/0/phoneNumber", number)
    }

    /// The customer's company.
    #[must_use]
    pub fn company(self, name: &str) -> Self {
        self.set("/customerProfile/name", name)
    }

    /// The customer's country, as two letters.
    #[must_use]
    pub fn country(self, code: &str) -> Self {
        self.set("/customerProfile/address/country", code)
    }

    /// What the customer is interested in, by the id of the solution.
    #[must_use]
    pub fn offer(self, id: &str) -> Self {
        self.set("/details/requirements/solutions/0/id", id)
    }

    /// The name of the deal.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.set("/name", name)
    }

    /// What the deal is worth and when it closes.
    #[must_use]
    pub fn deal(self, value: impl Into<Value>, currency: &str, closing: &str) -> Self {
        self.set("/details/dealValue", value)
            .set("/details/currency", currency)
            .set("/details/closingDateTime", closing)
    }

    /// What the customer wrote.
    #[must_use]
    pub fn notes(self, text: &str) -> Self {
        self.set("/details/notes", text)
    }

    /// A member of the partner's team instead of the one of the samples.
    #[must_use]
    pub fn on_team(self, email: &str) -> Self {
        self.set("/team/0/email", email)
    }

    /// Any other member, by its JSON pointer.
    #[must_use]
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        set(&mut self.value, pointer, value.into());
        self
    }
}

impl Service {
    pub(super) fn arrive(&mut self, new: NewReferral) -> Arc<str> {
        let NewReferral {
            mut value,
            with_microsoft,
        } = new;
        let at = self.tick();
        value["createdDateTime"] = moment::write(at).into();
        if value["status"] == "New" && value["expirationDateTime"].is_null() {
            value["expirationDateTime"] = moment::write(moment::deadline(at)).into();
        }
        let id = self.insert(value.clone(), true, at);
        if with_microsoft {
            self.microsoft_joins(value, &id);
        }
        id
    }

    /// Microsoft accepted its side in the same engagement.
    fn microsoft_joins(&mut self, mut value: Value, id: &Arc<str>) {
        let at = self.tick();
        value["engagementId"] = self.records[id].value["engagementId"].clone();
        value["createdDateTime"] = moment::write(at).into();
        value["acceptedDateTime"] = moment::write(at).into();
        value["expirationDateTime"] = Value::Null;
        value["status"] = "Active".into();
        value["substatus"] = "Accepted".into();
        value["direction"] = "Outgoing".into();
        value["target"] = json!([{ "type": "BusinessProfileLocation", "id": "msft" }]);
        for name in ["organizationId", "organizationName"] {
            value[name] = Value::Null;
        }
        complete(&mut value, false);
        self.insert(value, false, at);
    }
}

/// A referral as in the documented samples, before anything is told of it.
fn blank() -> &'static Value {
    static BLANK: OnceLock<Value> = OnceLock::new();
    BLANK.get_or_init(|| {
        let member = |first: &str, last: &str, phone: &str, email: &str| {
            json!({
                "firstName": first,
                "lastName": last,
                "phoneNumber": phone,
                "email": email,
                "title": null,
                "contactPreference": { "locale": "en-us", "disableNotifications": false },
            })
        };
        let mut value = json!({
            "name": "Fabrikam Inc - inquiry",
            "status": "New",
            "substatus": "Pending",
            "direction": "Incoming",
            "target": [{ "type": "SolutionProfile", "id": "SOL-34104-EBB" }],
            "customerProfile": {
                "name": "Fabrikam Inc",
                "size": "10to50employees",
                "isMatchingComplete": true,
                "address": {
                    "addressLine1": "1 Example Way",
                    "addressLine2": null,
                    "city": "Redmond",
                    "state": null,
                    "postalCode": "98052",
                    "country": "US",
                    "region": "WA",
                },
                "team": [member("Sue", "Smith", "4255550100", "sue.smith@fabrikam.example")],
                "ids": [{ "profileType": "Duns", "id": "123456789" }],
            },
            "consent": {
                "consentToToShareInfoWithOthers": false,
                "consentToContact": true,
                "consentToShareReferralWithMicrosoftSellers": false,
            },
            "details": {
                "notes": null,
                "dealValue": null,
                "currency": null,
                "closingDateTime": null,
                "customerRequestedContact": null,
                "customerAction": null,
                "incentiveLevel": null,
                "requirements": {
                    "industries": [{ "id": "Manufacturing" }],
                    "products": [{ "id": "Azure" }],
                    "services": [{ "id": "Integration" }],
                    "solutions": [{
                        "id": "SOL-34104-EBB",
                        "name": null,
                        "type": "Name",
                        "price": null,
                        "quantity": null,
                        "currency": null,
                        "publisherName": null,
                        "solutionType": null,
                        "closingDateTime": null,
                    }],
                    "offers": [],
                    "salesPlays": [],
                    "additionalRequirements": null,
                },
            },
            "team": [member("Ola", "Nordmann", "4255550177", "ola.nordmann@contoso.example")],
        });
        complete(&mut value, true);
        value
    })
}

/// The partner's own organization, by its id.
pub const OWN_ORGANIZATION: &str = PARTNER.0;
