//! Pretend systems: real HTTP servers, strict about what they accept, faulty on demand.
//!
//! Nothing here leans on the daemon or its connectors: a simulator that shares types with the code
//! it tests shares its mistakes.

// How any of them gets onto a socket.
pub mod authority;
pub mod serve;

// What goes wrong on the way.
pub mod faults;

// The systems.
pub mod azure_table;
pub mod dataverse;
pub mod entra;
pub mod lead_sender;
pub mod marketo;
pub mod partner_center;
pub mod salesforce;
pub mod webhook;
