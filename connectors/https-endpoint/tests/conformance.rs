//! The kit's promises, over real TCP, in every format that names its leads.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are part of the test")]

// The promises of the kit stand below; what this connector promises beyond them, in these.
mod alerts;
mod answers;
mod batches;
mod formats;
mod traps;
mod world;

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::conformance::{self, DestinationHarness, HeldRecord, System, leads};
use connector_kit::{Destination, LeadDelivery};
use leadsync_sim::webhook::strict::Form;

use world::World;

struct Harness {
    form: Form,
    settings: &'static str,
}

struct Receiver(World);

#[async_trait]
impl System for Receiver {
    async fn records(&self) -> Vec<HeldRecord> {
        assert_eq!(self.0.hook.complaints(), Vec::<String>::new());
        let held = self.0.hook.leads().into_iter().map(|lead| HeldRecord {
            key: lead.id,
            revision: (lead.revision > 0).then(|| u32::try_from(lead.revision).unwrap()),
            text: lead.data.to_string(),
        });
        held.collect()
    }
}

#[async_trait]
impl DestinationHarness for Harness {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn System>) {
        let world = World::with(self.form, self.settings).await;
        world.hook.refuse_containing("Company666Canary");
        (world.destination.clone(), Arc::new(Receiver(world)))
    }

    fn unacceptable(&self) -> Option<LeadDelivery> {
        Some(leads::delivery(666))
    }
}

async fn keep_every_promise(form: Form, settings: &'static str) {
    conformance::destination(&Harness { form, settings }).await;
}

#[tokio::test]
async fn the_standard_format_keeps_every_promise() {
    keep_every_promise(Form::Standard, "").await;
}

#[tokio::test]
async fn the_standard_format_keeps_every_promise_in_batches() {
    keep_every_promise(Form::Standard, "batch_max = 10").await;
}

#[tokio::test]
async fn microsofts_format_with_our_ids_keeps_every_promise() {
    keep_every_promise(Form::MicrosoftPlus, "payload_format = 'microsoft_plus'").await;
}

#[tokio::test]
async fn microsofts_format_with_our_ids_keeps_every_promise_in_batches() {
    keep_every_promise(
        Form::MicrosoftPlus,
        "payload_format = 'microsoft_plus'\nbatch_max = 10",
    )
    .await;
}

#[tokio::test]
async fn structured_cloud_events_keep_every_promise() {
    keep_every_promise(Form::Structured, "payload_format = 'cloudevents_structured'").await;
}

#[tokio::test]
async fn structured_cloud_events_keep_every_promise_in_batches() {
    keep_every_promise(
        Form::Structured,
        "payload_format = 'cloudevents_structured'\nbatch_max = 10",
    )
    .await;
}

#[tokio::test]
async fn binary_cloud_events_keep_every_promise() {
    keep_every_promise(Form::Binary, "payload_format = 'cloudevents_binary'").await;
}

#[tokio::test]
async fn a_canary_is_taken_back_by_a_signed_event_in_every_format() {
    for (form, settings, pointer) in [
        (Form::Standard, "", "/data/leadId"),
        (
            Form::Structured,
            "payload_format = 'cloudevents_structured'",
            "/data/leadId",
        ),
        (Form::Binary, "payload_format = 'cloudevents_binary'", "/leadId"),
    ] {
        let harness = Harness { form, settings };
        let world = World::with(form, settings).await;
        let withdraw = world.connector.withdraw.clone().unwrap();
        let (destination, hook) = (world.destination.clone(), world.hook.clone());
        conformance::withdrawal(&*destination, &*withdraw, &Receiver(world)).await;
        let canary = leads::canary(1).lead().to_string();
        assert!(
            hook.leads().iter().all(|lead| lead.id != canary),
            "{}",
            harness.settings
        );
        let id = format!("{canary}-withdrawn");
        let told: Vec<_> = hook
            .requests()
            .into_iter()
            .filter(|request| request.header("webhook-id") == Some(&id))
            .collect();
        assert_eq!(told.len(), 2, "once more is the same event");
        assert_eq!(told[0].json().pointer(pointer), Some(&canary.as_str().into()));
    }
}
