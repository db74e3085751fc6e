//! The pretended Partner Center is not content with less than all.

use chrono::{DateTime, TimeDelta};
use connector_kit::clock::ManualClock;
use connector_kit::dice::Dice;

use super::*;
use crate::demo::customers::LAST_CHANCE;

async fn center(clock: &ManualClock) -> Center {
    let site = Site::prepare(&Dice::seeded(1)).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let time = Arc::clone(&clock);
    let seconds = Arc::new(move || time.now().timestamp());
    let login = Entra::new("00000000-0000-4000-8000-000000000001", "demo.example", seconds);
    Center::open(&site, &clock, &login).await.unwrap()
}

/// What is wrong, without the id of the referral.
fn faults(center: &Center) -> Vec<String> {
    let ids: Vec<String> = center.referred().into_iter().map(|one| one.id).collect();
    let anonymous = |fault: String| ids.iter().fold(fault, |text, id| text.replace(id, "it"));
    center.faults().into_iter().map(anonymous).collect()
}

#[tokio::test]
async fn a_referral_expires_when_nobody_looks_and_the_others_are_missed() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_795_176_000, 0).unwrap());
    let center = center(&clock).await;
    center.refer();
    assert_eq!(
        center.standings(),
        Standings {
            new: 5,
            ..Standings::default()
        }
    );

    clock.advance(LAST_CHANCE + TimeDelta::milliseconds(1));
    let standings = center.standings();
    assert_eq!((standings.new, standings.expired), (4, 1));
    let expected = [
        "the status of it is New and should be Closed",
        "the substatus of it is Pending and should be Won",
        "the value of it is null and should be 52000.0",
        "the currency of it is null and should be EUR",
        "it was accepted 0 times",
        "the status of it is New and should be Closed",
        "the substatus of it is Pending and should be Declined",
        "the reason of it is null and should be Cannot Contact",
        "the status of it is New and should be Closed",
        "the substatus of it is Pending and should be Lost",
        "the reason of it is null and should be Out-Sold",
        "it was accepted 0 times",
    ];
    let mut expected = expected.map(|fault| format!("{NAME}: {fault}")).to_vec();
    expected.push(format!("{NAME} could not tell of anything"));
    assert_eq!(faults(&center), expected);
}

#[tokio::test]
async fn what_stands_right_without_having_been_accepted_by_us_is_a_fault() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_795_176_000, 0).unwrap());
    let center = center(&clock).await;
    center.refer();
    for one in center.referred() {
        match one.customer.fate {
            Fate::Won => {
                let (value, currency) = DEAL;
                center.service.edit(
                    &one.id,
                    &[
                        ("/details/dealValue", value.into()),
                        ("/details/currency", currency.into()),
                    ],
                );
                center.service.accept(&one.id);
                center.service.close(&one.id, "Won", None);
            }
            Fate::Declined => center.service.close(&one.id, "Declined", Some(REASONS[0].1)),
            Fate::Lost => center.service.close(&one.id, "Lost", Some(REASONS[1].1)),
            Fate::Refused => {}
            Fate::Expired => center.service.expire(&one.id),
        }
    }
    let unaccepted = format!("{NAME}: it was accepted 0 times");
    let untold = format!("{NAME} could not tell of anything");
    assert_eq!(faults(&center), [unaccepted.clone(), unaccepted, untold]);
}
