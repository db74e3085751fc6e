//! What the description of Lead says about leads to come.

use connector_kit::Check;
use connector_kit::mapping::Overflow;

use super::Examiner;
use crate::config::MissingFields;
use crate::describe::{Describe, Field};

impl Examiner {
    pub(super) fn key(&self, lead: &Describe) -> Check {
        let name = &self.shape.key_field;
        let Some(field) = lead.field(name) else {
            let found = format!("Lead.{name} is missing, or hidden from the integration user");
            return Check::ill("key", found, "run leadsync provision");
        };
        let lacks: Vec<&str> = [
            (field.external_id, "an external id"),
            (field.unique, "unique"),
            (field.createable && field.updateable, "writable"),
            (field.length == 0 || field.length >= 32, "32 characters long"),
        ]
        .into_iter()
        .filter_map(|(is, what)| (!is).then_some(what))
        .collect();
        if lacks.is_empty() {
            return Check::well("key", format!("Lead.{name} is a unique external id"));
        }
        let found = format!("Lead.{name} is not {}", lacks.join(", not "));
        Check::ill(
            "key",
            found,
            "run leadsync provision, or correct the field in Setup, Object Manager, Lead",
        )
    }

    pub(super) fn fields(&self, lead: &Describe) -> Check {
        let named: Vec<&String> = self.shape.rules.keys().collect();
        let bad = |name: &&&String| !lead.field(name).is_some_and(|field| field.createable);
        let for_referrals = self.shape.for_referrals();
        let missing = named.iter().filter(bad).map(|name| name.as_str());
        let (later, missing): (Vec<&str>, Vec<&str>) = missing.partition(|name| for_referrals.contains(name));
        let remedy = "run leadsync provision, or remove them from [mapping]";
        if !missing.is_empty() {
            let all = [missing, later].concat().join(", ");
            let found = format!("missing, hidden or read-only: {all}");
            return match self.shape.missing {
                MissingFields::Refuse => Check::ill("fields", found, remedy),
                MissingFields::LeaveOut => Check::ailing("fields", found, remedy),
            };
        }
        let wanted: Vec<&str> = lead
            .fields()
            .filter(|field| self.is_wanted(field))
            .map(|field| field.name.as_str())
            .collect();
        if !wanted.is_empty() {
            let found = format!(
                "the organisation requires {}, and the mapping does not fill it",
                wanted.join(", ")
            );
            return Check::ill("fields", found, "add these fields to [mapping] with a default");
        }
        let short: Vec<String> = named
            .iter()
            .filter_map(|name| self.too_short(lead.field(name)?))
            .collect();
        if !later.is_empty() {
            let found = format!(
                "only leads with a referral miss them: {}",
                [later, short.iter().map(String::as_str).collect()]
                    .concat()
                    .join(", ")
            );
            return Check::ailing("fields", found, remedy);
        }
        if !short.is_empty() {
            let remedy = "lower max_length, set on_overflow = \"truncate\", or make the fields longer";
            return Check::ailing("fields", short.join("; "), remedy);
        }
        Check::well(
            "fields",
            format!("{} fields of the mapping can be written", named.len()),
        )
    }

    /// A new lead fails without it.
    fn is_wanted(&self, field: &Field) -> bool {
        let filled = self
            .shape
            .rules
            .keys()
            .any(|name| name.eq_ignore_ascii_case(&field.name));
        let ours =
            ["LastName", "Company"].contains(&field.name.as_str()) || field.name == self.shape.key_field;
        field.createable
            && !field.nillable
            && !field.defaulted_on_create
            && !filled
            && !ours
            && field.r#type != "boolean"
    }

    fn too_short(&self, field: &Field) -> Option<String> {
        let rule = self.shape.rules.get(&field.name)?;
        let most = rule.max_length.filter(|_| rule.on_overflow == Overflow::Error)?;
        (field.is_text() && field.length > 0 && most > field.length).then(|| {
            format!(
                "Lead.{} holds {} characters, the mapping allows {most}",
                field.name, field.length
            )
        })
    }

    pub(super) fn values(&self, lead: &Describe) -> Check {
        let listed = self.shape.rules.keys().filter_map(|name| lead.field(name));
        let missing: Vec<String> = listed
            .flat_map(|field| {
                let values = self.shape.known_values(&field.name).into_iter();
                values
                    .filter(|value| !field.takes(value))
                    .map(|value| format!("{} = {value}", field.name))
            })
            .collect();
        if missing.is_empty() {
            return Check::well("values", "the picklists have the values of the mapping");
        }
        let found = format!("restricted picklists lack {}", missing.join(", "));
        Check::ailing(
            "values",
            found,
            "add the values in Setup, Object Manager, Lead, or map them to others",
        )
    }

    pub(super) fn flags(&self, lead: &Describe) -> Check {
        let writable: Vec<&str> = self
            .shape
            .flags()
            .iter()
            .filter_map(|name| lead.field(name))
            .filter(|field| field.updateable)
            .map(|field| field.name.as_str())
            .collect();
        if writable.is_empty() {
            let found = format!("none of {} can be written", self.shape.flags().join(", "));
            let remedy = "give the integration user Edit on them (leadsync provision); until then records are only emptied";
            return Check::ailing("do-not-contact", found, remedy);
        }
        Check::well("do-not-contact", format!("marked by {}", writable.join(", ")))
    }

    pub(super) fn statuses(&self, lead: &Describe) -> Check {
        let status = lead
            .field("Status")
            .map(|field| field.picklist_values.as_slice())
            .unwrap_or_default();
        let unknown: Vec<&str> = status
            .iter()
            .filter(|choice| choice.active && !self.watch.knows(&choice.value))
            .map(|choice| choice.value.as_str())
            .collect();
        if unknown.is_empty() {
            return Check::well("statuses", "every lead status has a meaning");
        }
        let found = format!(
            "nobody said what these lead statuses mean: {}",
            unknown.join(", ")
        );
        Check::ailing("statuses", found, "name them in [settings.outcomes.statuses]")
    }
}

pub(super) fn access(lead: &Describe) -> Check {
    match (lead.createable, lead.updateable) {
        (true, true) => Check::well("access", "leads may be made and changed"),
        (creates, edits) => Check::ill(
            "access",
            format!(
                "the integration user may not {}",
                match (creates, edits) {
                    (false, false) => "make or change leads",
                    (false, true) => "make leads",
                    _ => "change leads",
                }
            ),
            "give it Create and Edit on Lead (leadsync provision)",
        ),
    }
}
