//! Signing in on another device: a code to type there, and asking until it was typed (RFC 8628).

use serde_json::{Value, json};

use super::delegated::{SignedIn, Wish};
use super::refusal::Refusal;
use super::{Book, Entra, Version, member};

/// A code waits fifteen minutes.
const LIFE: i64 = 900;

/// Seconds between two questions.
const INTERVAL: i64 = 5;

/// All codes, and how they are watched.
#[derive(Default)]
pub(super) struct Devices {
    all: Vec<Device>,
    slow_downs: usize,
    strict_pace: bool,
    interval: Option<i64>,
}

struct Device {
    code: String,
    user_code: String,
    app: String,
    wish: Wish,
    until: i64,
    interval: i64,
    asked: Option<i64>,
    state: State,
}

enum State {
    Waiting,
    SignedIn(String),
    Declined,
    Redeemed,
}

impl Book {
    pub(super) fn device_code(
        &mut self,
        version: Version,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        self.knows_tenant_or_any(tenant)?;
        let client = member(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let app = self.apps.get(client).ok_or_else(|| Refusal::app(client))?;
        if !app.public {
            return Err(Refusal::not_public());
        }
        let wish = self.wish(version, form, None)?;
        let interval = self.devices.interval.unwrap_or(INTERVAL);
        let number = self.devices.all.len() + 1;
        let (code, user_code) = (format!("sim-device-{number:06}"), format!("SIM{number:06}"));
        let address = format!("{}/device", self.origin);
        let words = format!("To sign in, open the page {address} and enter the code {user_code}.");
        let mut body = json!({
            "user_code": user_code,
            "device_code": code,
            "message": words,
        });
        match version {
            Version::V1 => {
                body["verification_url"] = address.into();
                body["expires_in"] = LIFE.to_string().into();
                body["interval"] = interval.to_string().into();
            }
            Version::V2 => {
                body["verification_uri"] = address.into();
                body["expires_in"] = LIFE.into();
                body["interval"] = interval.into();
            }
        }
        self.devices.all.push(Device {
            code,
            user_code,
            app: client.to_owned(),
            wish,
            until: now + LIFE,
            interval,
            asked: None,
            state: State::Waiting,
        });
        Ok(body)
    }

    /// The first token for a code that was typed on another device.
    pub(super) fn redeem_device(
        &mut self,
        version: Version,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        let (client, _) = self.client(version, tenant, form, now)?;
        let client = client.to_owned();
        // The older endpoint calls it `code`.
        let code = member(form, "device_code").or_else(|| member(form, "code"));
        let code = code.ok_or_else(|| Refusal::missing("device_code"))?;
        let (user, wish) = self.devices.user(code, &client, now)?;
        let who = SignedIn {
            app: client,
            user,
            nonce: None,
        };
        self.give(version, &who, &wish, form, now)
    }
}

impl Devices {
    fn user(&mut self, code: &str, app: &str, now: i64) -> Result<(String, Wish), Refusal> {
        let device = self
            .all
            .iter_mut()
            .find(|device| device.code == code && device.app == app)
            .ok_or_else(Refusal::bad_device_code)?;
        let early = device.asked.is_some_and(|asked| now < asked + device.interval);
        device.asked = Some(now);
        if device.until <= now {
            return Err(Refusal::device_expired());
        }
        if self.slow_downs > 0 || (self.strict_pace && early) {
            self.slow_downs = self.slow_downs.saturating_sub(1);
            device.interval += 5;
            return Err(Refusal::slow_down());
        }
        match std::mem::replace(&mut device.state, State::Redeemed) {
            State::SignedIn(user) => Ok((user, device.wish.clone())),
            State::Redeemed => Err(Refusal::redeemed()),
            State::Waiting => {
                device.state = State::Waiting;
                Err(Refusal::pending())
            }
            State::Declined => {
                device.state = State::Declined;
                Err(Refusal::declined())
            }
        }
    }
}

impl Entra {
    /// The newest code that waits to be typed.
    pub fn user_code(&self) -> Option<String> {
        let book = self.book();
        let mut newest_first = book.devices.all.iter().rev();
        newest_first
            .find(|device| matches!(device.state, State::Waiting))
            .map(|device| device.user_code.clone())
    }

    /// The user typed the code and signed in. Whether somebody waits for it.
    pub fn sign_in_on_device(&self, user_code: &str, user: &str) -> bool {
        self.typed(user_code, State::SignedIn(user.to_owned()))
    }

    /// The user typed the code and refused. Whether somebody waited for it.
    pub fn decline_on_device(&self, user_code: &str) -> bool {
        self.typed(user_code, State::Declined)
    }

    /// The next questions are told to come more slowly.
    pub fn slow_down_next(&self, times: usize) {
        self.book().devices.slow_downs = times;
    }

    /// Codes given from now on are to be asked about every so many seconds.
    pub fn poll_every(&self, seconds: i64) {
        self.book().devices.interval = Some(seconds);
    }

    /// Whether questions that come faster than told are told to slow down.
    pub fn watch_pace(&self, watch: bool) {
        self.book().devices.strict_pace = watch;
    }

    fn typed(&self, user_code: &str, state: State) -> bool {
        let now = (self.clock)();
        let mut book = self.book();
        let waiting = book.devices.all.iter_mut().find(|device| {
            device.user_code == user_code && matches!(device.state, State::Waiting) && now < device.until
        });
        let found = waiting.is_some();
        if let Some(device) = waiting {
            device.state = state;
        }
        found
    }
}
