//! What tests see of an instance and do to it.

use serde_json::{Map, Value};

use super::Marketo;
use super::answer::{Trouble, message};
use super::limits::Limits;
use super::request::Asked;
use super::schema::Field;

/// What the role of the API user allows.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    /// Read-Write Lead.
    pub leads: bool,
    /// Read-Only Activity.
    pub activities: bool,
    /// Read-Write Schema Standard and Custom Field.
    pub schema: bool,
}

impl Default for Permissions {
    fn default() -> Self {
        Self {
            leads: true,
            activities: true,
            schema: true,
        }
    }
}

/// One call to `/rest`, as the instance saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `GET`, also when it came as a `POST` that says so.
    pub method: String,
    /// The path.
    pub path: String,
    /// The code it was refused with.
    pub code: Option<String>,
    /// The body.
    pub body: String,
}

impl Call {
    pub(super) fn new(asked: &Asked, trouble: Option<&Trouble>) -> Self {
        Self {
            method: asked.method.to_string(),
            path: asked.path.clone(),
            code: trouble.map(|trouble| match trouble {
                Trouble::Code(code, _) => code.clone(),
                Trouble::Page(status) => format!("HTTP {status}"),
            }),
            body: String::from_utf8_lossy(&asked.body).into_owned(),
        }
    }
}

impl Marketo {
    /// Every call to `/rest`, in the order of their answers.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How often a token was asked for.
    pub fn token_requests(&self) -> u64 {
        self.lock().identity.asked
    }

    /// Everybody it knows, by id, with every field that is not blank.
    pub fn leads(&self) -> Vec<Map<String, Value>> {
        let state = self.lock();
        state
            .people
            .held
            .values()
            .map(|person| person.fields.clone())
            .collect()
    }

    /// How many upserts of one key ever overlapped in time.
    pub fn overlaps(&self) -> u64 {
        self.lock().overlaps
    }

    /// The most calls that ever ran at the same time.
    pub fn most_at_once(&self) -> usize {
        self.lock().usage.most_running
    }

    /// Calls that counted today.
    pub fn used_today(&self) -> u64 {
        let now = self.now();
        let mut state = self.lock();
        state.usage.turn_page(now);
        state.usage.today
    }

    /// Other integrations make so many calls today.
    pub fn use_up(&self, calls: u64) {
        let now = self.now();
        let mut state = self.lock();
        state.usage.turn_page(now);
        state.usage.today += calls;
    }

    /// Changes the limits.
    pub fn set_limits(&self, change: impl FnOnce(&mut Limits)) {
        change(&mut self.lock().limits);
    }

    /// Changes what the API user may do.
    pub fn set_permissions(&self, permissions: Permissions) {
        self.lock().permissions = permissions;
    }

    /// Fresh tokens live so many milliseconds.
    pub fn set_token_life(&self, millis: i64) {
        self.lock().identity.life = millis;
    }

    /// The token endpoint understands queries only.
    pub fn refuse_token_forms(&self) {
        self.lock().identity.takes_forms = false;
    }

    /// The living token dies before its time.
    pub fn expire_token(&self) {
        self.lock().identity.expire();
    }

    /// The instance has these partitions, and no longer the one named Default.
    pub fn set_partitions(&self, names: &[&str]) {
        self.lock().partitions = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// So many calls to paths that contain `path_part` are refused with this code, undone.
    pub fn refuse(&self, path_part: &str, times: usize, code: &str) {
        let entry = (path_part.to_owned(), times, code.to_owned(), false);
        self.lock().script.push_back(entry);
    }

    /// The same, but they are done before they are refused.
    pub fn refuse_though_done(&self, path_part: &str, times: usize, code: &str) {
        let entry = (path_part.to_owned(), times, code.to_owned(), true);
        self.lock().script.push_back(entry);
    }

    /// Records that contain this text are skipped with this code.
    pub fn skip_containing(&self, text: &str, code: &str) {
        let entry = (text.to_owned(), code.to_owned(), message(code).to_owned());
        self.lock().poison.push(entry);
    }

    /// No record is skipped any more for what it contains.
    pub fn skip_nothing(&self) {
        self.lock().poison.clear();
    }

    /// From now on calls wait after they have looked and before they write.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// They wait no longer.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// Calls that are running now.
    pub fn running(&self) -> usize {
        self.lock().usage.running
    }

    /// A field somebody made by hand.
    pub fn add_field(&self, name: &str, data_type: &str) {
        self.lock()
            .schema
            .0
            .push(Field::custom(name, name, data_type, false));
    }

    /// Changes a field: its length, and whether it is read-only and searchable.
    pub fn change_field(&self, name: &str, length: Option<usize>, read_only: bool, searchable: bool) {
        if let Some(field) = self.lock().schema.field_mut(name) {
            field.length = length.or(field.length);
            field.read_only = read_only;
            field.searchable = searchable;
        }
    }

    /// The names of all fields.
    pub fn fields(&self) -> Vec<String> {
        self.lock()
            .schema
            .0
            .iter()
            .map(|field| field.name.clone())
            .collect()
    }

    /// A person somebody made by hand; nothing keeps them from being there twice.
    pub fn add_lead(&self, fields: &[(&str, &str)]) -> u64 {
        let now = self.now();
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        let mut state = self.lock();
        let partition = state.partitions.first().cloned().unwrap_or_default();
        state.people.create(fields.collect(), &partition, now)
    }

    /// Somebody in marketing or sales edits a person.
    pub fn edit(&self, id: u64, field: &str, value: impl Into<Value>) {
        let now = self.now();
        let change = Map::from_iter([(field.to_owned(), value.into())]);
        self.lock().people.update(id, change, now);
    }

    /// The person now belongs to a real company.
    pub fn bind_to_company(&self, id: u64) {
        if let Some(person) = self.lock().people.held.get_mut(&id) {
            person.has_company = true;
        }
    }

    /// Somebody deletes a person. A merge looks the same for the one that loses.
    pub fn delete(&self, id: u64) {
        let now = self.now();
        self.lock().people.remove(id, now);
    }

    /// Every paging token handed out so far is forgotten.
    pub fn forget_paging_tokens(&self) {
        self.lock().feed.forget_tokens();
    }

    /// One page of the feed looks through so many activities, wanted or not.
    pub fn look_through(&self, activities: usize) {
        self.lock().feed.looks_through = activities.max(1);
    }
}
