//! The do-not-contact gate, asked when a delivery is leased and again when it is written.

use connector_kit::{EventKind, Gate};

/// What the gate needs to know of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The lead must not be contacted.
    pub dnc: bool,
    /// The revision the destination confirmed; 0 when none.
    pub held: u32,
    /// The destination may hold a record although it confirmed none.
    pub uncertain: bool,
}

/// Whether and how the delivery goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It goes.
    Go(EventKind, Gate),
    /// The destination never heard of the person, and never will.
    Withhold,
}

/// Decides. A record that may exist is marked do-not-contact; one that cannot exist is never made.
pub fn pass(standing: Standing) -> Passage {
    match (standing.dnc, standing.held, standing.uncertain) {
        (true, 0, false) => Passage::Withhold,
        (true, _, _) => Passage::Go(EventKind::Suppressed, Gate::DoNotContact),
        (false, 0, _) => Passage::Go(EventKind::Created, Gate::Open),
        (false, _, _) => Passage::Go(EventKind::Updated, Gate::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_must_not_be_contacted_never_becomes_a_contactable_record() {
        let suppressed = Passage::Go(EventKind::Suppressed, Gate::DoNotContact);
        let table = [
            (true, 0, false, Passage::Withhold),
            (true, 0, true, suppressed),
            (true, 3, false, suppressed),
            (true, 3, true, suppressed),
            (false, 0, false, Passage::Go(EventKind::Created, Gate::Open)),
            (false, 0, true, Passage::Go(EventKind::Created, Gate::Open)),
            (false, 2, false, Passage::Go(EventKind::Updated, Gate::Open)),
        ];
        for (dnc, held, uncertain, expected) in table {
            assert_eq!(pass(Standing { dnc, held, uncertain }), expected);
        }
    }
}
