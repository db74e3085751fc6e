//! Records go out in calls that fit, and the one at fault is found (contract marketo A3, A4).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use connector_kit::ErrorKind;
use serde_json::Value;

use crate::api::{Api, Fields, Order, PER_CALL, Written};
use crate::desk::Desk;
use crate::error::{Complaint, Refusal};

/// A body of 1 MB is refused with 413; what stands around the records is small.
const LARGEST_INPUT: usize = 1_000_000;
/// From this attempt on a call that breaks is halved: one record may be the cause.
const PATIENCE: u32 = 2;

/// A record on its way, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) at: usize,
    pub(crate) attempt: u32,
    pub(crate) order: Order,
    pub(crate) fields: Fields,
    /// How to look it up when Marketo no longer knows its id; none: then there is nothing to write.
    pub(crate) otherwise: Option<Order>,
    /// What it gets besides when it is looked up that way: then it may be made anew.
    pub(crate) anew: Fields,
}

impl Piece {
    /// What must not be twice in one input.
    fn key(&self) -> Option<String> {
        let name = match &self.order {
            Order::ById => "id",
            Order::ByField(field) => field,
        };
        match self.fields.get(name)? {
            Value::String(text) => Some(text.to_lowercase()),
            value => Some(value.to_string()),
        }
    }
}

/// Writes records.
pub(crate) struct Writer {
    pub(crate) api: Arc<Api>,
    pub(crate) company_fields: BTreeSet<String>,
}

impl Writer {
    /// Writes all of them and notes what became of each.
    pub(crate) async fn write(&self, desk: &mut Desk, pieces: Vec<Piece>) {
        let mut waiting: VecDeque<Vec<Piece>> = calls(pieces).into();
        while let Some(call) = waiting.pop_front() {
            if let Some(error) = desk.halted.clone() {
                desk.all_failed(call.iter().map(|piece| piece.at), &error);
                continue;
            }
            let input = call.iter().map(|piece| &piece.fields).collect();
            match self.api.upsert(&call[0].order, input).await {
                Ok(results) => waiting.extend(calls(self.settle(desk, call, results))),
                Err(refusal) if may_be_one_of(&call, &refusal) => {
                    let (first, second) = call.split_at(call.len() / 2);
                    waiting.push_front(second.to_vec());
                    waiting.push_front(first.to_vec());
                }
                Err(refusal) => desk.all_failed(call.iter().map(|piece| piece.at), &refusal.error),
            }
        }
    }

    /// Notes each result; answers what has to be sent another way.
    fn settle(&self, desk: &mut Desk, call: Vec<Piece>, results: Vec<Written>) -> Vec<Piece> {
        let mut again = Vec::new();
        for (piece, result) in call.into_iter().zip(results) {
            match result {
                Ok(id) => desk.done(piece.at, Some(id)),
                Err(complaint) if complaint.code == "1004" && piece.order == Order::ById => {
                    match elsewhere(piece) {
                        Ok(piece) => again.push(piece),
                        Err(at) => desk.done(at, None),
                    }
                }
                Err(complaint) => match self.without_company(&complaint, piece) {
                    Ok(piece) => again.push(piece),
                    Err(at) => desk.failed(at, self.api.wire.record_refused(complaint)),
                },
            }
        }
        again
    }

    /// The record without the fields of its company, where these are what was refused.
    fn without_company(&self, complaint: &Complaint, mut piece: Piece) -> Result<Piece, usize> {
        let before = piece.fields.len();
        if complaint.code == "1021" {
            piece.fields.retain(|name, _| !self.company_fields.contains(name));
        }
        if piece.fields.len() < before {
            Ok(piece)
        } else {
            Err(piece.at)
        }
    }
}

/// The record looked up another way; or, where there is none, whose it was.
fn elsewhere(mut piece: Piece) -> Result<Piece, usize> {
    let Some(order) = piece.otherwise.take() else {
        return Err(piece.at);
    };
    piece.fields.remove("id");
    piece.fields.append(&mut piece.anew);
    piece.order = order;
    Ok(piece)
}

/// A whole call may be refused for one of its records.
fn may_be_one_of(call: &[Piece], refusal: &Refusal) -> bool {
    call.len() > 1
        && match refusal.error.kind() {
            ErrorKind::Rejected => true,
            ErrorKind::Broken => call.iter().any(|piece| piece.attempt >= PATIENCE),
            _ => refusal.code == "1036",
        }
}

/// Cuts the records into calls: one way of finding people each, so many records, so many bytes, and
/// no key twice.
fn calls(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut by_order: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for piece in pieces {
        let open = by_order.entry(format!("{:?}", piece.order)).or_default();
        let (key, size) = (piece.key(), size(&piece.fields));
        let mut room = open.iter_mut().find(|call| call.has_room(key.as_ref(), size));
        if room.is_none() {
            open.push(Call::default());
            room = open.last_mut();
        }
        if let Some(call) = room {
            call.put(piece, key, size);
        }
    }
    by_order.into_values().flatten().map(|call| call.pieces).collect()
}

/// A call being filled.
#[derive(Default)]
struct Call {
    pieces: Vec<Piece>,
    keys: BTreeSet<String>,
    bytes: usize,
}

impl Call {
    fn has_room(&self, key: Option<&String>, size: usize) -> bool {
        self.pieces.len() < PER_CALL
            && self.bytes + size <= LARGEST_INPUT
            && key.is_none_or(|key| !self.keys.contains(key))
    }

    fn put(&mut self, piece: Piece, key: Option<String>, size: usize) {
        self.keys.extend(key);
        self.bytes += size;
        self.pieces.push(piece);
    }
}

/// What the record takes of a body, with the comma behind it.
fn size(fields: &Fields) -> usize {
    serde_json::to_vec(fields).map_or(0, |bytes| bytes.len()) + 1
}

#[cfg(test)]
#[path = "writer/tests.rs"]
mod tests;
