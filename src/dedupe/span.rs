//! Runs of the same touch: within the window of the one before, it is a repeat.

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::{TouchKey, TouchSpan};

/// Where a touch belongs among the runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The run it is part of, itself included.
    pub span: TouchSpan,
    /// First moments of runs of the same key that this one takes the place of.
    pub gone: Vec<DateTime<Utc>>,
    /// It continued a run, or joined two.
    pub repeat: bool,
}

/// Finds the run of a touch. The runs that result from many touches do not depend on their order.
pub fn place(spans: &[TouchSpan], key: TouchKey, at: DateTime<Utc>, window: TimeDelta) -> Placement {
    let mut span = TouchSpan {
        key,
        first_at: at,
        last_at: at,
        count: 1,
    };
    let mut touched = Vec::new();
    for near in spans
        .iter()
        .filter(|other| other.key == key && is_near(other, at, window))
    {
        span.first_at = span.first_at.min(near.first_at);
        span.last_at = span.last_at.max(near.last_at);
        span.count = span.count.saturating_add(near.count);
        touched.push(near.first_at);
    }
    let repeat = !touched.is_empty();
    touched.retain(|first_at| *first_at != span.first_at);
    Placement {
        span,
        gone: touched,
        repeat,
    }
}

fn is_near(span: &TouchSpan, at: DateTime<Utc>, window: TimeDelta) -> bool {
    at.signed_duration_since(span.last_at) <= window && span.first_at.signed_duration_since(at) <= window
}

/// Makes the runs what the placement says.
pub(super) fn apply(spans: &mut Vec<TouchSpan>, placement: &Placement) {
    let placed = &placement.span;
    let is_replaced = |span: &TouchSpan| {
        span.key == placed.key
            && (span.first_at == placed.first_at || placement.gone.contains(&span.first_at))
    };
    spans.retain(|span| !is_replaced(span));
    spans.push(*placed);
}
