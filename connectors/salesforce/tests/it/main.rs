//! The connector in front of a strict org: what it promises, and every way it could be got wrong.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of a test are part of the test"
)]

mod bulk;
mod conformance;
mod converted;
mod duplicates;
mod exactly_once;
mod figures;
mod outcomes;
mod ready;
mod records;
mod referral;
mod traps;
mod world;
