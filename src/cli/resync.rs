//! `leadsync resync`: what the ledger says is delivered is delivered again; and a newcomer gets what it missed.

use std::io::{IsTerminal, Write};

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args};
use connector_kit::lead::Person;
use connector_kit::nearest::did_you_mean;
use connector_kit::{DestinationName, LeadId, Role};

use super::when::{self, When};
use super::{Exit, Place, house, screen};
use crate::config::Loaded;
use crate::route::Routes;
use crate::store::{DestinationStatus, LeadKey, OrderedAgain, Store, SurveyAsk, SurveyOf, Surveyed};

/// Leads looked at, and ordered, in one transaction.
const PAGE: usize = 500;
/// More than so many are asked about first.
const MANY: u64 = 1_000;

/// What to deliver again.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["since", "lead", "all"])))]
#[command(after_help = "\
Leads the destination has confirmed become due once more, behind everything live. A record that is there is
changed as by any other delivery: one record per lead, and fields written only when a record is made
(write = \"create_only\", \"if_empty\") stay as they are. A record that is gone is made anew. A destination that
was added later gets, for the first time, the leads a route sends there now.
Left as they are: what is on its way, dead letters (see dead-letters requeue), records closed in the CRM, and
leads that must not be contacted or go nowhere by another rule, or whose person [retention] cleared away. The gate is asked again before each write.
Ends with
  0   ordered, or nothing to do
  1   not confirmed
  66  there is no such destination or lead")]
pub(super) struct ResyncArgs {
    /// The destination
    destination: String,
    /// Those confirmed, or for a newcomer revised, since then: 7d, 2026-11-01, or 2026-11-01T08:30:00Z
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    since: Option<When>,
    /// These leads
    #[arg(long, value_name = "ID", num_args = 1..)]
    lead: Vec<LeadId>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Tell how many, and order nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask, however many they are
    #[arg(long)]
    yes: bool,
}

/// Counts, asks where it is much, and orders.
pub(super) fn resync(place: &Place, args: &ResyncArgs) -> Result<(), Exit> {
    let loaded = house::config(place)?;
    let name = destination(&loaded, &args.destination)?;
    let work = Work {
        routes: loaded.routes()?,
        destination: name.clone(),
        now: house::now(),
    };
    let (counted, before) = house::ask(place, |store| async move {
        let counted = work.go_through(&store, args, false).await?;
        Ok((counted, status(&store, &work.destination, work.now).await?))
    })?;
    let wanted = counted.again + counted.new;
    if args.dry_run || wanted == 0 {
        tell(place, &name, counted, before.as_ref(), None);
        return Ok(());
    }
    if wanted > MANY && !args.yes {
        confirm(&name, wanted)?;
    }
    let work = Work {
        routes: loaded.routes()?,
        destination: name.clone(),
        now: house::now(),
    };
    let (ordered, after) = house::act(place, |store| async move {
        let ordered = work.go_through(&store, args, true).await?;
        Ok((ordered, status(&store, &work.destination, work.now).await?))
    })?;
    tell(place, &name, ordered, before.as_ref(), after.as_ref());
    Ok(())
}

/// The destination of this name, as the config has it.
fn destination(loaded: &Loaded, name: &str) -> Result<DestinationName, Exit> {
    let playing = loaded
        .connectors
        .iter()
        .filter(|file| file.roles.contains(&Role::Destination));
    let known: Vec<&str> = playing.map(|file| file.name.as_str()).collect();
    if known.contains(&name) {
        return Ok(DestinationName::new(name));
    }
    let guess = did_you_mean(name, known.iter().copied());
    let all = known.join(", ");
    Err(Exit::missing(format!(
        "no destination is named {name:?}{guess}; in the config: {all}"
    )))
}

/// What is gone through, and by which routes.
struct Work {
    routes: Routes,
    destination: DestinationName,
    now: DateTime<Utc>,
}

impl Work {
    /// Page by page; orders what may be ordered, or only counts it.
    async fn go_through(
        &self,
        store: &impl Store,
        args: &ResyncArgs,
        order: bool,
    ) -> Result<OrderedAgain, Exit> {
        let mut sum = OrderedAgain::default();
        if !args.lead.is_empty() {
            let page = self.page(store, SurveyOf::These(args.lead.clone()), None).await?;
            if page.is_empty() {
                return Err(Exit::missing("none of these leads is in the store"));
            }
            sum += self.take(store, &page, order).await?;
            // Those without a route were asked for by name: they are told of, too.
            sum.left += page.len() as u64 - (sum.again + sum.new + sum.left);
            return Ok(sum);
        }
        let since = match args.since {
            Some(when) if !args.all => when.seen_from(self.now),
            _ => DateTime::UNIX_EPOCH,
        };
        for which in [SurveyOf::Delivered(since), SurveyOf::Never(since)] {
            let mut after = None;
            loop {
                let page = self.page(store, which.clone(), after).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.key);
                sum += self.take(store, &page, order).await?;
            }
        }
        Ok(sum)
    }

    async fn page(
        &self,
        store: &impl Store,
        which: SurveyOf,
        after: Option<LeadKey>,
    ) -> Result<Vec<Surveyed>, Exit> {
        let ask = SurveyAsk {
            destination: self.destination.clone(),
            which,
            after,
            limit: PAGE,
        };
        Ok(store.survey(ask).await?)
    }

    async fn take(&self, store: &impl Store, page: &[Surveyed], order: bool) -> Result<OrderedAgain, Exit> {
        // A lead without a delivery that no route sends there is not left behind: it was never meant.
        let meant = page.iter().filter(|lead| {
            lead.delivery.is_some() || self.routes.choose(&lead.lead).contains(&self.destination)
        });
        if !order {
            return Ok(meant.fold(OrderedAgain::default(), |mut sum, lead| {
                sum += foreseen(lead);
                sum
            }));
        }
        let (emptied, whole): (Vec<&Surveyed>, Vec<&Surveyed>) = meant.partition(|lead| is_emptied(lead));
        let keys = whole.iter().map(|lead| lead.key).collect();
        let mut ordered = store.order_again(&self.destination, keys, self.now).await?;
        ordered.left += emptied.len() as u64;
        Ok(ordered)
    }
}

/// Retention took the person out of it: a delivery would empty the record over there, or make one of nobody.
fn is_emptied(lead: &Surveyed) -> bool {
    lead.lead.person == Person::default()
}

/// What an order would do with this lead.
fn foreseen(lead: &Surveyed) -> OrderedAgain {
    let one = |again, new| OrderedAgain {
        again,
        new,
        left: 1 - again - new,
    };
    match &lead.delivery {
        _ if lead.lead.dnc || is_emptied(lead) => one(0, 0),
        Some(delivery) => one(u64::from(delivery.state == "delivered"), 0),
        None => one(0, u64::from(lead.may_go())),
    }
}

async fn status(
    store: &impl Store,
    destination: &DestinationName,
    now: DateTime<Utc>,
) -> Result<Option<DestinationStatus>, Exit> {
    let all = store.destinations(now).await?;
    Ok(all.into_iter().find(|status| status.name == *destination))
}

/// A person is asked; where none is there, nothing is done.
fn confirm(destination: &DestinationName, wanted: u64) -> Result<(), Exit> {
    if !std::io::stdin().is_terminal() {
        let text =
            format!("{wanted} leads would go to {destination}: say --yes, for nobody can be asked here");
        return Err(Exit::failed(text));
    }
    let _ = write!(
        std::io::stderr().lock(),
        "{wanted} leads go to {destination} once more, behind everything live. Go on? [y/N] "
    );
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Exit::failed("nothing is ordered"))
}

fn tell(
    place: &Place,
    destination: &DestinationName,
    counted: OrderedAgain,
    before: Option<&DestinationStatus>,
    after: Option<&DestinationStatus>,
) {
    if place.json {
        let told = serde_json::json!({
            "destination": destination, "ordered": after.is_some(),
            "again": counted.again, "new": counted.new, "left": counted.left,
            "before": before.map(standing), "after": after.map(standing),
        });
        return screen::json(&told);
    }
    screen::line(format_args!("{destination}"));
    sentences(counted, after.is_some())
        .into_iter()
        .for_each(screen::line);
    for (word, status) in [("before", before), ("after", after)] {
        let Some(status) = status else { continue };
        screen::line(format_args!(
            "  {word:<7}  {} delivered, {} on their way, {} closed there, {} dead letters",
            status.delivered,
            status.due + status.waiting,
            status.closed,
            status.dead
        ));
    }
    if after.is_some() {
        screen::line("they go behind everything live; leadsync status shows how many are still on their way");
    }
}

fn standing(status: &DestinationStatus) -> serde_json::Value {
    serde_json::json!({
        "delivered": status.delivered, "due": status.due, "waiting": status.waiting,
        "dead": status.dead, "closed": status.closed,
    })
}

/// What is, or would be, done with how many.
fn sentences(counted: OrderedAgain, ordered: bool) -> Vec<String> {
    let verb = if ordered { "due" } else { "would be due" };
    let counts = [
        (counted.again, format!("{verb} again")),
        (
            counted.new,
            format!("{verb} for the first time: a route sends them there now"),
        ),
        (
            counted.left,
            "left as they are: closed there, on their way, dead, not to be contacted, or cleared by retention"
                .to_owned(),
        ),
    ];
    let told = counts.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told
        .map(|(count, words)| format!("  {count:>7}  {words}"))
        .collect();
    if told.is_empty() {
        return vec!["  nothing to deliver again".to_owned()];
    }
    told
}
