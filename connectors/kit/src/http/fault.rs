//! The client's error becomes one of our faults: who was asked, what broke, and never the URL.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, Error as TlsError};

use super::dns::{AddressForbidden, LookupError};
use super::redact::Clean;
use super::transport::{Fault, TransportError};

/// Tells what went wrong between us and `host`.
pub(super) fn classify(error: reqwest::Error, host: &str) -> TransportError {
    let error = error.without_url();
    let fault = fault_of(&error);
    let cause = innermost(&error);
    let message = match fault {
        Fault::Forbidden => format!("{host}: address not allowed"),
        Fault::Dns => format!("{host}: name not resolved"),
        Fault::Timeout => format!("{host}: no whole answer in time"),
        Fault::Certificate => format!("{host}: certificate not valid for us ({})", Clean(&cause)),
        Fault::Identity => format!("{host}: our client certificate is refused ({})", Clean(&cause)),
        Fault::Connect if error.is_timeout() => format!("{host}: no connection in time"),
        Fault::Connect => format!("{host}: no connection ({})", Clean(&cause)),
        Fault::Cut | Fault::TooLarge | Fault::Invalid => format!("{host}: {}", Clean(&cause)),
    };
    TransportError::new(fault, message)
}

fn fault_of(error: &reqwest::Error) -> Fault {
    if is_forbidden(error) {
        Fault::Forbidden
    } else if let Some(fault) = find::<TlsError>(error).and_then(tls_fault) {
        fault
    } else if error.is_dns() {
        Fault::Dns
    } else if error.is_connect() {
        Fault::Connect
    } else if error.is_timeout() {
        Fault::Timeout
    } else if error.is_builder() {
        Fault::Invalid
    } else {
        Fault::Cut
    }
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    find::<AddressForbidden>(error).is_some()
        || matches!(find::<LookupError>(error), Some(LookupError::Forbidden(_)))
}

fn tls_fault(error: &TlsError) -> Option<Fault> {
    match error {
        TlsError::InvalidCertificate(_) | TlsError::NoCertificatesPresented => Some(Fault::Certificate),
        TlsError::AlertReceived(
            AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired,
        ) => Some(Fault::Identity),
        _ => None,
    }
}

/// Looks for a cause of type `T`, also inside `io::Error`, whose `source` skips its own content.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = cause(error);
    }
    None
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = cause(last) {
        last = next;
    }
    last.to_string()
}

fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
