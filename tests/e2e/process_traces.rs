//! Traces as a collector gets them: OTLP over HTTP, from the real program.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post as posting;
use leadsync_sim::partner_center::NewReferral;
use leadsync_sim::webhook::Answer;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Word;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::process::{
    Circuit, Daemon, Destination, House, Plan, Town, eventually, lead_body, lead_path, post,
};

/// A collector that keeps what it gets, and what it cannot read.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    services: BTreeSet<String>,
    bytes: Vec<u8>,
}

impl Collector {
    fn open(town: &mut Town) -> (Self, SocketAddr) {
        let collector = Self::default();
        let router = Router::new()
            .route("/v1/traces", posting(take))
            .with_state(collector.clone());
        (collector, town.open(router))
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().spans.clone()
    }

    /// Nothing that was sent holds this word of a person or a secret.
    #[track_caller]
    fn assert_discreet(&self, word: &str) {
        let all = String::from_utf8_lossy(&self.0.lock().unwrap().bytes).to_lowercase();
        assert!(!all.contains(word), "{word}");
    }
}

async fn take(State(collector): State<Collector>, body: Bytes) -> Bytes {
    let mut kept = collector.0.lock().unwrap();
    kept.bytes.extend_from_slice(&body);
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for resource in request.resource_spans {
        let about = resource.resource.unwrap_or_default().attributes;
        kept.services.extend(words(&about).remove("service.name"));
        for scope in resource.scope_spans {
            kept.spans.extend(scope.spans);
        }
    }
    Bytes::new()
}

fn words(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> BTreeMap<String, String> {
    let word = |attribute: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        let value = match attribute.value.clone()?.value? {
            Word::StringValue(text) => text,
            Word::IntValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Some((attribute.key.clone(), value))
    };
    attributes.iter().filter_map(word).collect()
}

fn hex(bytes: &[u8]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes.try_into().unwrap()))
}

/// A house whose leads go to `crm`, and whose traces go to the collector.
fn house(destination: &Destination, collector: SocketAddr, sample: &str) -> House {
    let traces = format!("[traces]\nendpoint = \"http://{collector}\"\nsample = {sample}\n");
    House::build(&Plan {
        connectors: BTreeMap::from([("crm", destination.connector_with(""))]),
        // A table of its own, behind the lines of `[clocks]`.
        clocks: Box::leak(traces.into_boxed_str()),
        ..Plan::default()
    })
}

fn tell(house: &House, email: &str) {
    let answer = house.send(&post(&lead_path(), &lead_body(email))).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_lead_is_one_trace_over_rooms_and_restarts_and_names_nobody() {
    let mut town = Town::new();
    let (collector, address) = Collector::open(&mut town);
    let destination = Destination::open();
    let house = house(&destination, address, "1.0");
    destination.webhook.answer_next([Answer::status(500)]);
    let mut daemon = Daemon::start(&house);
    tell(&house, "ada@engines.example");
    eventually("a first attempt", || {
        (destination.webhook.count() > 0).then_some(())
    });
    daemon.stop();
    let mut daemon = Daemon::start(&house);
    house.await_quiet();
    daemon.stop();

    let lead = house.ask(&["leads"])[0]["id"].as_str().unwrap().to_owned();
    let spans = collector.spans();
    let traces: BTreeSet<String> = spans.iter().map(|span| hex(&span.trace_id)).collect();
    assert_eq!(
        traces,
        BTreeSet::from([lead.clone()]),
        "the trace has the lead's id"
    );
    let ids: BTreeSet<&[u8]> = spans.iter().map(|span| &*span.span_id).collect();
    assert_eq!(ids.len(), spans.len(), "no span is told of twice");

    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|span| span.name == name).collect() };
    let [receive] = named("receive")[..] else {
        panic!("one arrival: {spans:?}");
    };
    assert!(receive.parent_span_id.is_empty(), "it comes first");
    assert!(
        spans
            .iter()
            .filter(|span| span.name != "receive")
            .all(|span| span.parent_span_id == receive.span_id)
    );
    assert_eq!(named("settle").len(), 1);
    let attempts: Vec<_> = named("deliver crm")
        .iter()
        .map(|span| words(&span.attributes))
        .collect();
    assert_eq!(attempts.len(), 2, "before and after the restart: {attempts:?}");
    let fates: Vec<&str> = attempts.iter().map(|about| &*about["fate"]).collect();
    assert_eq!(fates, ["retried", "delivered"]);
    assert_eq!(attempts[0]["error.type"], "broken");
    assert!(
        attempts
            .iter()
            .all(|about| about["lead.id"] == lead && about["destination"] == "crm")
    );
    assert!(
        spans
            .iter()
            .all(|span| span.start_time_unix_nano <= span.end_time_unix_nano)
    );

    let services = collector.0.lock().unwrap().services.clone();
    assert_eq!(services, BTreeSet::from(["leadsync".to_owned()]));
    for word in ["ada", "lovelace", "engines", "901820", "canary", "founder"] {
        collector.assert_discreet(word);
    }
}

#[test]
fn what_a_crm_says_and_each_step_of_reporting_it_stand_in_the_leads_trace() {
    let mut town = Town::new();
    let (collector, address) = Collector::open(&mut town);
    let circuit = Circuit::with_events();
    circuit
        .house
        .add_settings(&format!("[traces]\nendpoint = \"http://{address}\"\n"));
    let mut daemon = circuit.start();
    let customer = NewReferral::marketplace_lead("nightingale.mail@nightingalehost.example")
        .person("Nightingalefirst", "Nightingalelast")
        .named("Nightingale deal")
        .notes("nightingale would like to know more");
    let referral = circuit.center.create(customer);
    circuit.tell();
    let opportunity = circuit.qualify(&circuit.arrived(&referral));
    circuit.await_stage(&referral, "Active/Accepted");
    circuit.win(&opportunity);
    circuit.await_stage(&referral, "Closed/Won");
    circuit.await_rest();
    daemon.stop();

    let spans = collector.spans();
    let traces: BTreeSet<&[u8]> = spans.iter().map(|span| &*span.trace_id).collect();
    assert_eq!(traces.len(), 1, "one lead, one trace");
    let about = |name: &str| -> Vec<BTreeMap<String, String>> {
        let named = spans.iter().filter(|span| span.name == name);
        named.map(|span| words(&span.attributes)).collect()
    };
    let stages: Vec<String> = about("outcome").iter().map(|one| one["stage"].clone()).collect();
    assert!(stages.iter().any(|stage| stage == "won"), "{stages:?}");
    let reports = about("report desk");
    assert!(
        reports.iter().all(|one| one["referral.id"] == referral),
        "{reports:?}"
    );
    assert!(
        reports.iter().any(|one| one["result"] == "settled"),
        "{reports:?}"
    );
    for step in ["report step accept", "report step win"] {
        assert_eq!(about(step).len(), 1, "{step}: {spans:?}");
        assert_eq!(about(step)[0]["result"], "done");
    }
    collector.assert_discreet("nightingale");
}

#[test]
fn a_share_of_none_sends_nothing_and_a_collector_that_is_away_harms_nobody() {
    let mut town = Town::new();
    let (collector, address) = Collector::open(&mut town);
    let destination = Destination::open();
    let silent = house(&destination, address, "0.0");
    let mut daemon = Daemon::start(&silent);
    tell(&silent, "ada@engines.example");
    silent.await_quiet();
    daemon.stop();
    assert_eq!(collector.spans(), Vec::new());

    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let alone = house(&destination, nobody, "1");
    let mut daemon = Daemon::start(&alone);
    tell(&alone, "bob@engines.example");
    alone.await_quiet();
    daemon.stop();
    assert_eq!(destination.records().len(), 2);
    let log = alone.log();
    let complaints = log.lines().filter(|line| line.contains("traces_not_taken"));
    assert_eq!(complaints.count(), 1, "{log}");
}
