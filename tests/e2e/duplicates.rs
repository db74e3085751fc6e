//! One person, one record: whatever arrives again, late, twice or in another order.

use chrono::TimeDelta;

use crate::world::{Plan, Posted, World, lead};
use leadsync::store::faulty::Failing;

const ADA: &str = "ada@example.com";

// F55
#[tokio::test]
async fn the_same_lead_five_times_in_26_hours_is_one_record_and_a_touch_after_the_window() {
    let mut world = World::start().await;
    let ada = lead(ADA);
    world.send(&ada).await;
    world.send(&ada).await;
    world.advance(TimeDelta::seconds(1)).await;
    world.send(&ada).await;
    world.advance(TimeDelta::hours(1)).await;
    world.send(&ada).await;
    world.run_until_idle().await;
    assert_eq!(world.leads().await[0].lead.touches.len(), 1);
    assert_eq!(world.crm.call_count(), 1, "a repeat is nothing to tell");

    world.advance(TimeDelta::hours(25)).await;
    world.send(&ada).await;
    world.run_until_idle().await;
    let leads = world.leads().await;
    assert_eq!((leads.len(), leads[0].lead.touches.len()), (1, 2));
    let totals = world.totals().await;
    assert_eq!((totals.repeats, totals.merged), (3, 1));
    assert_eq!(world.crm.record(ADA).unwrap().writes, 2);
    world.assert_all_settled().await;
}

// F56, I13
#[tokio::test]
async fn five_touches_in_any_order_make_the_same_record() {
    let touches = [
        lead(ADA),
        lead(ADA).did("PLT").titled("Countess"),
        lead(ADA).did("DNC"),
        lead("ADA@Example.COM")
            .with("contoso.backup")
            .of("Difference Engines"),
        lead(ADA).did("StartTestDrive"),
    ];
    let orders = permutations(touches.len());
    assert_eq!(orders.len(), 120);
    let mut seen = Vec::new();
    for order in &orders {
        let mut world = World::start().await;
        let at = world.now();
        for nth in order {
            // Each carries its own moment, as rows of a table do.
            let minutes = i64::try_from(*nth).unwrap();
            world
                .take_in_said_at(
                    &touches[*nth],
                    at - TimeDelta::hours(1) + TimeDelta::minutes(minutes),
                )
                .await;
            world.run_until_idle().await;
        }
        let leads = world.leads().await;
        assert_eq!(leads.len(), 1, "{order:?}");
        let mut lead = leads[0].lead.clone();
        lead.id = "0".repeat(32).parse().unwrap();
        seen.push(lead);
        assert_eq!(world.crm.contactable(), Vec::<String>::new(), "{order:?}");
        world.assert_all_settled().await;
    }
    for (lead, order) in seen.iter().zip(&orders) {
        assert_eq!(lead, &seen[0], "{order:?}");
    }
}

fn permutations(of: usize) -> Vec<Vec<usize>> {
    if of == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(of - 1);
    let longer = shorter.iter().flat_map(|order| {
        (0..of).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, of - 1);
            longer
        })
    });
    longer.collect()
}

// F57
#[tokio::test]
async fn a_sender_that_heard_no_answer_and_comes_again_makes_no_second_record() {
    let mut world = World::with(Plan {
        fault: Some((1, Failing::After)),
        ..Plan::default()
    })
    .await;
    let ada = lead(ADA);
    assert_eq!(
        world.post(&ada).await,
        Some(503),
        "the commit's outcome is unknown"
    );
    assert_eq!(world.post(&ada).await, Some(200));
    world.run_until_idle().await;
    assert_eq!(world.totals().await.accepted, 2);
    assert_eq!(world.crm.record(ADA).unwrap().writes, 1);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn leads_without_a_person_are_never_joined() {
    let mut world = World::start().await;
    let nobody: Vec<Posted> = (0..3).map(|_| lead("")).collect();
    for one in &nobody {
        world.post(one).await.unwrap();
    }
    world.run_until_idle().await;
    // The usual phone and company say who it is, even without an address.
    assert_eq!(world.leads().await.len(), 1);
    for one in nobody {
        world.post(&one.of("")).await.unwrap();
    }
    world.run_until_idle().await;
    assert_eq!(world.leads().await.len(), 4);
    assert_eq!(world.totals().await.delivered, 4);
}
