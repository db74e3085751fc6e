//! What the service keeps: referrals, and everything that goes with a change of one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::events::Events;
use super::ids::{self, Of};
use super::inspect::Log;
use super::lifecycle::Stage;
use super::limits::Window;
use super::moment::{self, TICK};
use super::pages::Pages;
use super::registration::Registrations;
use super::script::Script;
use super::settings::{RelatedEvent, Settings};

/// The partner, by its id, its name and its location.
pub(super) const PARTNER: (&str, &str, &str) =
    ("7d23e5ca-19dc-4eaa-aac8-5e6b559f0d1d", "Contoso ISV", "4863040");

/// Microsoft, as the owner of a referral of its own.
pub(super) const MICROSOFT: (&str, &str) = ("00000000-0000-4000-8000-00006d736674", "Microsoft");

/// All there is.
pub(super) struct Service {
    pub(super) now: DateTime<Utc>,
    last: DateTime<Utc>,
    serials: u64,
    pub(super) referrals_origin: String,
    pub(super) center_origin: String,
    pub(super) certificates_origin: String,
    pub(super) settings: Settings,
    pub(super) records: BTreeMap<Arc<str>, Record>,
    engagements: HashMap<String, Vec<Arc<str>>>,
    deadlines: BTreeSet<(DateTime<Utc>, Arc<str>)>,
    pub(super) pages: Pages,
    pub(super) window: Window,
    pub(super) script: Script,
    pub(super) log: Log,
    pub(super) registrations: Registrations,
    pub(super) events: Events,
    /// How often the signer changed, and how often its certificate was fetched.
    pub(super) rotations: usize,
    pub(super) downloads: u64,
}

/// A referral and what is known about it besides.
pub(super) struct Record {
    pub(super) value: Value,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    /// The partner's own, or the side of somebody else in the same engagement.
    pub(super) own: bool,
    readable_from: DateTime<Utc>,
    text: OnceLock<Bytes>,
}

impl Record {
    pub(super) fn stage(&self) -> Stage {
        Stage::of(&self.value)
    }

    pub(super) fn is_readable(&self, now: DateTime<Utc>) -> bool {
        self.readable_from <= now
    }

    pub(super) fn etag(&self) -> &str {
        self.value["eTag"].as_str().unwrap_or_default()
    }

    /// As JSON.
    pub(super) fn text(&self) -> &Bytes {
        self.text.get_or_init(|| Bytes::from(self.value.to_string()))
    }
}

/// What happened to a referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Created,
    Updated,
}

impl Service {
    pub(super) fn new(settings: Settings, now: DateTime<Utc>) -> Self {
        Self {
            now,
            last: now - TICK,
            serials: 0,
            referrals_origin: "https://api.partner.microsoft.com".to_owned(),
            center_origin: "https://api.partnercenter.microsoft.com".to_owned(),
            certificates_origin: "https://3psostorageacct.blob.core.windows.net".to_owned(),
            settings,
            records: BTreeMap::new(),
            engagements: HashMap::new(),
            deadlines: BTreeSet::new(),
            pages: Pages::default(),
            window: Window::default(),
            script: Script::default(),
            log: Log::default(),
            registrations: Registrations::default(),
            events: Events::default(),
            rotations: 0,
            downloads: 0,
        }
    }

    /// It is `now`; what was due before is done, at the time it was due.
    pub(super) fn turn(&mut self, now: DateTime<Utc>) {
        self.now = now;
        while let Some((deadline, _)) = self.deadlines.first() {
            let due = *deadline + self.settings.expiry_lag;
            if due > now {
                break;
            }
            let Some((deadline, id)) = self.deadlines.pop_first() else {
                break;
            };
            let waits = |record: &Record| {
                record.stage().is_new() && time(&record.value["expirationDateTime"]) == Some(deadline)
            };
            if self.records.get(&id).is_some_and(waits) {
                self.expire(&id, due);
            }
        }
    }

    /// Nobody replied.
    pub(super) fn expire(&mut self, id: &Arc<str>, due: DateTime<Utc>) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        let mut value = record.value.clone();
        value["status"] = "Closed".into();
        value["substatus"] = "Expired".into();
        let at = self.tick_at(due);
        value["closedDateTime"] = moment::write(at).into();
        self.change(id, value, at);
    }

    /// The time of the next change: no two are the same.
    pub(super) fn tick(&mut self) -> DateTime<Utc> {
        self.tick_at(self.now)
    }

    fn tick_at(&mut self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.last = moment::whole_ticks(at).max(self.last + TICK);
        self.last
    }

    pub(super) fn serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    /// A new referral; the members that the service owns are set here.
    pub(super) fn insert(&mut self, mut value: Value, own: bool, at: DateTime<Utc>) -> Arc<str> {
        let serial = self.serial();
        if value["id"].is_null() {
            value["id"] = ids::guid(Of::Referral, serial).into();
        }
        if value["engagementId"].is_null() {
            value["engagementId"] = ids::guid(Of::Engagement, serial).into();
        }
        if value["createdDateTime"].is_null() {
            value["createdDateTime"] = moment::write(at).into();
        }
        let id: Arc<str> = Arc::from(value["id"].as_str().unwrap_or_default());
        let engagement = value["engagementId"].as_str().unwrap_or_default().to_owned();
        value["links"] = self.links(&id, &engagement);
        self.engagements
            .entry(engagement)
            .or_default()
            .push(Arc::clone(&id));
        let created = time(&value["createdDateTime"]).unwrap_or(at);
        let record = Record {
            value: Value::Null,
            created,
            updated: at,
            own,
            readable_from: self.now + self.settings.readable_after,
            text: OnceLock::new(),
        };
        self.records.insert(Arc::clone(&id), record);
        self.last = self.last.max(at);
        let etag = value["eTag"].take();
        self.keep(&id, value, at);
        if let (true, Some(record)) = (etag.is_string(), self.records.get_mut(&id)) {
            record.value["eTag"] = etag;
        }
        self.raise(&id, Happened::Created, at);
        id
    }

    /// The referral as it is from now on.
    pub(super) fn change(&mut self, id: &Arc<str>, value: Value, at: DateTime<Utc>) {
        self.keep(id, value, at);
        self.raise(id, Happened::Updated, at);
    }

    fn keep(&mut self, id: &Arc<str>, mut value: Value, at: DateTime<Utc>) {
        let etag = ids::etag(self.serial(), at);
        value["updatedDateTime"] = moment::write(at).into();
        value["eTag"] = etag.into();
        let deadline = time(&value["expirationDateTime"]).filter(|_| value["status"] == "New");
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, Arc::clone(id)));
        }
        if let Some(record) = self.records.get_mut(id) {
            record.updated = at;
            record.text = OnceLock::new();
            record.value = value;
        }
    }

    /// With the quirk of live ones: neither quoted nor encoded (contract partner-center 4.3).
    fn links(&self, id: &str, engagement: &str) -> Value {
        let base = format!("{}/v1.0/engagements/referrals", self.referrals_origin);
        json!({
            "relatedReferrals": {
                "uri": format!("{base}?$filter=engagementId eq {engagement}"),
                "method": "GET",
            },
            "self": { "uri": format!("{base}/{id}"), "method": "GET" },
        })
    }

    /// The referrals of the same engagement, this one included.
    pub(super) fn engaged(&self, id: &str) -> Vec<Arc<str>> {
        let engagement = self
            .records
            .get(id)
            .and_then(|record| record.value["engagementId"].as_str());
        let all = engagement.and_then(|engagement| self.engagements.get(engagement));
        all.cloned().unwrap_or_default()
    }

    pub(super) fn knows_engagement(&self, engagement: &str) -> bool {
        self.engagements.contains_key(engagement)
    }

    /// Tells whoever wants to know: the change itself, echo or not, to its owner, and to the owners of other referrals
    /// of the engagement that one of theirs changed (contract partner-center 8.2).
    fn raise(&mut self, id: &Arc<str>, happened: Happened, at: DateTime<Utc>) {
        if self.registrations.current.is_none() {
            return;
        }
        let (own, related) = match happened {
            Happened::Created => ("referral-created", "related-referral-created"),
            Happened::Updated => ("referral-updated", "related-referral-updated"),
        };
        if self.records.get(id).is_some_and(|record| record.own) {
            self.tell(own, id, at);
        }
        let engaged = self.engaged(id);
        let others = engaged.iter().filter(|other| *other != id);
        let mut own = others.filter(|other| self.records.get(*other).is_some_and(|record| record.own));
        if let Some(other) = own.next() {
            let subject = match self.settings.related_event {
                RelatedEvent::TheChanged => id,
                RelatedEvent::TheOwn => other,
            };
            self.tell(related, subject, at);
        }
    }

    fn tell(&mut self, name: &'static str, id: &Arc<str>, at: DateTime<Utc>) {
        if self.registrations.wants(name) {
            let uri = format!("{}/engagements/v1/referrals/{id}", self.center_origin);
            self.events.raise(name, &uri, Some(Arc::clone(id)), at, self.now);
        }
    }
}

/// A time a referral carries.
pub(super) fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().and_then(moment::read)
}
