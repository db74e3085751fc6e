//! The one way out: requests with time-outs, body limits, a target policy and nothing in the logs.

pub mod transport;

pub use transport::{
    Fault, Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
