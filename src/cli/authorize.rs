//! `leadsync authorize`: a person signs in, and the connector acts for them from then on.

mod door;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use connector_kit::clock::{Clock, SystemClock};
use connector_kit::token::{Authorized, DeviceRequest};
use connector_kit::{Authorizer, ConnectorError, ErrorKind};
use url::Url;

use super::{Exit, Place, house, screen};
use door::Door;

/// How long a browser may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// For whom, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
Neither the daemon nor its store is needed; a running daemon uses the new sign-in from its next request on.
Signing in again replaces what was kept before. With --json each step is one object.
Ends with
  0   somebody signed in, and it is kept
  4   nobody did in time
  66  there is no such connector, or nobody has to sign in for it
  69  the other side does not answer
  73  what is given could not be kept
  77  it was refused; the message says why")]
pub(super) struct AuthorizeArgs {
    /// The connector, as its file in connectors.d is called
    #[arg(value_name = "CONNECTOR")]
    connector: String,
    /// By a code that is typed in a browser anywhere, instead of one that reaches this machine
    #[arg(long)]
    device: bool,
    /// The port of this machine the browser comes back to; any that is free otherwise
    #[arg(long, value_name = "PORT", conflicts_with = "device")]
    port: Option<u16>,
    /// Do not tell how a browser on another machine comes back to this one
    #[arg(long, conflicts_with = "device")]
    no_browser_hint: bool,
}

/// What a person has to do next.
enum News<'a> {
    /// Open this address.
    Open { url: &'a Url, door: &'a Door },
    /// Type this code.
    Type(&'a DeviceRequest),
}

/// Waits for a person, and keeps what is given.
pub(super) fn authorize(place: &Place, args: &AuthorizeArgs) -> Result<(), Exit> {
    let connectors = house::connectors(place, std::slice::from_ref(&args.connector))?;
    let name = &args.connector;
    let authorizer = connectors
        .iter()
        .find_map(|(_, connector)| connector.authorizer.clone());
    let Some(authorizer) = authorizer else {
        let kind = connectors.first().map_or("", |(file, _)| file.kind.as_str());
        return Err(Exit::missing(format!(
            "nobody has to sign in for {name}: a connector of kind {kind} uses the credentials of its config"
        )));
    };
    let tell = |news: News<'_>| match news {
        _ if place.json => screen::json(&as_json(&news)),
        News::Open { url, door } => ask_to_open(url, door, args.no_browser_hint),
        News::Type(request) => ask_to_type(request),
    };
    let kept = house::runtime()?.block_on(async {
        authorizer
            .prepare()
            .await
            .map_err(|error| Exit::unkept(told(&error)))?;
        if args.device {
            on_device(authorizer.as_ref(), &SystemClock, &tell).await
        } else {
            let door = Door::open(args.port).await?;
            in_browser(authorizer.as_ref(), door, PATIENCE, &tell).await
        }
    })?;
    if place.json {
        screen::json(&serde_json::json!({
            "connector": name,
            "user": kept.user,
            "expires_at": kept.standing.expires_at,
        }));
    } else {
        thank(name, &kept);
    }
    Ok(())
}

/// Sends a browser away and waits for what it brings back.
async fn in_browser(
    authorizer: &dyn Authorizer,
    door: Door,
    patience: Duration,
    tell: &dyn Fn(News<'_>),
) -> Result<Authorized, Exit> {
    let request = Arc::new(authorizer.code_request(door.redirect()));
    tell(News::Open {
        url: &request.url,
        door: &door,
    });
    let Some(answer) = door.wait(Arc::clone(&request), patience).await else {
        return Err(too_late());
    };
    let brought = answer.map_err(|error| refused(&error))?;
    authorizer
        .redeem(&request, &brought.code, brought.state.expose())
        .await
        .map_err(|error| refused(&error))
}

/// Asks again and again whether the code was typed.
async fn on_device(
    authorizer: &dyn Authorizer,
    clock: &dyn Clock,
    tell: &dyn Fn(News<'_>),
) -> Result<Authorized, Exit> {
    let begun = authorizer.device_request().await;
    let mut request = begun.map_err(|error| refused(&error))?;
    tell(News::Type(&request));
    let mut pause = request.interval;
    loop {
        clock.rest(pause).await;
        if clock.now() >= request.expires_at {
            return Err(too_late());
        }
        let polled = authorizer.device_poll(&mut request).await;
        pause = request.interval;
        match polled {
            Ok(Some(kept)) => return Ok(kept),
            Ok(None) => {}
            // The person may be typing still: trouble that passes ends nothing.
            Err(error) if passes(&error) => pause = pause.max(error.wait().unwrap_or_default()),
            Err(error) => return Err(refused(&error)),
        }
    }
}

fn passes(error: &ConnectorError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Broken
    )
}

fn too_late() -> Exit {
    Exit::unfinished("nobody signed in in time; nothing has changed")
}

fn refused(error: &ConnectorError) -> Exit {
    if passes(error) {
        Exit::unanswered(told(error))
    } else {
        Exit::refused(told(error))
    }
}

fn told(error: &ConnectorError) -> String {
    let hint = error.hint_text().unwrap_or_default();
    // There is nothing to release before somebody has signed in.
    match hint.strip_suffix(", then release").unwrap_or(hint) {
        "" => format!("could not {error}"),
        hint => format!("could not {error}; {hint}"),
    }
}

fn ask_to_open(url: &Url, door: &Door, no_hint: bool) {
    screen::line("Open this address in a browser and sign in:");
    screen::line(format_args!("\n  {}\n", screen::clean_whole(url.as_str())));
    if !no_hint {
        let port = door.port();
        screen::line(format_args!(
            "The browser comes back to port {port} of this machine. From another machine, open a way there first:\n\
             \n  ssh -L {port}:127.0.0.1:{port} THIS-MACHINE\n\n\
             or use a code instead (--device)."
        ));
    }
    screen::line("Waiting for ten minutes at most ...");
}

fn ask_to_type(request: &DeviceRequest) {
    screen::line(format_args!(
        "Open {} in any browser and type this code:\n\n  {}\n",
        screen::clean_whole(&request.verification_uri),
        screen::clean(&request.user_code),
    ));
    screen::line(format_args!(
        "Waiting until {} UTC ...",
        request.expires_at.format("%H:%M")
    ));
}

fn thank(name: &str, kept: &Authorized) {
    let user = kept.user.as_deref().unwrap_or("somebody");
    let until = kept.standing.expires_at.map_or_else(String::new, |end| {
        format!(" until {}, longer each time it is used", end.format("%Y-%m-%d"))
    });
    screen::line(format_args!(
        "{name}: signed in as {}{until}",
        screen::clean(user)
    ));
    screen::line(format_args!(
        "If {name} is parked, open it again: leadsync release {name}"
    ));
}

fn as_json(news: &News<'_>) -> serde_json::Value {
    match news {
        News::Open { url, door } => serde_json::json!({ "open": url.as_str(), "port": door.port() }),
        News::Type(request) => serde_json::json!({
            "open": request.verification_uri,
            "user_code": request.user_code,
            "expires_at": request.expires_at,
        }),
    }
}

#[cfg(test)]
mod tests;
