//! The connector against a strict simulator, and against Microsoft's own emulator.

mod azurite;
mod destination;
mod probe;
mod source;
mod support;
