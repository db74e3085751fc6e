//! `/healthz` and `/readyz`: whether the daemon lives, and whether it should be sent leads.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use tokio::time::timeout;

use super::router::Desk;
use super::{Health, Trouble};
use crate::store::{DestinationGate, DestinationStatus};

/// How long a note about destinations is waited for; the answer itself waits for nobody.
const NOTE_PATIENCE: Duration = Duration::from_secs(1);

/// No leadsync with this answer was built before: a clock that says so is wrong.
const MADE_ON: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 1);

/// The room of the store's writer, as [`Health::watch`] knows it.
pub const WRITER: &str = "store writer";

#[derive(Serialize)]
struct Alive {
    alive: bool,
    silent: Vec<Silent>,
}

#[derive(Serialize)]
struct Silent {
    room: String,
    seconds: Option<u64>,
}

#[expect(clippy::struct_field_names, reason = "it is what the answer says")]
#[derive(Serialize)]
struct Ready {
    ready: bool,
    reasons: Vec<Reason>,
    notes: Vec<Note>,
}

/// Why no leads should be sent.
#[expect(clippy::struct_field_names, reason = "it is what the answer says")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reason {
    reason: &'static str,
    detail: String,
    remedy: &'static str,
}

/// What makes nobody unready, but is worth a look.
#[derive(Serialize)]
struct Note {
    note: String,
    remedy: String,
}

/// 503 when a room stands still.
pub(super) async fn healthz(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let rooms = desk.health.silent().into_iter().map(|(room, span)| Silent {
        room: room.to_owned(),
        seconds: Some(span.as_secs()),
    });
    let mut silent: Vec<Silent> = rooms.collect();
    if let Some(worker) = (desk.stuck)() {
        silent.push(Silent {
            room: worker,
            seconds: None,
        });
    }
    let alive = silent.is_empty();
    if likes_text(&headers) {
        let rooms = silent.iter().map(|one| format!("{} stands still\n", one.room));
        let told = if alive {
            "alive\n".to_owned()
        } else {
            rooms.collect()
        };
        return (status(alive), told).into_response();
    }
    (status(alive), Json(Alive { alive, silent })).into_response()
}

/// 503 with reasons when no leads should be sent.
pub(super) async fn readyz(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let now = desk.clock.now();
    let reasons = reasons(&desk.health, now);
    let destinations = timeout(NOTE_PATIENCE, desk.store.destinations(now)).await;
    let resting = destinations.ok().and_then(Result::ok).unwrap_or_default();
    let remarks = desk.health.remarks().into_iter().map(|(about, text)| Note {
        note: format!("{about}: {text}"),
        remedy: "see docs/alarms.md: is the way free? leadsync canary".to_owned(),
    });
    let notes = resting.iter().filter_map(note).chain(remarks).collect();
    answer(reasons, notes, likes_text(&headers))
}

/// What is answered before there is a desk.
pub(super) fn not_yet(path: &str, headers: &HeaderMap) -> Response {
    let in_text = likes_text(headers);
    match path {
        "/healthz" if in_text => "alive\n".into_response(),
        "/healthz" => Json(Alive {
            alive: true,
            silent: Vec::new(),
        })
        .into_response(),
        _ if path.starts_with("/v1/") => {
            let error = serde_json::json!({ "error": "the daemon is still starting" });
            (StatusCode::SERVICE_UNAVAILABLE, Json(error)).into_response()
        }
        _ => {
            let reason = Reason::of(Trouble::Starting, "the store is being opened".into());
            answer(vec![reason], Vec::new(), in_text)
        }
    }
}

fn answer(reasons: Vec<Reason>, notes: Vec<Note>, in_text: bool) -> Response {
    let ready = reasons.is_empty();
    if !in_text {
        let told = Ready {
            ready,
            reasons,
            notes,
        };
        return (status(ready), Json(told)).into_response();
    }
    let mut told = String::from(if ready { "ready\n" } else { "not ready\n" });
    for Reason {
        reason,
        detail,
        remedy,
    } in reasons
    {
        let _ = writeln!(told, "{reason}: {detail}\n  -> {remedy}");
    }
    for Note { note, remedy } in notes {
        let _ = writeln!(told, "note: {note}\n  -> {remedy}");
    }
    (status(ready), told).into_response()
}

/// Every reason there is now.
pub(super) fn reasons(health: &Health, now: DateTime<Utc>) -> Vec<Reason> {
    let told = health.troubles().into_iter();
    let mut reasons: Vec<Reason> = told
        .map(|(trouble, detail)| Reason::of(trouble, detail))
        .collect();
    let silent = health.silent().into_iter().find(|(room, _)| *room == WRITER);
    if let Some((_, span)) = silent {
        let detail = format!("no sign of life for {} s", span.as_secs());
        reasons.push(Reason::of(Trouble::WriterStuck, detail));
    }
    if MADE_ON.is_some_and(|day| now < day.and_time(NaiveTime::MIN).and_utc()) {
        let detail = format!("it says {}", now.format("%Y-%m-%d"));
        reasons.push(Reason::of(Trouble::ClockWrong, detail));
    }
    reasons
}

/// The same by name alone, for the numbers.
pub(super) fn troubles(health: &Health, now: DateTime<Utc>) -> Vec<Trouble> {
    let reasons = reasons(health, now);
    let named = |trouble: &Trouble| reasons.iter().any(|one| one.reason == trouble.as_str());
    Trouble::ALL.into_iter().filter(named).collect()
}

impl Reason {
    fn of(trouble: Trouble, detail: String) -> Self {
        Self {
            reason: trouble.as_str(),
            remedy: trouble.remedy(),
            detail,
        }
    }
}

/// A destination that rests keeps nobody from sending leads: they wait for it.
fn note(status: &DestinationStatus) -> Option<Note> {
    let name = &status.name;
    match &status.gate {
        DestinationGate::Open => None,
        DestinationGate::Held { until, reason, .. } => Some(Note {
            note: format!(
                "{name} is held until {}: {reason}",
                until.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            remedy: "nothing: it is tried again by itself".to_owned(),
        }),
        DestinationGate::Parked { reason, hint } => Some(Note {
            note: format!("{name} is parked: {reason}"),
            remedy: format!("{hint}, then: leadsync release {name}"),
        }),
    }
}

fn status(well: bool) -> StatusCode {
    if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// A person with curl asks for text; everybody else gets JSON.
fn likes_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.trim_start().starts_with("text/plain"))
}
