//! The write itself: up to 200 records a call, and what each answer makes of its row.

use connector_kit::{ConnectorError, ErrorKind};

use super::row::{Remedy, Row, Step};
use super::{Leads, places};
use crate::api::{COLLECTION, Record, Wishes, Written};
use crate::config::{Assignment, DuplicateRule, MissingFields};
use crate::connection::Failure;
use crate::error::{Fault, Place};
use crate::mapping::Purpose;

/// Records that travel together because they ask for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Create { allow_save: bool },
    Update,
}

/// A record and the place of its row.
type Piece = (usize, Record);

impl Leads {
    /// Writes every row that is ready, creates apart from updates: assignment rules run for new leads
    /// only (contract salesforce 0.5).
    pub(super) async fn write_all(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        for kind in [
            Kind::Create { allow_save: false },
            Kind::Create { allow_save: true },
            Kind::Update,
        ] {
            let mut pieces = self.pieces(rows, kind).await?;
            let mut waiting = Vec::new();
            while !pieces.is_empty() {
                let rest = pieces.split_off(pieces.len().min(COLLECTION));
                waiting.push(std::mem::replace(&mut pieces, rest));
            }
            waiting.reverse();
            while let Some(chunk) = waiting.pop() {
                if let Some(halves) = self.write(rows, kind, chunk).await? {
                    waiting.extend(halves);
                }
            }
        }
        Ok(())
    }

    /// The records of all rows of this kind. A description that says no is asked for again, once: the
    /// operator may have just done what we asked for.
    async fn pieces(&self, rows: &mut [Row<'_>], kind: Kind) -> Result<Vec<Piece>, ConnectorError> {
        let places = places(rows, |step| kind.is_wanted_by(step));
        if places.is_empty() {
            return Ok(Vec::new());
        }
        match self.built(rows, &places, kind).await {
            Err(error) if error.kind() == ErrorKind::Misconfigured => {
                self.schema.forget();
                self.built(rows, &places, kind).await
            }
            built => built,
        }
    }

    async fn built(
        &self,
        rows: &mut [Row<'_>],
        places: &[usize],
        kind: Kind,
    ) -> Result<Vec<Piece>, ConnectorError> {
        let lead = self.schema.get().await?;
        let mut pieces = Vec::with_capacity(places.len());
        for place in places {
            let row = &mut rows[*place];
            match self
                .shape
                .record(row.delivery, &lead, kind.purpose(), &row.without)
            {
                Ok(mut record) => {
                    if let Step::Update(id) = &row.step {
                        record.insert("id".to_owned(), id.as_str().into());
                    }
                    pieces.push((*place, record));
                }
                Err(error) if error.kind() == ErrorKind::Misconfigured => return Err(error),
                Err(error) => row.fail(error),
            }
        }
        Ok(pieces)
    }

    /// Sends one chunk; gives it back in halves when it is refused as a whole for what may be one record.
    async fn write(
        &self,
        rows: &mut [Row<'_>],
        kind: Kind,
        mut chunk: Vec<Piece>,
    ) -> Result<Option<[Vec<Piece>; 2]>, ConnectorError> {
        let records: Vec<&Record> = chunk.iter().map(|(_, record)| record).collect();
        let wishes = self.wishes(kind);
        let answer = match kind {
            Kind::Create { .. } => self.api.upsert(&self.shape.key_field, &records, &wishes).await,
            Kind::Update => self.api.update("Lead", &records, &wishes).await,
        };
        let failure = match answer {
            Ok(results) => {
                for ((place, _), written) in chunk.iter().zip(results) {
                    self.judge(&mut rows[*place], written);
                }
                return Ok(None);
            }
            Err(failure) => failure,
        };
        if failure.error.kind() == ErrorKind::Rejected && chunk.len() > 1 {
            let right = chunk.split_off(chunk.len() / 2);
            return Ok(Some([right, chunk]));
        }
        self.refused(rows, &chunk, failure)?;
        Ok(None)
    }

    /// A call that failed as a whole: for its rows alone, or for everybody.
    fn refused(&self, rows: &mut [Row<'_>], chunk: &[Piece], failure: Failure) -> Result<(), ConnectorError> {
        let error = *failure.error;
        if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Broken) {
            self.doubt(chunk.iter().map(|(place, _)| rows[*place].id()));
        }
        let fault = failure.faults.first();
        let helps = match fault {
            Some(fault) if fault.is_about_schema() => Some(Remedy::Describe),
            Some(fault) if fault.is_lock() => Some(Remedy::Wait),
            _ => None,
        };
        let alone = matches!(
            error.kind(),
            ErrorKind::Rejected | ErrorKind::Conflict | ErrorKind::Broken
        );
        if helps == Some(Remedy::Describe) {
            self.schema.forget();
        }
        for (place, _) in chunk {
            let row = &mut rows[*place];
            match helps {
                Some(remedy) if row.once(remedy) => row.waits = remedy == Remedy::Wait,
                _ if alone => row.fail(error.clone()),
                _ => return Err(error),
            }
        }
        Ok(())
    }

    /// Assignment rules run on updates, too, unless told not to; and what a duplicate rule warns of
    /// has long happened when the record is there.
    fn wishes(&self, kind: Kind) -> Wishes {
        Wishes {
            auto_assign: match kind {
                Kind::Create { .. } => self.auto_assign(),
                Kind::Update => "FALSE".to_owned(),
            },
            allow_save: match (kind, self.duplicate_rule) {
                (Kind::Create { allow_save }, DuplicateRule::Link) => allow_save,
                (_, rule) => rule != DuplicateRule::Dead,
            },
        }
    }

    /// What is asked for a new lead.
    pub(super) fn auto_assign(&self) -> String {
        match (self.assignment, &self.assignment_rule) {
            (Assignment::Never, _) => "FALSE".to_owned(),
            (Assignment::OnCreate, Some(rule)) => rule.clone(),
            (Assignment::OnCreate, None) => "TRUE".to_owned(),
        }
    }

    /// What the answer about one record makes of its row.
    pub(super) fn judge(&self, row: &mut Row<'_>, written: Written) {
        let known = match &row.step {
            Step::Update(id) => Some(id.clone()),
            _ => None,
        };
        let Some(fault) = written.faults.into_iter().next() else {
            row.hold(written.id.or(known));
            return;
        };
        let place = if known.is_some() {
            Place::Update
        } else {
            Place::Create
        };
        match (self.remedy(row, &fault), known) {
            (Some(Remedy::Wait), _) => row.waits = true,
            (Some(Remedy::LookAgain), _) => row.step = Step::LookUp,
            (Some(Remedy::Describe), _) => self.schema.forget(),
            (Some(Remedy::LeaveOut), _) => row.without.extend(fault.fields),
            (Some(Remedy::Follow), Some(id)) if fault.is_gone() => row.step = Step::Gone(id, fault),
            (Some(Remedy::Follow), Some(id)) => row.step = Step::Converted(id),
            (_, None) if fault.code == "DUPLICATES_DETECTED" => row.step = Step::Explain(fault),
            _ => row.fail(fault.error("write lead", place)),
        }
    }

    /// What may help against this fault, and was not tried yet.
    fn remedy(&self, row: &mut Row<'_>, fault: &Fault) -> Option<Remedy> {
        let updates = matches!(row.step, Step::Update(_));
        let is_converted = fault.code == "CANNOT_UPDATE_CONVERTED_LEAD";
        let candidates = [
            (Remedy::Wait, fault.is_lock()),
            (Remedy::Describe, fault.is_about_schema()),
            (Remedy::LeaveOut, self.may_go_without(fault)),
            // Who made it meanwhile, and which record is it that was converted?
            (
                Remedy::LookAgain,
                fault.is_race_for(&self.shape.key_field) || (is_converted && !updates),
            ),
            (Remedy::Follow, updates && (is_converted || fault.is_gone())),
        ];
        let wanted = candidates.into_iter().filter(|(_, wanted)| *wanted);
        wanted.map(|(remedy, _)| remedy).find(|remedy| row.once(*remedy))
    }

    /// A value outside a picklist, or a field we may not write, where the operator can spare it.
    fn may_go_without(&self, fault: &Fault) -> bool {
        let is_list = fault.code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
        let is_field = fault.is_about_schema() && self.shape.missing == MissingFields::LeaveOut;
        let spared = |field: &String| *field != self.shape.key_field && !self.shape.is_required(field);
        (is_list || is_field) && !fault.fields.is_empty() && fault.fields.iter().all(spared)
    }
}

impl Kind {
    fn is_wanted_by(self, step: &Step) -> bool {
        match (self, step) {
            (Self::Create { allow_save }, Step::Create { allow_save: wanted }) => allow_save == *wanted,
            (Self::Update, Step::Update(_)) => true,
            _ => false,
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Create { .. } => Purpose::Create,
            Self::Update => Purpose::Update,
        }
    }
}
