//! The systems the documentation speaks of, under the names it gives them, spoken to over TLS.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::clock::{Clock, SystemClock};
use http::StatusCode;
use leadsync_sim::authority::Authority;
use leadsync_sim::azure_table::AzureTable;
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::marketo::Marketo;
use leadsync_sim::partner_center::{NewReferral, PartnerCenter};
use leadsync_sim::salesforce::Salesforce;
use leadsync_sim::serve::{Server, listen};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use super::machine::Machine;

/// What every system's app proves itself by, as `worlds/installed.sh` writes it.
const SECRET: &str = "rehearsal-client-secret-0123456789";

/// The key of the storage account.
const TABLE_KEY: &str = "cmVoZWFyc2FsLXRhYmxlLWtleS0wMTIzNDU2Nzg5YWI=";
/// The application of Dynamics 365.
const APP: &str = "00000000-0000-0000-0000-000000000000";
/// The application a person signs in to.
const PUBLIC_APP: &str = "00000000-0000-0000-0000-000000000001";
/// Who signs in.
const ADMIN: &str = "ada@contoso.example";

/// The systems; they end with this.
pub(super) struct Town {
    servers: Vec<Server>,
    runtime: Runtime,
    authority: Authority,
    hosts: String,
}

impl Town {
    /// Builds all of them, and lets the machine know and trust their names.
    pub(super) fn build(machine: &Machine) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut town = Self {
            servers: Vec::new(),
            authority: Authority::new().unwrap(),
            hosts: String::new(),
            runtime,
        };
        town.open_crms();
        town.introduce(machine);
        town
    }

    fn open_crms(&mut self) {
        let seconds: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(|| now().timestamp());
        let salesforce = Salesforce::new(Arc::clone(&seconds));
        salesforce.add_app("3MVG9contoso", SECRET);
        salesforce.behind_tls();
        self.open(
            &["contoso.my.salesforce.com", "login.salesforce.com"],
            &salesforce.router(),
        );

        let entra = Entra::new(
            "00000000-0000-4000-8000-000000000001",
            "contoso.onmicrosoft.com",
            Arc::clone(&seconds),
        );
        entra.add_secret(APP, SECRET, None);
        entra.add_public_client(PUBLIC_APP, &["http://localhost"]);
        entra.add_user(ADMIN, &["Referrals admin"]);
        entra.poll_every(1);
        self.open(&["login.microsoftonline.com"], &entra.router());
        let dynamics = Dataverse::new(&entra, seconds);
        dynamics.at("https://contoso.crm4.dynamics.com");
        self.open(&["contoso.crm4.dynamics.com"], &dynamics.router());

        let center = PartnerCenter::new(&entra, Arc::new(now));
        for audience in [
            "https://api.partner.microsoft.com",
            "https://api.partnercenter.microsoft.com",
        ] {
            entra.consent(PUBLIC_APP, audience);
        }
        self.open(&["api.partner.microsoft.com"], &center.referrals_router());
        self.open(&["api.partnercenter.microsoft.com"], &center.webhooks_router());

        let marketo = Marketo::new(
            "rehearsal-client-id",
            SECRET,
            Arc::new(|| now().timestamp_millis()),
        );
        self.open(&["123-pqr-789.mktorest.com"], &marketo.router());
        let table = AzureTable::new("contosoleads", TABLE_KEY, now());
        self.open(&["contosoleads.table.core.windows.net"], &table.router());
        self.open_front();
        let hook = Router::new().fallback(receive);
        self.open(&["hooks.example.com"], &hook);
        self.open_hall(entra, center);
    }

    /// The publisher's own proxy: TLS in front of the daemon.
    fn open_front(&mut self) {
        let address = SocketAddr::from((Ipv4Addr::new(198, 18, 0, 200), 443));
        let tls = TlsAcceptor::from(self.authority.server("leads.example.com").unwrap());
        let listener = self.runtime.block_on(TcpListener::bind(address)).unwrap();
        self.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    let mut outside = tls.accept(stream).await?;
                    let mut inside = TcpStream::connect((Ipv4Addr::LOCALHOST, 8080)).await?;
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        writeln!(self.hosts, "{} leads.example.com", address.ip()).unwrap();
    }

    /// Where a script may have done what people do elsewhere.
    fn open_hall(&mut self, entra: Entra, center: PartnerCenter) {
        let sign_in = move |Path(code): Path<String>| async move {
            if entra.sign_in_on_device(&code, ADMIN) {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            }
        };
        let refer = move |Path(email): Path<String>| async move {
            center.create(NewReferral::marketplace_lead(&email))
        };
        let hall = Router::new()
            .route("/sign-in/{code}", get(sign_in))
            .route("/refer/{email}", get(refer));
        let address = SocketAddr::from((Ipv4Addr::new(198, 18, 0, 250), 80));
        let server = self.runtime.block_on(listen(hall, address, None)).unwrap();
        self.servers.push(server);
        writeln!(self.hosts, "{} townhall", address.ip()).unwrap();
    }

    fn open(&mut self, names: &[&str], router: &Router) {
        for name in names {
            let number = u8::try_from(self.servers.len() + 1).unwrap();
            let address = SocketAddr::from((Ipv4Addr::new(198, 18, 0, number), 443));
            let tls = self.authority.server(name).unwrap();
            let server = self
                .runtime
                .block_on(listen(router.clone(), address, Some(tls.into())))
                .unwrap();
            self.servers.push(server);
            writeln!(self.hosts, "{} {name}", address.ip()).unwrap();
        }
    }

    fn introduce(&self, machine: &Machine) {
        for (file, more) in [
            ("/etc/hosts", self.hosts.clone()),
            ("/etc/ssl/certs/ca-certificates.crt", self.authority.pem()),
        ] {
            let place = machine.inside(file);
            let known = std::fs::read_to_string(&place).unwrap_or_default();
            std::fs::write(place, known + "\n" + &more).unwrap();
        }
    }
}

/// A receiver that refuses whoever is called Nobody.
async fn receive(body: Bytes) -> StatusCode {
    let refused = body.windows(6).any(|part| part == b"Nobody");
    if refused {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    }
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}
