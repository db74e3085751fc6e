//! The connector against strict simulators of both hosts, the signer and Entra, over real connections.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod source;
#[cfg(test)]
mod world;
