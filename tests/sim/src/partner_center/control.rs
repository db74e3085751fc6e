//! What a test, Microsoft or a colleague in the portal does, without a request.

use std::sync::Arc;

use serde_json::Value;

use super::PartnerCenter;
use super::lifecycle::Stage;
use super::settings::Settings;
use super::store::{MICROSOFT, Record, Service, time};
use super::write::moved;
use super::{builder::NewReferral, moment};

impl PartnerCenter {
    /// Changes how the service behaves from now on.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut service = self.lock();
        change(&mut service.settings);
        self.entra.add_resource(&service.settings.referrals_audience);
        self.entra.add_resource(&service.settings.center_audience);
    }

    /// Where clients reach the referrals host; links name this origin. The audience stays as it is.
    pub fn referrals_at(&self, origin: &str) {
        origin
            .trim_end_matches('/')
            .clone_into(&mut self.lock().referrals_origin);
    }

    /// Does what is due by the clock, such as the expiry of referrals nobody replied to.
    pub fn tick(&self) {
        drop(self.lock());
    }

    /// A new referral arrives; its id.
    pub fn create(&self, new: NewReferral) -> String {
        self.lock().arrive(new).to_string()
    }

    /// A referral as it is, with its id, engagement, eTag and times: one of the documented samples, for example.
    pub fn place(&self, referral: Value) -> String {
        let mut service = self.lock();
        let tick = service.tick();
        let at = time(&referral["updatedDateTime"]).unwrap_or(tick);
        let own = referral["organizationId"] != MICROSOFT.0;
        service.insert(referral, own, at).to_string()
    }

    /// Somebody else sets members of a referral, in one change: Microsoft, or a colleague in the portal. No rule is
    /// asked, so that values of the future and changes of closed referrals can be tried.
    pub fn edit(&self, id: &str, changes: &[(&str, Value)]) {
        self.lock().edit(&Arc::from(id), changes);
    }

    /// Somebody else declines, wins or loses a referral.
    pub fn close(&self, id: &str, substatus: &str, reason: Option<&str>) {
        let changes = [
            ("/status", "Closed".into()),
            ("/substatus", substatus.into()),
            ("/statusReason", reason.into()),
        ];
        self.edit(id, &changes);
    }

    /// A colleague accepts a referral in the portal.
    pub fn accept(&self, id: &str) {
        self.edit(
            id,
            &[("/status", "Active".into()), ("/substatus", "Accepted".into())],
        );
    }

    /// The referral expires now, whatever the clock says.
    pub fn expire(&self, id: &str) {
        let mut service = self.lock();
        let now = service.now;
        service.expire(&Arc::from(id), now);
    }

    /// The referral goes away without a word, as if the user's access to it had ended.
    pub fn remove(&self, id: &str) {
        self.lock().records.remove(id);
    }

    /// A referral, as JSON.
    pub fn referral(&self, id: &str) -> Option<Value> {
        self.lock().records.get(id).map(|record| record.value.clone())
    }

    /// All referrals, Microsoft's sides included.
    pub fn referrals(&self) -> Vec<Value> {
        let service = self.lock();
        service
            .records
            .values()
            .map(|record| record.value.clone())
            .collect()
    }

    /// How a referral stands.
    pub fn stage(&self, id: &str) -> Option<Stage> {
        self.lock().records.get(id).map(Record::stage)
    }

    /// The side of Microsoft, or of whoever else, in the engagement of this referral.
    pub fn other_side(&self, id: &str) -> Option<String> {
        let service = self.lock();
        let engaged = service.engaged(id);
        let mut others = engaged.iter().filter(|other| other.as_ref() != id);
        others.next().map(ToString::to_string)
    }

    /// No `$skiptoken` given so far is good any more.
    pub fn forget_pages(&self) {
        self.lock().pages.forget();
    }
}

impl Service {
    pub(super) fn edit(&mut self, id: &Arc<str>, changes: &[(&str, Value)]) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        let before = record.stage();
        let mut value = record.value.clone();
        for (pointer, new) in changes {
            set(&mut value, pointer, new.clone());
        }
        let begun = self.tick();
        moved(&before, &Stage::of(&value), &mut value, &moment::write(begun));
        let at = self.tick();
        self.change(id, value, at);
    }
}

/// Sets what a JSON pointer leads to; objects on the way there are made.
pub(super) fn set(value: &mut Value, pointer: &str, new: Value) {
    let mut holder = value;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        holder = match holder {
            Value::Array(items) => {
                let place = step.parse().unwrap_or(items.len());
                while items.len() <= place {
                    items.push(Value::Null);
                }
                &mut items[place]
            }
            other => {
                if !other.is_object() {
                    *other = Value::Object(serde_json::Map::new());
                }
                &mut other[step.as_str()]
            }
        };
    }
    *holder = new;
}
