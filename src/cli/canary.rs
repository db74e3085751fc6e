//! `leadsync canary`: a marked test lead goes the whole way, and is taken away again.

mod journey;
mod plan;
mod retreat;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use connector_kit::CanaryMark;
use serde_json::json;
use url::Url;

use super::send_test::{self, Posted};
use super::{Exit, Place, house, screen};
use crate::app::Outside;
use crate::store::sqlite::SqliteStore;
use crate::store::{AlarmStore, CanaryStory, Expected, Store, StoreError};
use journey::Journey;
use plan::Plan;
use retreat::Retreat;

#[derive(Debug, Args)]
pub(super) struct CanaryArgs {
    /// Only to this destination; may be given more than once
    #[arg(long = "destination", value_name = "NAME")]
    destinations: Vec<String>,
    /// The public address, without a source's path; otherwise `[canary] url` of the config
    #[arg(long)]
    url: Option<Url>,
    /// The source it goes through; otherwise `[canary] source`, or the only one there is
    #[arg(long)]
    source: Option<String>,
    /// How long its way may take
    #[arg(long, value_parser = humantime::parse_duration, default_value = "2m")]
    wait: Duration,
    /// Leave it where it went; the first canary half a minute after its --wait is over takes it away
    #[arg(long)]
    keep: bool,
}

/// How often is looked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Sends a canary, follows it, and takes it away.
pub(super) fn canary(place: &Place, args: &CanaryArgs) -> Result<(), Exit> {
    let loaded = house::config(place)?;
    let outside = house::outside()?;
    let plan = Plan::of(&loaded, args, &outside)?;
    let json = place.json;
    let connectors = if args.keep {
        Vec::new()
    } else {
        house::connectors(place, &plan.all_destinations)?
    };
    house::ask(place, |store| async move {
        let flight = Flight {
            plan,
            outside,
            store,
            json,
            retreat: Retreat::new(connectors),
        };
        flight.fly().await
    })
}

/// One canary on its way.
struct Flight {
    plan: Plan,
    outside: Outside,
    store: SqliteStore,
    json: bool,
    retreat: Retreat,
}

impl Flight {
    async fn fly(self) -> Result<(), Exit> {
        self.take_away_what_is_left().await?;
        let begun = self.outside.clock.now();
        let mark = self.announce(begun).await?;
        let mut journey = Journey::begin(&self.plan, begun, self.json);
        let posted = self.post(mark).await;
        match &posted {
            Ok(posted) => {
                journey.posted(posted);
                self.follow(mark, &mut journey).await?;
            }
            Err(_) => journey.not_posted(),
        }
        let waiting = self.store.totals().await?.unsettled;
        journey.judge(&self.store.destinations(self.outside.clock.now()).await?, waiting);
        journey.left = self.retreat(mark, &mut journey).await?;
        journey.tell();
        posted?;
        journey.verdict()
    }

    /// Whoever knows the mark may send the canary; nobody outside does before it is sent.
    async fn announce(&self, now: DateTime<Utc>) -> Result<CanaryMark, Exit> {
        let mut random = [0; 16];
        self.outside.dice.fill(&mut random);
        let mark = CanaryMark::new(random);
        let expected = Expected {
            mark,
            source: self.plan.source.clone(),
            destinations: self.plan.destinations.clone(),
            at: now,
            until: now + self.plan.wait,
        };
        self.store.expect(expected).await?;
        Ok(mark)
    }

    async fn post(&self, mark: CanaryMark) -> Result<Posted, Exit> {
        let Plan { url, ca_file, .. } = &self.plan;
        let body = body(mark, self.outside.clock.now());
        let posted = send_test::post(&self.outside, url, ca_file.as_ref(), &body).await?;
        if posted.status.is_success() {
            return Ok(posted);
        }
        let (shown, status) = (send_test::masked(url), posted.status);
        let remedy = send_test::remedy(status.as_u16());
        Err(Exit::unanswered(format!("{shown}: {status}: {remedy}")))
    }

    /// Looks again and again how far it is, until it has arrived everywhere or its time is over.
    async fn follow(&self, mark: CanaryMark, journey: &mut Journey) -> Result<(), StoreError> {
        let end = journey.begun + self.plan.wait;
        loop {
            if let Some(story) = self.story(mark).await? {
                journey.see(&story);
            }
            if journey.is_over() || self.outside.clock.now() >= end {
                return Ok(());
            }
            self.outside.clock.rest(LOOK_EVERY).await;
        }
    }

    async fn story(&self, mark: CanaryMark) -> Result<Option<CanaryStory>, StoreError> {
        let stories = self.store.canaries().await?;
        Ok(stories.into_iter().find(|story| story.expected.mark == mark))
    }

    /// Takes it away, and forgets it; tells what could not be done.
    async fn retreat(&self, mark: CanaryMark, journey: &mut Journey) -> Result<Option<String>, Exit> {
        if self.plan.keep {
            return Ok(None);
        }
        self.store.recall(mark, self.outside.clock.now()).await?;
        let mut looks = 50;
        let story = loop {
            let story = self.story(mark).await?;
            let is_called = story.as_ref().is_some_and(retreat::is_called);
            if !is_called || looks == 0 {
                break story;
            }
            looks -= 1;
            self.outside.clock.rest(LOOK_EVERY).await;
        };
        let Some(story) = story else { return Ok(None) };
        self.retreat.take_away(&self.store, &story, journey).await
    }

    /// Canaries of runs that were cut off.
    async fn take_away_what_is_left(&self) -> Result<(), Exit> {
        if self.plan.keep {
            return Ok(());
        }
        let now = self.outside.clock.now();
        // One whose time is not over belongs to somebody who follows it now.
        let margin = TimeDelta::seconds(30);
        for story in self.store.canaries().await? {
            if story.expected.until + margin > now {
                continue;
            }
            self.store.recall(story.expected.mark, now).await?;
            let mut journey = Journey::silent(&self.plan);
            let left = self.retreat.take_away(&self.store, &story, &mut journey).await?;
            if let Some(what) = left {
                screen::complain(&format!("an earlier canary: {what}"));
            }
        }
        Ok(())
    }
}

/// The body: Microsoft's test lead, so that whoever does not know the mark takes it for one.
fn body(mark: CanaryMark, now: DateTime<Utc>) -> serde_json::Value {
    let mut body = send_test::body(now);
    body["userDetails"]["FirstName"] = json!("leadsync");
    body["userDetails"]["LastName"] = json!(format!("canary {mark}"));
    body["userDetails"]["Email"] = json!(mark.address());
    body["OfferTitle"] = json!("leadsync canary");
    body
}
