//! A lead is turned into the fields of a record.

use std::borrow::Cow;

use serde_json::Value;

use crate::delivery::{EventKind, Gate, LeadDelivery};
use crate::error::{ConnectorError, ErrorKind};

use super::compile::{Field, Mapping, Origin, Personal};
use super::item::{Item, RESULT_CAP_BYTES, cut, iso};
use super::path::Slot;
use super::{MappedField, Overflow, Write};

impl Mapping {
    /// The fields to write, ordered by name. Empty values are left out, never written as blank.
    ///
    /// - A `create_only` field comes only with a lead the destination has never confirmed.
    /// - When the gate is [`Gate::DoNotContact`], every field made from the person or from free
    ///   text is left out, with its default and without regard to `required`: such a record may
    ///   say that nobody is to be contacted, never whom. Blanking what a system already holds is
    ///   the connector's part.
    ///
    /// A value that cannot be written rejects the record; the error names the field, not the value.
    pub fn record(&self, delivery: &LeadDelivery) -> Result<Vec<MappedField>, ConnectorError> {
        let mut fields = Vec::with_capacity(self.fields.len());
        for field in self.fields.iter().filter(|field| field.is_wanted(delivery)) {
            if let Some(value) = field.value(delivery)? {
                fields.push(MappedField {
                    target: field.target.clone(),
                    value,
                    write: field.write,
                });
            }
        }
        Ok(fields)
    }
}

impl Field {
    fn is_wanted(&self, delivery: &LeadDelivery) -> bool {
        let withheld = self.personal > Personal::Never && delivery.gate == Gate::DoNotContact;
        let too_late = self.write == Write::CreateOnly && delivery.kind != EventKind::Created;
        !withheld && !too_late
    }

    fn value(&self, delivery: &LeadDelivery) -> Result<Option<Value>, ConnectorError> {
        let mut slot = match &self.origin {
            Origin::Nothing => Slot {
                item: Item::Empty,
                normal: true,
            },
            Origin::Path(path) => path.read(delivery),
            Origin::Expression(expression) => {
                let item = expression
                    .evaluate(delivery)
                    .map_err(|why| self.rejected(&why, "correct `expr` of this field, then requeue"))?;
                Slot { item, normal: true }
            }
        };
        for function in &self.pipe {
            slot = function
                .apply(slot, delivery)
                .map_err(|why| self.rejected(&why, "correct `pipe` of this field, then requeue"))?;
        }
        match self.written(slot.item)?.or_else(|| self.default.clone()) {
            None if self.required => Err(self.rejected(
                "it is required and the lead has no value for it",
                "give the field a `default`, or drop `required`, then requeue",
            )),
            value => Ok(value),
        }
    }

    fn written(&self, item: Item<'_>) -> Result<Option<Value>, ConnectorError> {
        Ok(match item {
            Item::Empty => None,
            Item::Text(text) => self.fitted(text)?.map(|text| Value::String(text.into_owned())),
            Item::Whole(number) => Some(number.into()),
            Item::Fraction(number) => serde_json::Number::from_f64(number).map(Value::Number),
            Item::Flag(flag) => Some(flag.into()),
            Item::Moment(at) => Some(iso(at).into()),
            Item::Day(day) => Some(day.to_string().into()),
        })
    }

    /// The text within its limits; none when nothing is left of it.
    fn fitted<'a>(&self, text: Cow<'a, str>) -> Result<Option<Cow<'a, str>>, ConnectorError> {
        let most = self.max_length.unwrap_or(usize::MAX);
        // Bytes are never fewer than characters, so most values need no counting.
        if text.len() <= most.min(RESULT_CAP_BYTES) {
            return Ok(Some(text));
        }
        let characters = text.chars().count();
        if characters <= most && text.len() <= RESULT_CAP_BYTES {
            return Ok(Some(text));
        }
        match self.on_overflow {
            Overflow::Truncate => {
                let kept = cut(&text, most, RESULT_CAP_BYTES).to_owned();
                Ok(Some(Cow::Owned(kept)).filter(|kept: &Cow<'_, str>| !kept.is_empty()))
            }
            Overflow::Error => Err(self.rejected(
                &if characters > most {
                    format!("the value has {characters} characters and the field takes {most}")
                } else {
                    format!("the value has more than {RESULT_CAP_BYTES} bytes")
                },
                "set on_overflow = \"truncate\" for this field, or a larger max_length, then requeue",
            )),
        }
    }

    fn rejected(&self, why: &str, hint: &str) -> ConnectorError {
        ConnectorError::new(ErrorKind::Rejected, format!("map field {}: {why}", self.target)).hint(hint)
    }
}

#[cfg(test)]
mod tests;
