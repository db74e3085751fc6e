//! The connector against a strict simulator of Dataverse and Entra, over real connections.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod destination;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod exactly_once;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod mistakes_reading;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod provision;
#[cfg(test)]
mod referral;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod way_in;
#[cfg(test)]
mod world;
