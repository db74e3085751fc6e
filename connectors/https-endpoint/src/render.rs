//! Deliveries -> the exact bytes of requests. One buffer for a whole call; nothing is written twice.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::mapping::Mapping;
use connector_kit::{ConnectorError, ErrorKind, LeadDelivery};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::PayloadFormat;
use crate::mapping::{Data, MicrosoftLead, event_id, event_type};

/// No event, and no body, is larger (contract https-endpoint 1.2).
pub(crate) const BODY_CAP_BYTES: usize = 256 * 1024;

/// How events are written.
pub(crate) struct Renderer {
    pub(crate) format: PayloadFormat,
    /// Bodies are lists, even of one.
    pub(crate) lists: bool,
    pub(crate) mapping: Option<Mapping>,
    pub(crate) type_prefix: String,
}

/// Events written one after the other, each with its place.
pub(crate) struct Written<'a> {
    buffer: Vec<u8>,
    pub(crate) events: Vec<Event<'a>>,
}

/// One event: whose it is, and where its bytes are.
pub(crate) struct Event<'a> {
    /// The place of its delivery in the call.
    pub(crate) index: usize,
    pub(crate) id: String,
    delivery: &'a LeadDelivery,
    bytes: Range<usize>,
}

/// One request, but for what changes with every attempt.
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) body: Bytes,
    pub(crate) headers: HeaderMap,
}

#[derive(Serialize)]
struct Envelope<'a> {
    /// Only inside a list, where no header can carry it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    r#type: &'static str,
    timestamp: DateTime<Utc>,
    data: Data<'a>,
}

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    r#type: String,
    time: DateTime<Utc>,
    subject: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

impl Renderer {
    /// Writes every event; those that cannot be written come back with their place.
    pub(crate) fn render<'a>(
        &self,
        deliveries: &'a [LeadDelivery],
    ) -> (Written<'a>, Vec<(usize, ConnectorError)>) {
        let mut rendered = Written {
            buffer: Vec::with_capacity(deliveries.len() * 1024),
            events: Vec::with_capacity(deliveries.len()),
        };
        let mut refused = Vec::new();
        for (index, delivery) in deliveries.iter().enumerate() {
            let start = rendered.buffer.len();
            let id = event_id(delivery);
            let written = self.write(delivery, &id, &mut rendered.buffer);
            let size = rendered.buffer.len() - start;
            if let Err(error) = written.and_then(|()| check_size(size)) {
                rendered.buffer.truncate(start);
                refused.push((index, error));
                continue;
            }
            let bytes = start..rendered.buffer.len();
            rendered.events.push(Event {
                index,
                id,
                delivery,
                bytes,
            });
        }
        (rendered, refused)
    }

    fn write(&self, delivery: &LeadDelivery, id: &str, buffer: &mut Vec<u8>) -> Result<(), ConnectorError> {
        let written = match self.format {
            PayloadFormat::Standard => serde_json::to_writer(
                buffer,
                &Envelope {
                    id: self.lists.then_some(id),
                    r#type: event_type(delivery),
                    timestamp: delivery.revised_at,
                    data: Data::of(delivery, self.mapping.as_ref())?,
                },
            ),
            PayloadFormat::Microsoft => {
                serde_json::to_writer(buffer, &MicrosoftLead::of(delivery, id, false))
            }
            PayloadFormat::MicrosoftPlus => {
                serde_json::to_writer(buffer, &MicrosoftLead::of(delivery, id, true))
            }
            PayloadFormat::CloudeventsBinary => {
                serde_json::to_writer(buffer, &Data::of(delivery, self.mapping.as_ref())?)
            }
            PayloadFormat::CloudeventsStructured => serde_json::to_writer(
                buffer,
                &CloudEvent {
                    specversion: "1.0",
                    id,
                    source: event_source(&delivery.lead.account),
                    r#type: self.cloud_type(delivery),
                    time: delivery.revised_at,
                    subject: format!("lead/{}", delivery.lead.id),
                    datacontenttype: "application/json",
                    data: Data::of(delivery, self.mapping.as_ref())?,
                },
            ),
        };
        written
            .map_err(|error| ConnectorError::new(ErrorKind::Rejected, "write the lead as JSON").source(error))
    }

    fn cloud_type(&self, delivery: &LeadDelivery) -> String {
        format!("{}.{}", self.type_prefix, event_type(delivery))
    }

    /// The members of one event, and what its headers say about it.
    pub(crate) fn preview(&self, delivery: &LeadDelivery) -> Result<connector_kit::Rendered, ConnectorError> {
        let (rendered, refused) = self.render(std::slice::from_ref(delivery));
        if let Some((_, error)) = refused.into_iter().next() {
            return Err(error);
        }
        let mut record = connector_kit::Rendered::default();
        for event in &rendered.events {
            let call = self.call(&rendered, std::slice::from_ref(event));
            for (name, value) in &call.headers {
                if name.as_str().starts_with("ce-") {
                    record.fixed(name.as_str(), value.to_str().unwrap_or_default());
                }
            }
            let body = &rendered.buffer[event.bytes.clone()];
            record.members("", &serde_json::from_slice(body).unwrap_or_default());
        }
        Ok(record)
    }

    /// The request for these events; a slice of one is all a format without lists can take.
    pub(crate) fn call(&self, rendered: &Written<'_>, events: &[Event<'_>]) -> Call {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        match events {
            [event] if !self.lists => {
                if self.format == PayloadFormat::CloudeventsBinary {
                    self.add_attributes(event, &mut headers);
                }
                let body = Bytes::copy_from_slice(&rendered.buffer[event.bytes.clone()]);
                Call {
                    id: event.id.clone(),
                    body,
                    headers,
                }
            }
            _ => Call {
                id: batch_id(events),
                body: self.list(rendered, events),
                headers,
            },
        }
    }

    fn content_type(&self) -> &'static str {
        match (self.format, self.lists) {
            (PayloadFormat::CloudeventsStructured, true) => {
                "application/cloudevents-batch+json; charset=utf-8"
            }
            (PayloadFormat::CloudeventsStructured, false) => "application/cloudevents+json; charset=utf-8",
            _ => "application/json",
        }
    }

    fn list(&self, rendered: &Written<'_>, events: &[Event<'_>]) -> Bytes {
        let size: usize = events.iter().map(|event| event.bytes.len() + 1).sum();
        let mut body = Vec::with_capacity(size + LIST_OVERHEAD);
        let is_standard = self.format == PayloadFormat::Standard;
        if is_standard {
            // The moment of the newest member: the same for the same members, whenever they are sent.
            let newest = events
                .iter()
                .map(|event| event.delivery.revised_at)
                .max()
                .unwrap_or_default();
            body.extend_from_slice(br#"{"type":"leads.batch","timestamp":""#);
            body.extend_from_slice(
                newest
                    .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
                    .as_bytes(),
            );
            body.extend_from_slice(br#"","data":"#);
        }
        body.push(b'[');
        for (place, event) in events.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&rendered.buffer[event.bytes.clone()]);
        }
        body.push(b']');
        if is_standard {
            body.push(b'}');
        }
        Bytes::from(body)
    }

    fn add_attributes(&self, event: &Event<'_>, headers: &mut HeaderMap) {
        let delivery = event.delivery;
        let time = delivery
            .revised_at
            .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        for (name, value) in [
            ("ce-specversion", "1.0".to_owned()),
            ("ce-id", event.id.clone()),
            ("ce-source", event_source(&delivery.lead.account)),
            ("ce-type", self.cloud_type(delivery)),
            ("ce-time", time),
            ("ce-subject", format!("lead/{}", delivery.lead.id)),
        ] {
            if let Ok(value) = HeaderValue::from_str(&header_text(&value)) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// What surrounds the events of a list.
const LIST_OVERHEAD: usize = 96;

impl Written<'_> {
    /// Cuts the events into runs of at most `max` that stay below the cap together.
    pub(crate) fn runs(&self, max: usize) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let (mut start, mut size) = (0, LIST_OVERHEAD);
        for (place, event) in self.events.iter().enumerate() {
            let more = event.bytes.len() + 1;
            if place > start && (place - start == max || size + more > BODY_CAP_BYTES) {
                runs.push(start..place);
                (start, size) = (place, LIST_OVERHEAD);
            }
            size += more;
        }
        if start < self.events.len() {
            runs.push(start..self.events.len());
        }
        runs
    }
}

fn check_size(size: usize) -> Result<(), ConnectorError> {
    if size + LIST_OVERHEAD <= BODY_CAP_BYTES {
        return Ok(());
    }
    let what = format!("send an event of {size} bytes: the limit is {BODY_CAP_BYTES}");
    Err(ConnectorError::new(ErrorKind::Rejected, what)
        .hint("shorten the fields in the mapping, then requeue"))
}

/// The same members, the same id; a part of them after a split is another call with another id.
fn batch_id(events: &[Event<'_>]) -> String {
    let mut hash = Sha256::new();
    for event in events {
        hash.update(event.id.as_bytes());
        hash.update(b"\n");
    }
    let mut id = "batch-".to_owned();
    for byte in &hash.finalize()[..16] {
        id.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        id.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    id
}

/// `/leadsync/<account>`; with the id it names the event for ever.
pub(crate) fn event_source(account: &AccountName) -> String {
    let account: String = url::form_urlencoded::byte_serialize(account.as_str().as_bytes()).collect();
    format!("/leadsync/{account}")
}

/// An attribute as a header: everything but visible ASCII, and `"` and `%`, as `%XX`.
pub(crate) fn header_text(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'%') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(
                char::from_digit(u32::from(byte >> 4), 16)
                    .unwrap_or('0')
                    .to_ascii_uppercase(),
            );
            text.push(
                char::from_digit(u32::from(byte & 15), 16)
                    .unwrap_or('0')
                    .to_ascii_uppercase(),
            );
        }
    }
    text
}
