//! `leadsync send-test`: what Microsoft's *Validate* button does, from the operator's own shell.

use std::path::PathBuf;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use clap::Args;
use connector_kit::http::{TransportSettings, redact};
use serde_json::Value;
use url::Url;

use super::{Exit, Place, house, screen};
use crate::app::Outside;

#[derive(Debug, Args)]
pub(super) struct SendTestArgs {
    /// The intake URL as given to Partner Center: `https://host/v1/leads/SOURCE/SECRET`
    #[arg(hide_env_values = true)]
    url: String,
    /// PEM file of a private CA to trust besides the system's
    #[arg(long)]
    ca_file: Option<PathBuf>,
}

/// Ticks of .NET between the years 1 and 1970, in 100 ns.
const TICKS_BEFORE_1970: i64 = 621_355_968_000_000_000;

/// What came back for a posted lead.
pub(super) struct Posted {
    pub(super) status: http::StatusCode,
    pub(super) took_ms: i64,
    pub(super) text: String,
}

/// Posts the test lead and shows what came back; never the secret.
pub(super) fn send_test(place: &Place, args: &SendTestArgs) -> Result<(), Exit> {
    let url = Url::parse(&args.url).map_err(|error| Exit::failed(format!("that is not a URL: {error}")))?;
    let outside = house::outside()?;
    let body = body(outside.clock.now());
    let posted = house::runtime()?.block_on(post(&outside, &url, args.ca_file.as_ref(), &body))?;
    let Posted {
        status,
        took_ms,
        text,
    } = posted;
    if place.json {
        screen::json(
            &serde_json::json!({ "url": masked(&url), "status": status.as_u16(), "duration_ms": took_ms, "answer": text }),
        );
    } else {
        screen::line(format_args!(
            "{}  {status}  {took_ms} ms\n{}",
            masked(&url),
            screen::clean(&text)
        ));
    }
    if status.is_success() {
        return Ok(());
    }
    Err(Exit::failed(remedy(status.as_u16())))
}

/// Posts a lead as Microsoft does.
pub(super) async fn post(
    outside: &Outside,
    url: &Url,
    ca_file: Option<&PathBuf>,
    body: &Value,
) -> Result<Posted, Exit> {
    let settings = TransportSettings {
        ca_file: ca_file.cloned(),
        ..house::to_ourselves(url)
    };
    let transport = outside
        .transports
        .transport(&settings)
        .map_err(|error| Exit::failed(error.to_string()))?;
    let request = http::Request::post(url.as_str())
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body.to_string()))
        .map_err(|error| Exit::failed(error.to_string()))?;
    let begun = outside.clock.now();
    let answer = transport.send(request).await;
    let took_ms = (outside.clock.now() - begun).num_milliseconds();
    let answer = answer.map_err(|error| Exit::unanswered(format!("{}: {error}", masked(url))))?;
    Ok(Posted {
        status: answer.status(),
        took_ms,
        text: redact::answer(answer.body(), std::iter::empty()),
    })
}

/// What is in the way of a lead that was answered so.
pub(super) fn remedy(status: u16) -> &'static str {
    match status {
        404 => "not found: compare source and secret with [sources.*] of the config, and the proxy's path",
        401 | 403 => "something before leadsync refuses: look at the proxy",
        429 => "too fast: wait, or raise rate_per_address",
        503 => "leadsync cannot keep leads now: see /readyz, and free space of the disk",
        _ => "the lead was not taken",
    }
}

/// The URL without its secret.
pub(super) fn masked(url: &Url) -> String {
    let shown = redact::url(url);
    match shown.rsplit_once('/') {
        Some((head, _)) => format!("{head}/***"),
        None => shown,
    }
}

/// A lead shaped like Microsoft's test lead (contract partner-center 11.1).
pub(super) fn body(now: DateTime<Utc>) -> Value {
    let marker = format!("MSFT_TEST_{}", now.timestamp_micros() * 10 + TICKS_BEFORE_1970);
    serde_json::json!({
        "userDetails": {
            "FirstName": marker, "LastName": marker, "Email": format!("{marker}@test.com"),
            "Phone": "1234567890", "Country": "US", "Company": marker, "Title": marker,
        },
        "LeadSource": "AzureMarketplace", "ActionCode": "INS", "OfferTitle": "leadsync send-test", "Description": marker,
    })
}
