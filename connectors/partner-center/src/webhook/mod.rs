//! The other side tells of changes by itself (contract partner-center 8): who is registered for them,
//! whether what comes is theirs, and whom else it is passed on to.

// 1. Is it theirs?
mod certificate;
mod chain;
mod notice;
mod proof;
mod roots;
mod verify;

// 2. Who hears of changes?
mod registration;
mod tee;

pub(crate) use certificate::{Certificates, transport};
pub(crate) use chain::Trust;
pub(crate) use registration::{Holder, Registrar};
pub(crate) use tee::{FormerReceiver, Formers};
pub(crate) use verify::Verifier;
