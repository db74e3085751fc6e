//! What wears out is looked at in time, and told without filling the log.

use std::collections::VecDeque;
use std::sync::Mutex;

use tracing::Level;

use super::*;
use crate::log::Log;
use crate::runtime::Ticks;

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// Finds what a test planned; the last plan holds.
struct Planned(Mutex<VecDeque<Vec<Check>>>);

#[async_trait]
impl Upkeep for Planned {
    async fn tend(&self) -> Vec<Check> {
        let mut plans = self.0.lock().unwrap();
        let next = if plans.len() > 1 {
            plans.pop_front()
        } else {
            plans.front().cloned()
        };
        next.expect("planned")
    }
}

struct World {
    board: Noticeboard,
    metrics: Arc<Metrics>,
    worker: UpkeepWorker,
}

fn world(plans: impl IntoIterator<Item = Vec<Check>>) -> World {
    let board = Noticeboard::default();
    let metrics = Arc::new(Metrics::new(Ticks::by_hand().0));
    let worker = UpkeepWorker::new(UpkeepParts {
        name: "partner".into(),
        upkeep: Arc::new(Planned(Mutex::new(plans.into_iter().collect()))),
        board: board.clone(),
        metrics: Arc::clone(&metrics),
    });
    World {
        board,
        metrics,
        worker,
    }
}

fn well() -> Check {
    Check::well("sign-in", "somebody is signed in")
}

fn ailing() -> Check {
    Check::ailing("sign-in", "9 days are left", "run leadsync authorize partner")
}

fn ill(found: &str) -> Check {
    Check::ill("sign-in", found, "run leadsync authorize partner")
}

/// Lets the worker look at these minutes past noon; the level of each line that was told, by look.
async fn told(world: &mut World, minutes: &[i64]) -> Vec<Vec<String>> {
    let mut told = Vec::new();
    for minute in minutes {
        let log = Log::listen(Level::INFO);
        world
            .worker
            .step(noon() + TimeDelta::minutes(*minute))
            .await
            .unwrap();
        let text = log.text();
        let level = |line: &str| line.split_whitespace().next().unwrap().to_owned();
        told.push(text.lines().map(level).collect());
    }
    told
}

#[tokio::test]
async fn it_looks_at_the_start_then_once_an_hour_and_more_often_while_something_is_ill() {
    let mut world = world([vec![well()], vec![ill("nobody has signed in")], vec![ailing()]]);
    let minutes = |minutes: i64| noon() + TimeDelta::minutes(minutes);
    for (now, next) in [(0, 60), (59, 60), (60, 70), (69, 70), (70, 130)] {
        let found = world.worker.step(minutes(now)).await.unwrap();
        assert_eq!(found, Next::At(minutes(next)), "after {now} minutes");
    }
    assert_eq!(world.board.all()["partner"].at, minutes(70));
}

#[tokio::test]
async fn the_same_is_told_once_an_hour_a_change_at_once_and_what_is_well_only_after_an_illness() {
    let first = vec![ill("nobody has signed in")];
    let mut plans = vec![first; 7];
    plans.push(vec![ill("the sign-in was refused")]);
    plans.push(vec![Check::unknown("sign-in", "nobody answered")]);
    plans.push(vec![ailing()]);
    plans.push(vec![well()]);
    plans.push(vec![well()]);
    let mut world = world(plans);
    let minutes = [0, 10, 20, 30, 40, 50, 60, 70, 80, 140, 200, 260];
    let told = told(&mut world, &minutes).await;
    let levels: Vec<&str> = told
        .iter()
        .map(|lines| lines.first().map_or("", String::as_str))
        .collect();
    let expected = [
        "ERROR", "", "", "", "", "", "ERROR", "ERROR", "", "WARN", "INFO", "",
    ];
    assert_eq!(levels, expected);
    assert!(told.iter().all(|lines| lines.len() <= 1));
}

#[tokio::test]
async fn what_was_found_is_shown_by_number_and_by_word() {
    let unknown = Check::unknown("registration", "not looked at");
    let mut world = world([vec![ailing(), unknown], vec![ill("refused"), well_registered()]]);
    world.worker.step(noon()).await.unwrap();
    let page = world.metrics.text().unwrap();
    for line in [
        "leadsync_upkeep_health{connector=\"partner\",check=\"sign-in\"} 2",
        "leadsync_upkeep_health{connector=\"partner\",check=\"registration\"} 1",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert!(world.board.all()["partner"].is_well(), "a warning is no illness");

    world.worker.step(noon() + TimeDelta::hours(1)).await.unwrap();
    let page = world.metrics.text().unwrap();
    for line in [
        "leadsync_upkeep_health{connector=\"partner\",check=\"sign-in\"} 3",
        "leadsync_upkeep_health{connector=\"partner\",check=\"registration\"} 0",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    let all = world.board.all();
    assert!(!all["partner"].is_well());
    assert_eq!(all["partner"].checks, [ill("refused"), well_registered()]);
}

#[tokio::test]
async fn of_what_is_looked_at_no_more_no_number_is_left() {
    let ends = well().until(noon() + TimeDelta::days(9));
    let unknown = Check::unknown("sign-in", "nobody answered");
    let mut world = world([vec![ends, well_registered()], vec![unknown], vec![well()]]);
    let expiry = "leadsync_credential_expiry_timestamp_seconds{connector=\"partner\"";
    let registration = "check=\"registration\"";
    for (hours, has_expiry, has_registration) in [(0, true, true), (1, true, false), (2, false, false)] {
        world.worker.step(noon() + TimeDelta::hours(hours)).await.unwrap();
        let page = world.metrics.text().unwrap();
        assert_eq!(page.contains(expiry), has_expiry, "{hours}: {page}");
        assert_eq!(page.contains(registration), has_registration, "{hours}: {page}");
    }
}

fn well_registered() -> Check {
    Check::well("registration", "events come here")
}

#[tokio::test]
async fn a_connector_that_breaks_inside_is_itself_an_illness() {
    let mut world = world([]);
    world.worker.step(noon()).await.unwrap();
    let all = world.board.all();
    assert_eq!(all["partner"].checks[0].name, "upkeep");
    assert!(!all["partner"].is_well());
}
