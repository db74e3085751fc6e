//! One trace for each lead, over rooms that meet only in the store (feature `otel`).
//!
//! A trace's id is the lead's, and so is its first span's: nothing has to be carried in memory or kept
//! beside the lead, and a restart between two rooms makes no second trace. Spans are made when
//! something is over, from the times that are known anyway. They hold ids, names from the config and
//! words from fixed lists, nothing else.

mod way;

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::{ConfigError, DestinationName, LeadId, Outcome, ReferralId, SourceName};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};
use tokio::runtime::Handle;

use crate::app::{Ears, Outside};
use crate::config::Traces;
use crate::deliver::{AttemptFate, Attempted};
use crate::settle::Passage;
use crate::store::Settlement;
use crate::syncback::{End, Reported};
use way::Way;

/// Makes spans of what it hears, and sends them on.
pub struct Tracing {
    spans: BatchSpanProcessor,
    clock: Arc<dyn Clock>,
    dice: Dice,
    sample: f64,
}

/// What a span says beside its name and its times.
#[derive(Default)]
struct About {
    kind: Option<SpanKind>,
    words: Vec<KeyValue>,
    failed: bool,
}

impl Tracing {
    /// Opens the way to the collector; none when the config names none. Nothing is sent yet, and a
    /// collector that is not there harms nobody.
    pub fn open(config: &Traces, outside: &Outside, back: Handle) -> Result<Option<Self>, ConfigError> {
        let (Some(endpoint), Some(address)) = (&config.endpoint, config.address()) else {
            return Ok(None);
        };
        let mistake = |error: &dyn std::error::Error| ConfigError::new("traces.endpoint", error.to_string());
        let way = Way::open(endpoint, outside, back)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(way)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address)
            .build()
            .map_err(|error| mistake(&error))?;
        let mut spans = BatchSpanProcessor::builder(exporter).build();
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty().with_service_name("leadsync");
        spans.set_resource(&resource.with_attribute(version).build());
        Ok(Some(Self {
            spans,
            clock: Arc::clone(&outside.clock),
            dice: outside.dice.clone(),
            sample: config.sample,
        }))
    }

    /// The same leads are chosen in every room, and after every restart.
    fn is_chosen(&self, lead: LeadId) -> bool {
        let [_, _, _, _, bits @ ..] = chance(lead);
        // 32 of them are enough to choose by.
        let chance = f64::from(u32::from_be_bytes(bits));
        chance < self.sample * (f64::from(u32::MAX) + 1.0)
    }

    /// The first span of a lead has an id of the lead's own, so that all others can name it.
    fn first(lead: LeadId) -> SpanId {
        SpanId::from_bytes(chance(lead))
    }

    fn another(&self) -> SpanId {
        let mut id = [0; 8];
        self.dice.fill(&mut id);
        SpanId::from_bytes(id)
    }

    fn tell(
        &self,
        lead: LeadId,
        name: String,
        span: SpanId,
        times: (DateTime<Utc>, DateTime<Utc>),
        about: About,
    ) {
        if !self.is_chosen(lead) {
            return;
        }
        let root = Self::first(lead);
        let trace = TraceId::from_bytes(*lead.as_bytes());
        let mut attributes = vec![KeyValue::new("lead.id", lead.to_string())];
        attributes.extend(about.words);
        self.spans.on_end(SpanData {
            span_context: SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: if span == root { SpanId::INVALID } else { root },
            parent_span_is_remote: false,
            span_kind: about.kind.unwrap_or(SpanKind::Internal),
            name: name.into(),
            start_time: SystemTime::from(times.0.min(times.1)),
            end_time: SystemTime::from(times.1),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if about.failed {
                Status::error("")
            } else {
                Status::Unset
            },
            instrumentation_scope: InstrumentationScope::builder("leadsync").build(),
        });
    }
}

impl Ears for Tracing {
    fn settled(&self, _: &Settlement) {}

    /// `receive`, from the first byte kept to the lead understood; `settle`, the step that did it.
    fn passed(&self, passage: &Passage) {
        let Passage {
            lead,
            became,
            source,
            received_at,
            begun,
        } = passage;
        let now = self.clock.now();
        let words = || {
            vec![
                KeyValue::new("source", source.to_string()),
                KeyValue::new("fate", *became),
            ]
        };
        // A later touch joins a trace that has its first span.
        let span = if *became == "new" {
            Self::first(*lead)
        } else {
            self.another()
        };
        let received = About {
            kind: Some(SpanKind::Server),
            words: words(),
            failed: false,
        };
        self.tell(*lead, "receive".to_owned(), span, (*received_at, now), received);
        let settled = About {
            words: words(),
            ..About::default()
        };
        self.tell(*lead, "settle".to_owned(), self.another(), (*begun, now), settled);
    }

    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]) {
        let now = self.clock.now();
        for one in attempted {
            let Some(lead) = one.lead else { continue };
            let mut words = vec![
                KeyValue::new("destination", destination.to_string()),
                KeyValue::new("revision", i64::from(one.revision)),
                KeyValue::new("fate", one.fate.as_str()),
            ];
            words.extend(one.error.map(|kind| KeyValue::new("error.type", kind.as_str())));
            let about = About {
                kind: Some(SpanKind::Client),
                words,
                failed: !(one.fate.is_confirmed() || one.fate == AttemptFate::Withheld),
            };
            self.tell(
                lead,
                format!("deliver {destination}"),
                self.another(),
                (now - took, now),
                about,
            );
        }
    }

    fn observed(&self, source: &SourceName, news: &[Outcome]) {
        let now = self.clock.now();
        for outcome in news {
            let Some(lead) = outcome.lead else { continue };
            let words = vec![
                KeyValue::new("source", source.to_string()),
                KeyValue::new("stage", outcome.stage.as_str()),
            ];
            let about = About {
                words,
                ..About::default()
            };
            self.tell(lead, "outcome".to_owned(), self.another(), (now, now), about);
        }
    }

    /// The whole of a report, and each step of it at its moment.
    fn reported(&self, sink: &SourceName, referral: &ReferralId, ended: &Reported) {
        let now = self.clock.now();
        let words = |more: [(&'static str, String); 2]| -> Vec<KeyValue> {
            let fixed = [("sink", sink.to_string()), ("referral.id", referral.to_string())];
            let all = fixed.into_iter().chain(more);
            all.map(|(name, value)| KeyValue::new(name, value)).collect()
        };
        let result = end(&ended.end);
        let begun = ended.steps.first().map_or(now, |step| step.at);
        for step in &ended.steps {
            let about = About {
                kind: Some(SpanKind::Client),
                words: words([("step", step.step.clone()), ("result", step.result.clone())]),
                failed: !matches!(step.result.as_str(), "done" | "ordered"),
            };
            let name = format!("report step {}", step.step);
            self.tell(ended.lead, name, self.another(), (step.at, step.at), about);
        }
        let about = About {
            words: words([
                ("result", result.to_owned()),
                ("steps", ended.steps.len().to_string()),
            ]),
            failed: matches!(ended.end, End::Refused(_) | End::Failed(_)),
            ..About::default()
        };
        self.tell(
            ended.lead,
            format!("report {sink}"),
            self.another(),
            (begun, now),
            about,
        );
    }

    fn close(&self) {
        // What the collector does not take now is gone, as is said of every span.
        let _ = self.spans.shutdown();
    }
}

fn end(end: &End) -> &'static str {
    match end {
        End::Settled => "settled",
        End::Refused(_) => "refused",
        End::Waiting(..) => "waiting",
        End::Failed(error) => error.kind().as_str(),
        End::LeaseLost => "lease lost",
    }
}

/// The half of a lead's id that is chance; the other half is when it was made.
fn chance(lead: LeadId) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&lead.as_bytes()[8..]);
    half
}
