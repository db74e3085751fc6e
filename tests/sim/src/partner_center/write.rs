//! `POST`, `PATCH` and `PUT`: read, judged, done wholly or not at all, and written down (contract partner-center 4, 6).

use std::sync::Arc;

use serde_json::{Value, json};

use super::access::Caller;
use super::answer::{Answer, Refusal};
use super::create::fitted;
use super::door::Call;
use super::ids::{self, Of};
use super::inspect::{Kind, Write};
use super::lifecycle::{self, Stage};
use super::settings::Transitions;
use super::store::{Record, Service};
use super::{moment, patch};

/// What is asked, after it was read.
struct Asked {
    id: Arc<str>,
    body: Value,
    if_match: Option<String>,
    wants_it_back: bool,
}

impl Service {
    /// Does what is asked, and keeps what was asked and what came of it.
    pub(super) fn write(&mut self, call: &Call, caller: &Caller) -> Result<Answer, Refusal> {
        let text = call.body.as_ref().ok_or_else(Refusal::too_large)?;
        let body: Result<Value, _> = serde_json::from_slice(text);
        let at = self.now;
        let asked = Asked {
            id: Arc::from(call.id.to_ascii_lowercase()),
            body: body.as_ref().cloned().unwrap_or_default(),
            if_match: call.header("if-match").map(str::to_owned),
            wants_it_back: call
                .header("prefer")
                .is_some_and(|prefer| prefer.contains("return=representation")),
        };
        self.interfere(&asked.id);
        let before = self.records.get(&asked.id).map(Record::stage);
        let result = match body {
            Err(_) => Err(Refusal::malformed("The body is not JSON.")),
            Ok(_) => match call.kind {
                Kind::Create => self.create(&asked),
                Kind::Replace => self.replace(&asked, caller),
                _ => self.patch(&asked, caller),
            },
        };
        let id = result.as_ref().map_or(&asked.id, |(id, _)| id).to_string();
        self.log.writes.push(Write {
            at,
            kind: call.kind,
            after: self.records.get(id.as_str()).map(Record::stage),
            referral: id,
            body: asked.body,
            if_match: asked.if_match,
            before,
            status: result
                .as_ref()
                .map_or_else(|refusal| refusal.status, |(_, answer)| answer.status),
            refused: result.as_ref().err().map(|refusal| refusal.cause),
        });
        result.map(|(_, answer)| answer)
    }

    /// Somebody else was quicker.
    fn interfere(&mut self, id: &Arc<str>) {
        if self
            .records
            .get(id)
            .is_none_or(|record| record.stage().is_terminal())
        {
            return;
        }
        if let Some((pointer, value)) = self.script.interferences.pop_front() {
            self.edit(id, &[(&pointer, value)]);
        }
    }

    fn create(&mut self, asked: &Asked) -> Result<(Arc<str>, Answer), Refusal> {
        let at = self.tick();
        let mut notes = Vec::new();
        let created = self.created(&asked.body, at, &mut notes);
        self.note(Kind::Create, &notes);
        let (value, own) = created?;
        let id = self.insert(value, own, at);
        let answer = self.shown_by_id(201, &id)?;
        Ok((id, answer))
    }

    fn patch(&mut self, asked: &Asked, caller: &Caller) -> Result<(Arc<str>, Answer), Refusal> {
        let before = self.writable(asked, caller)?;
        let mut notes = Vec::new();
        let after = patch::apply(&before, &asked.body, &mut notes);
        self.note(Kind::Patch, &notes);
        self.settle(&asked.id, &before, after?)?;
        if asked.wants_it_back {
            return Ok((Arc::clone(&asked.id), self.shown_by_id(200, &asked.id)?));
        }
        Ok((Arc::clone(&asked.id), Answer::empty(204)))
    }

    fn replace(&mut self, asked: &Asked, caller: &Caller) -> Result<(Arc<str>, Answer), Refusal> {
        self.log.complain(Kind::Replace, "PUT is deprecated");
        if asked.if_match.is_none() {
            return Err(Refusal::no_if_match());
        }
        let before = self.writable(asked, caller)?;
        if asked.body.get("links").is_some() {
            return Err(Refusal::malformed("The links cannot be part of the body."));
        }
        let mut notes = Vec::new();
        let whole = fitted(&asked.body, &mut notes);
        self.note(Kind::Replace, &notes);
        let mut after = before.clone();
        let said = whole?;
        for field in super::schema::REFERRAL.iter().filter(|field| !field.service) {
            after[field.name] = said.get(field.name).cloned().unwrap_or_default();
        }
        self.settle(&asked.id, &before, after)?;
        Ok((Arc::clone(&asked.id), self.shown_by_id(200, &asked.id)?))
    }

    /// The referral, if this caller may change it and it is as the caller read it.
    fn writable(&mut self, asked: &Asked, caller: &Caller) -> Result<Value, Refusal> {
        let record = self.seen(&asked.id, caller)?;
        if !record.own {
            return Err(Refusal::denied("The referral belongs to somebody else."));
        }
        let bare = |etag: &str| etag.trim_matches('"') == record.etag().trim_matches('"');
        match asked.if_match.as_deref() {
            None | Some("*") => Ok(record.value.clone()),
            Some(etag) if etag == record.etag() => Ok(record.value.clone()),
            Some(etag) => {
                let quotes_alone = bare(etag);
                if quotes_alone {
                    self.log
                        .complain(Kind::Patch, "If-Match without the quotes of the eTag");
                }
                Err(Refusal::stale(self.settings.stale_status))
            }
        }
    }

    /// Judges the change and does it.
    fn settle(&mut self, id: &Arc<str>, before: &Value, mut after: Value) -> Result<(), Refusal> {
        let (from, to) = (Stage::of(before), Stage::of(&after));
        lifecycle::allowed(&from, &to, self.settings.transitions)?;
        self.sensible(before, &after)?;
        lifecycle::complete(&from, &to, &after, self.settings.required)?;
        if from.is_new() && matches!(to.substatus.as_str(), "Won" | "Lost") {
            self.log
                .complain(Kind::Patch, "closed without having been accepted");
        }
        let begun = self.tick();
        moved(&from, &to, &mut after, &moment::write(begun));
        self.register_deals(&mut after, &moment::write(begun));
        let at = self.tick();
        self.change(id, after, at);
        Ok(())
    }

    /// Values that fit their fields and still make no sense.
    fn sensible(&self, before: &Value, after: &Value) -> Result<(), Refusal> {
        let currency = after["details"]["currency"].as_str();
        if currency.is_some_and(|code| code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase())) {
            return Err(Refusal::malformed("/details/currency: not a currency."));
        }
        // What was shown to Microsoft's sellers cannot be hidden again (contract partner-center 9.2).
        let shown = |referral: &Value| {
            referral["consent"]["consentToShareReferralWithMicrosoftSellers"] == Value::Bool(true)
        };
        if self.settings.transitions == Transitions::Strict && shown(before) && !shown(after) {
            return Err(Refusal::malformed(
                "The consent to share the referral cannot be withdrawn.",
            ));
        }
        Ok(())
    }

    /// New registrations of the deal are under review from now on.
    fn register_deals(&mut self, referral: &mut Value, now: &str) {
        let mut under_review = false;
        let serial = self.serial();
        let registrations = referral["registrations"].as_array_mut();
        for (place, registration) in registrations.into_iter().flatten().enumerate() {
            if !registration["id"].is_null() {
                continue;
            }
            under_review = true;
            registration["id"] = ids::guid(Of::Registration, serial + place as u64).into();
            registration["registrationDateTime"] = now.into();
            registration["status"] = "ReviewPending".into();
            registration["statusHistory"] = json!({
                "reviewPendingDateTime": now,
                "actionRequiredDateTime": null,
                "passedDateTime": null,
                "failedDateTime": null,
                "approvedDateTime": null,
            });
        }
        if under_review {
            referral["registrationStatus"] = "ReviewPending".into();
        }
    }

    pub(super) fn shown_by_id(&self, status: u16, id: &str) -> Result<Answer, Refusal> {
        let record = self.records.get(id).ok_or_else(Refusal::unknown)?;
        Ok(self.shown(status, record))
    }

    fn note(&mut self, kind: Kind, notes: &[String]) {
        for note in notes {
            self.log.complain(kind, note);
        }
    }
}

/// What the service writes by itself when a referral goes on.
pub(super) fn moved(from: &Stage, to: &Stage, referral: &mut Value, now: &str) {
    if from.status == to.status {
        return;
    }
    if to.status == "Active" {
        referral["acceptedDateTime"] = now.into();
    }
    if to.status == "Closed" {
        referral["closedDateTime"] = now.into();
    }
    if to.substatus != "Expired" {
        referral["expirationDateTime"] = Value::Null;
    }
}
