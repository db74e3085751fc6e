//! The connector against a strict simulator, and against Microsoft's own emulator.

#[cfg(test)]
mod azurite;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod destination;
#[cfg(test)]
mod login;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod source;
#[cfg(test)]
mod support;
