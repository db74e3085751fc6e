//! Posts as Microsoft does, over HTTPS: the samples one after the other, each exactly once, and events.

use std::sync::Arc;
use std::time::Duration;

use connector_kit::http::{Request, Transport, TransportFactory, TransportSettings};
use http::header::CONTENT_TYPE;
use leadsync_sim::partner_center::Delivery;

use super::listener::{Listener, Step};
use super::samples::Sample;
use super::{DemoError, Site};

/// Between two leads, so that one can watch.
const PAUSE: Duration = Duration::from_millis(60);

/// Posts to the daemon's public door.
pub struct Sender {
    transport: Arc<dyn Transport>,
    url: String,
}

impl Sender {
    /// Trusts the demo's certificate and nothing else on this machine.
    pub fn new(transports: &dyn TransportFactory, site: &Site, port: u16) -> Result<Self, DemoError> {
        let settings = TransportSettings {
            allow_private_targets: vec!["127.0.0.0/8".to_owned()],
            allowed_ports: vec![port],
            ca_file: Some(site.ca_file()),
            ..TransportSettings::default()
        };
        let transport = transports
            .transport(&settings)
            .map_err(DemoError::while_doing("post leads"))?;
        Ok(Self {
            transport,
            url: site.intake_url(port),
        })
    }

    /// Posts every sample and tells of those that were refused. Any other answer than the expected ends it.
    pub async fn send_all(&self, samples: Vec<Sample>, listener: &Listener) -> Result<(), DemoError> {
        for sample in samples {
            let answer = self.post(&sample).await?;
            if answer != sample.answer {
                let found = format!("a sample was answered {answer} instead of {}", sample.answer);
                return Err(DemoError::while_doing("post leads")(found));
            }
            if answer != 200 {
                listener.tell(Step::Refused { status: answer });
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Posts an event; the status it is answered with.
    pub async fn tell(&self, event: Delivery) -> Option<u16> {
        let mut request = http::Request::post(&event.url);
        for (name, value) in event.headers() {
            request = request.header(name, value);
        }
        let request: Request = request.body(event.body.clone()).ok()?;
        let answer = self.transport.send(request).await.ok()?;
        Some(answer.status().as_u16())
    }

    async fn post(&self, sample: &Sample) -> Result<u16, DemoError> {
        let request: Request = http::Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .body(sample.body.clone())
            .map_err(DemoError::while_doing("post leads"))?;
        let answer = self
            .transport
            .send(request)
            .await
            .map_err(DemoError::while_doing("post leads"))?;
        Ok(answer.status().as_u16())
    }
}
