//! Dataverse and the authority that issues its tokens, behind one door (contract dynamics365).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use http::StatusCode;
use leadsync_sim::dataverse::{Dataverse, Limits as Protection};
use leadsync_sim::entra::Entra;
use leadsync_sim::webhook::UnixClock;
use tower::ServiceExt as _;

use super::{Asked, Call, Limits, Manners, System, number_in};
use crate::clock;
use crate::lead::{POISON, markers, markers_in_order};
use crate::subject::{CLIENT_ID, CLIENT_SECRET, SinkKind, TENANT};

/// The tenant's id; the daemon knows it by its domain.
const TENANT_ID: &str = "72f988bf-0000-0000-0000-2d7cd011db47";

/// Where data is asked for; everything else at this door is the authority's.
const DATA: &str = "/api/data/";

/// What `leadsync provision` makes for the shipped mapping: name, length.
const COLUMNS: [(&str, usize); 5] = [
    ("lsync_MarketplaceLeadId", 100),
    ("lsync_LeadSource", 500),
    ("lsync_ActionCode", 30),
    ("lsync_Publisher", 200),
    ("lsync_Offer", 200),
];

pub(super) struct Environment {
    dataverse: Dataverse,
    entra: Entra,
}

impl Environment {
    pub(super) fn new(manners: Manners, address: SocketAddr) -> Self {
        let unix: UnixClock = Arc::new(|| clock::unix_millis() / 1000);
        let entra = Entra::new(TENANT_ID, TENANT, Arc::clone(&unix));
        entra.add_secret(CLIENT_ID, CLIENT_SECRET, None);
        let dataverse = Dataverse::new(&entra, unix);
        let origin = format!("http://{address}");
        entra.at(&origin);
        dataverse.at(&origin);
        for (name, most) in COLUMNS {
            dataverse.add_text_column("lead", name, most);
        }
        dataverse.add_moment_column("lead", "lsync_ReceivedAt");
        dataverse.add_key("lead", "lsync_MarketplaceLeadKey", &["lsync_marketplaceleadid"]);
        match manners.limits {
            Limits::Published => {}
            Limits::Stricter(calls) => dataverse.set_limits(Protection {
                requests: calls,
                window: 20,
                ..Protection::default()
            }),
            Limits::None => dataverse.set_limits(Protection::none()),
        }
        if manners.poison {
            dataverse.refuse_rows_with(POISON, SinkKind::Dynamics365.refusal());
        }
        if !manners.bulk_action {
            dataverse.refuse_upsert_multiple("lead");
        }
        Self { dataverse, entra }
    }
}

impl System for Environment {
    fn router(&self) -> Router {
        let (data, login) = (self.dataverse.router(), self.entra.router());
        Router::new().fallback(move |request: Request| {
            let data_is_asked_for = request.uri().path().starts_with(DATA);
            let router = if data_is_asked_for { &data } else { &login };
            let answer = router.clone().oneshot(request);
            async move {
                match answer.await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        })
    }

    fn judge(&self, asked: &Asked, status: StatusCode, answer: &[u8]) -> (Call, Vec<u64>) {
        if !asked.path.starts_with(DATA) {
            return (Call::Free, Vec::new());
        }
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => (Call::Throttled, Vec::new()),
            _ if !status.is_success() => (Call::Failed, Vec::new()),
            _ if asked.path.ends_with("/$batch") => (Call::Done, written(&asked.body, answer)),
            _ => (Call::Done, markers(&asked.body)),
        }
    }

    fn records(&self) -> Vec<u64> {
        let leads = self.dataverse.rows("lead");
        let addresses = leads.iter().filter_map(|row| row.get("emailaddress1")?.as_str());
        addresses.filter_map(number_in).collect()
    }
}

/// The leads of a batch that went well; every lead is a request of its own, answered in their order.
fn written(batch: &[u8], answer: &[u8]) -> Vec<u64> {
    let mut leads = markers_in_order(batch);
    leads.dedup();
    let statuses = part_statuses(answer);
    if statuses.len() != leads.len() {
        return Vec::new();
    }
    let went_well = |(lead, status): (u64, StatusCode)| status.is_success().then_some(lead);
    leads.into_iter().zip(statuses).filter_map(went_well).collect()
}

/// The status of every part of a batch's answer.
fn part_statuses(answer: &[u8]) -> Vec<StatusCode> {
    let needle = b"HTTP/1.1 ";
    answer
        .windows(needle.len() + 3)
        .filter(|window| window.starts_with(needle))
        .filter_map(|window| StatusCode::from_bytes(&window[needle.len()..]).ok())
        .collect()
}
