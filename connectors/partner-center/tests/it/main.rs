//! The connector against strict simulators of both hosts, the signer and Entra, over real connections.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod source;
#[cfg(test)]
mod traps;
#[cfg(test)]
mod webhook;
#[cfg(test)]
mod webhook_fetches;
#[cfg(test)]
mod world;
