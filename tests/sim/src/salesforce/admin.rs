//! How the org is set up: apps, limits, rules, fields, and what may go wrong with a record.

use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::org::Right;
use super::rules::{DuplicateRule, Scripted, Validation};
use super::store::Row;
use super::{INTEGRATION_USER, Salesforce};

impl Salesforce {
    /// Lets an app in by its secret.
    pub fn add_app(&self, client_id: &str, client_secret: &str) {
        self.look(|org| {
            let app = org.doors.apps.entry(client_id.to_owned()).or_default();
            app.secret = Some(client_secret.to_owned());
        });
    }

    /// Lets an app in by assertions this public key (PEM) proves, for the integration user.
    ///
    /// # Panics
    /// When the key is not an RSA key in PEM.
    pub fn add_jwt_app(&self, client_id: &str, public_key: &str) {
        let key = DecodingKey::from_rsa_pem(public_key.as_bytes());
        assert!(key.is_ok(), "not an RSA public key in PEM");
        self.look(|org| {
            let app = org.doors.apps.entry(client_id.to_owned()).or_default();
            app.key = key.ok();
            app.users = vec![INTEGRATION_USER.to_owned()];
        });
    }

    /// Takes back that users of an app need not be asked.
    pub fn withdraw_approval(&self, client_id: &str) {
        self.look(|org| {
            if let Some(app) = org.doors.apps.get_mut(client_id) {
                app.users.clear();
            }
        });
    }

    /// Ends every session.
    pub fn expire_tokens(&self) {
        self.look(|org| org.doors.close_all());
    }

    /// How long a session lives without being used, in seconds.
    pub fn set_session_idle(&self, seconds: i64) {
        self.look(|org| org.doors.idle = seconds);
    }

    /// What the token answer tells as `instance_url`, instead of where the request came to.
    pub fn set_instance_url(&self, url: &str) {
        self.look(|org| org.doors.instance = Some(url.to_owned()));
    }

    /// The `instance_url` is https: the simulator is behind TLS.
    pub fn behind_tls(&self) {
        self.look(|org| org.doors.scheme = "https");
    }

    /// How many requests a rolling day may have.
    pub fn set_daily_limit(&self, requests: u64) {
        self.look(|org| org.allowance.daily = requests);
    }

    /// How much of it others have used.
    pub fn set_usage_of_others(&self, requests: u64) {
        self.look(|org| org.allowance.others = requests);
    }

    /// No page of a query has more records than this.
    pub fn set_page_size(&self, records: usize) {
        self.look(|org| org.locators.largest_page = records);
    }

    /// Takes a right from the integration user.
    pub fn revoke(&self, right: Right) {
        self.look(|org| org.rights.remove(&right));
    }

    /// Gives the integration user a right.
    pub fn grant(&self, right: Right) {
        self.look(|org| org.rights.insert(right));
    }

    /// How many seconds a new permission takes to be seen.
    pub fn set_permission_lag(&self, seconds: i64) {
        self.look(|org| org.permission_lag = seconds);
    }

    /// Closes an object until a permission set opens it.
    pub fn hide_object(&self, object: &str) {
        self.look(|org| {
            org.rules.closed_objects.insert(object.to_owned());
            org.refresh_access();
        });
    }

    /// Closes a field until a permission set opens it.
    pub fn hide_field(&self, object: &str, field: &str) {
        self.look(|org| {
            org.schema.change(object, |object| {
                if let Some(field) = object.field_mut(field) {
                    field.guarded = true;
                }
            });
            org.refresh_access();
        });
    }

    /// Everybody may read a field, nobody may write it.
    pub fn make_read_only(&self, object: &str, field: &str) {
        self.look(|org| {
            org.schema.change(object, |object| {
                if let Some(field) = object.field_mut(field) {
                    field.guarded = false;
                    field.readable = Some(i64::MIN);
                    field.editable = None;
                }
            });
        });
    }

    /// Everybody may read and write a field.
    pub fn open_field(&self, object: &str, field: &str) {
        self.look(|org| {
            org.schema.change(object, |object| {
                if let Some(field) = object.field_mut(field) {
                    field.guarded = false;
                    field.readable = Some(i64::MIN);
                    field.editable = Some(i64::MIN);
                }
            });
        });
    }

    /// Makes a custom field, `Lead.X__c`, from the metadata the tooling API would get; everybody may use it.
    ///
    /// # Panics
    /// When the metadata are refused.
    pub fn add_field(&self, full_name: &str, metadata: &Value) {
        let made = self.look(|org| org.make_field(full_name, metadata));
        assert!(made.is_ok(), "{full_name} is refused: {made:?}");
        let (object, field) = full_name.split_once('.').unwrap_or_default();
        let objects = if object == "Activity" {
            vec!["Task", "Event"]
        } else {
            vec![object]
        };
        for object in objects {
            self.open_field(object, field);
        }
    }

    /// Only the listed values are taken from now on, and these are they.
    pub fn restrict_picklist(&self, object: &str, field: &str, values: &[&str]) {
        let listed =
            |value: &&str| json!({ "active": true, "defaultValue": false, "label": value, "value": value });
        self.look(|org| {
            org.schema.change(object, |object| {
                if let Some(field) = object.field_mut(field) {
                    field.restricted = true;
                    field.values = values.iter().map(listed).collect();
                }
            });
        });
    }

    /// Makes a field shorter or longer.
    pub fn set_length(&self, object: &str, field: &str, length: usize) {
        self.look(|org| org.schema.change(object, |object| object.resize(field, length)));
    }

    /// Turns the duplicate rule of leads on or off.
    pub fn set_duplicate_rule(&self, rule: Option<DuplicateRule>) {
        self.look(|org| org.rules.duplicates = rule);
    }

    /// Whether the detail of duplicates is called `duplicateResut`, as it is at first, or `duplicateResult`.
    pub fn spell_duplicates_right(&self, right: bool) {
        self.look(|org| {
            org.rules.duplicate_key = if right {
                "duplicateResult"
            } else {
                "duplicateResut"
            }
        });
    }

    /// An unknown field in one record fails the whole collection, not the record alone.
    pub fn unknown_field_fails_collection(&self, whole: bool) {
        self.look(|org| org.unknown_field_fails_call = whole);
    }

    /// Adds a condition that records of an object have to meet, and what people read if they do not.
    pub fn add_validation(
        &self,
        object: &str,
        message: &str,
        holds: impl Fn(&Row) -> bool + Send + Sync + 'static,
    ) {
        let rule = Validation {
            object: object.to_owned(),
            message: message.to_owned(),
            holds: std::sync::Arc::new(holds),
        };
        self.look(|org| org.rules.validations.push(rule));
    }

    /// The next `times` saves of the record with this id or key find it locked by somebody else.
    pub fn lock_row(&self, record: &str, times: usize) {
        let message = "unable to obtain exclusive access to this record or 1 records: 0015e0000000001";
        self.refuse_record(record, "UNABLE_TO_LOCK_ROW", message, times);
    }

    /// The next `times` saves of the record with this id or key are refused with this.
    pub fn refuse_record(&self, record: &str, code: &'static str, message: &str, times: usize) {
        let scripted = Scripted {
            record: record.to_owned(),
            times,
            refusal: Refusal::new(code, message),
        };
        self.look(|org| org.rules.scripted.push(scripted));
    }

    /// Bulk jobs wait `before` seconds, then take `work` seconds.
    pub fn set_bulk_pace(&self, before: i64, work: i64) {
        self.look(|org| (org.jobs.delay, org.jobs.work) = (before, work));
    }

    /// The next bulk job that is closed fails as a whole.
    pub fn fail_next_job(&self, message: &str) {
        self.look(|org| org.jobs.fail_next = Some(message.to_owned()));
    }
}
