//! Lead -> one line. Pure.

use chrono::{DateTime, Utc};
use connector_kit::mapping::{MappedField, Mapping, Write};
use connector_kit::record::LeadRecord;
use connector_kit::{ConnectorError, ErrorKind, EventKind, Gate, LeadDelivery, LeadId};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// No line is longer.
pub(crate) const LINE_CAP_BYTES: usize = 1 << 20;

#[derive(Serialize)]
struct Line<'a> {
    key: LeadId,
    revision: u32,
    event: &'static str,
    at: DateTime<Utc>,
    data: Data<'a>,
}

enum Data<'a> {
    Ours(LeadRecord<'a>),
    Mapped(Vec<MappedField>),
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ours(record) => record.serialize(serializer),
            Self::Mapped(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for field in fields {
                    map.serialize_entry(&field.target, &field.value)?;
                }
                map.end()
            }
        }
    }
}

/// Adds the line of one delivery, its end included; on an error `to` is as before.
pub(crate) fn write_line(
    delivery: &LeadDelivery,
    mapping: Option<&Mapping>,
    to: &mut Vec<u8>,
) -> Result<(), ConnectorError> {
    let closed = delivery.gate == Gate::DoNotContact || delivery.lead.dnc;
    let data = match mapping {
        Some(mapping) if !closed => {
            let mut fields = mapping.record(delivery)?;
            fields.retain(|field| field.write == Write::Always || delivery.kind == EventKind::Created);
            Data::Mapped(fields)
        }
        _ => Data::Ours(LeadRecord(delivery)),
    };
    let line = Line {
        key: delivery.lead.id,
        revision: delivery.revision,
        event: if closed {
            EventKind::Suppressed
        } else {
            delivery.kind
        }
        .as_str(),
        at: delivery.revised_at,
        data,
    };
    let start = to.len();
    let written = serde_json::to_writer(&mut *to, &line)
        .map_err(|error| ConnectorError::new(ErrorKind::Rejected, "write the lead as JSON").source(error));
    let fits = written.and_then(|()| match to.len() - start {
        size if size < LINE_CAP_BYTES => Ok(()),
        size => Err(ConnectorError::new(
            ErrorKind::Rejected,
            format!("write a line of {size} bytes: the limit is {LINE_CAP_BYTES}"),
        )),
    });
    match fits {
        Ok(()) => to.push(b'\n'),
        Err(_) => to.truncate(start),
    }
    fits
}
