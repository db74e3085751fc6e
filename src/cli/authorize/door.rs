//! Where the browser comes back to: a port of this machine, for one answer to one sign-in.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use connector_kit::ConnectorError;
use connector_kit::token::{Brought, CodeRequest};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{Method, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::cli::Exit;

/// The browser has this long to fetch the page that says it may be closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// Open, and nobody has come yet.
pub(super) struct Door {
    listener: TcpListener,
    redirect: Url,
    port: u16,
}

/// What the browser brought.
type Answer = Result<Brought, ConnectorError>;

#[derive(Clone)]
struct Porter {
    request: Arc<CodeRequest>,
    told: mpsc::Sender<Answer>,
}

impl Door {
    /// Opens the port, or any that is free, for this machine alone.
    pub(super) async fn open(port: Option<u16>) -> Result<Self, Exit> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let cannot = |why: String| {
            Exit::failed(format!(
                "cannot listen on {address}: {why}; choose another --port"
            ))
        };
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| cannot(error.to_string()))?;
        let port = listener.local_addr()?.port();
        // By this name authorities let the port be any (RFC 8252 7.3).
        let redirect =
            Url::parse(&format!("http://localhost:{port}/")).map_err(|error| cannot(error.to_string()))?;
        Ok(Self {
            listener,
            redirect,
            port,
        })
    }

    /// Where the browser is to be sent back to.
    pub(super) fn redirect(&self) -> &Url {
        &self.redirect
    }

    /// The port alone.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for an answer to this request; whoever brings anything else is sent away. None when
    /// nobody came in time.
    pub(super) async fn wait(self, request: Arc<CodeRequest>, patience: Duration) -> Option<Answer> {
        let (told, mut hears) = mpsc::channel(1);
        let router = Router::new()
            .fallback(come_back)
            .with_state(Porter { request, told });
        let closed = CancellationToken::new();
        let serving =
            axum::serve(self.listener, router).with_graceful_shutdown(closed.clone().cancelled_owned());
        let serving = tokio::spawn(serving.into_future());
        let answer = timeout(patience, hears.recv()).await;
        closed.cancel();
        // Whoever still holds a connection open holds nobody up.
        let abort = serving.abort_handle();
        if timeout(FAREWELL, serving).await.is_err() {
            abort.abort();
        }
        answer.ok().flatten()
    }
}

async fn come_back(State(porter): State<Porter>, request: Request) -> Response {
    let is_answer = request.method() == Method::GET && request.uri().path() == "/";
    let query = request.uri().query().filter(|_| is_answer).unwrap_or_default();
    let Some(answer) = porter.request.brought(query) else {
        return page(
            StatusCode::BAD_REQUEST,
            "This does not belong to the sign-in that is under way.",
        );
    };
    let text = match answer {
        Ok(_) => "You may close this window: what comes next is told where you began.",
        Err(_) => "The sign-in was refused. You may close this window: what to do is told where you began.",
    };
    // A browser that asks twice is shown the same page; the first answer is the one that counts.
    let _ = porter.told.try_send(answer);
    page(StatusCode::OK, text)
}

/// A page that loads nothing, is kept nowhere, and tells no other page where it was.
fn page(status: StatusCode, text: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONNECTION, "close"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    let body = format!("<!doctype html>\n<title>leadsync</title>\n<p>{text}</p>\n");
    (status, headers, body).into_response()
}
