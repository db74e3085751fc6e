//! Looks whether the receiver is there, and sends a test when asked to.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector_kit::http::redact;
use connector_kit::{ConfigError, ConnectorContext, ConnectorError, ConnectorSettings, Probe, ProbeReport};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::api::Endpoint;
use crate::config::PayloadFormat;
use crate::render::Call;

#[async_trait]
impl Probe for Endpoint {
    /// Config, secrets, name, address, TLS and token. What the receiver thinks of leads, only a
    /// lead can tell: see [`send_test`].
    async fn probe(&self) -> Result<ProbeReport, ConnectorError> {
        let (status, has_token) = self.knock().await?;
        let mut findings = Vec::new();
        if has_token {
            findings.push("a token was fetched".to_owned());
        }
        findings.push(format!(
            "{} is there (it answers {} to OPTIONS)",
            self.reading.host,
            status.as_u16()
        ));
        Ok(ProbeReport { findings })
    }
}

/// What came of a test.
#[derive(Clone, Debug)]
pub struct TestAnswer {
    /// The status of the answer.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
    /// The first part of the answer, secrets masked.
    pub answer: String,
    /// What the answer would have meant for a lead.
    pub verdict: Result<(), ConnectorError>,
}

/// Sends a test event, signed and authenticated like any other: `connection.test`, or a lead of
/// Microsoft's own test pattern in the microsoft formats (contract https-endpoint 9).
pub async fn send_test(
    settings: &ConnectorSettings,
    context: &ConnectorContext,
) -> Result<Result<TestAnswer, ConnectorError>, ConfigError> {
    let endpoint = Endpoint::new(settings, context)?;
    Ok(endpoint.send_test().await)
}

impl Endpoint {
    async fn send_test(&self) -> Result<TestAnswer, ConnectorError> {
        let call = self.test_call();
        let begin = self.clock.now();
        let answer = self.answer(&call).await?;
        let end = self.clock.now();
        Ok(TestAnswer {
            status: answer.status().as_u16(),
            took: (end - begin).to_std().unwrap_or_default(),
            answer: redact::answer(answer.body(), self.reading.secrets()),
            verdict: self.reading.read(&answer, end).map(|_| ()),
        })
    }

    fn test_call(&self) -> Call {
        let mut number = [0; 8];
        self.dice.fill(&mut number);
        // Eighteen digits, as in Microsoft's own.
        let digits = format!("{:018}", u64::from_be_bytes(number) % 1_000_000_000_000_000_000);
        let id = format!("test-{digits}");
        let body = self.test_body(&id, &digits);
        let mut headers = HeaderMap::new();
        let content_type = match self.format {
            PayloadFormat::CloudeventsStructured => "application/cloudevents+json; charset=utf-8",
            _ => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if self.format == PayloadFormat::CloudeventsBinary {
            headers.insert("ce-specversion", HeaderValue::from_static("1.0"));
            headers.insert("ce-source", HeaderValue::from_static("/leadsync/test"));
            headers.insert("ce-type", HeaderValue::from_static("leadsync.connection.test"));
            if let Ok(value) = HeaderValue::from_str(&id) {
                headers.insert("ce-id", value);
            }
        }
        Call {
            id,
            body: Bytes::from(body.to_string()),
            headers,
        }
    }

    fn test_body(&self, id: &str, digits: &str) -> Value {
        let now = self.clock.now();
        match self.format {
            PayloadFormat::Standard => json!({ "type": "connection.test", "timestamp": now, "data": {} }),
            PayloadFormat::CloudeventsBinary => json!({}),
            PayloadFormat::CloudeventsStructured => json!({
                "specversion": "1.0", "id": id, "source": "/leadsync/test", "type": "leadsync.connection.test",
                "time": now, "datacontenttype": "application/json", "data": {},
            }),
            PayloadFormat::Microsoft | PayloadFormat::MicrosoftPlus => microsoft_test(digits),
        }
    }
}

fn microsoft_test(digits: &str) -> Value {
    let text = format!("MSFT_TEST_{digits}");
    json!({
        "UserDetails": {
            "FirstName": text, "LastName": text, "Email": format!("{text}@test.com"), "Phone": "1234567890",
            "Country": "US", "Company": text, "Title": text,
        },
        "LeadSource": "AzureMarketplace", "ActionCode": "INS", "OfferTitle": "leadsync connection test",
        "Description": text,
    })
}
