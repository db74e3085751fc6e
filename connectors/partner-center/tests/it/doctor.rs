//! A healthy way is well; each harm is one illness with its remedy.

use connector_kit::{Check, Health, Upkeep};
use leadsync_sim::faults::Fault;
use leadsync_sim::partner_center::{NewReferral, Signing};

use crate::world::{ADDRESS, ADMIN, APP, CENTER, PARTNER, World};

async fn examine(world: &mut World) -> Vec<Check> {
    world.connector().doctor.unwrap().examine().await
}

fn of<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks
        .iter()
        .find(|check| check.name == name)
        .unwrap_or_else(|| panic!("{name}: {checks:#?}"))
}

/// The servers tell the machine's time, which is not that of the test.
fn in_our_time(checks: &[Check]) -> impl Iterator<Item = &Check> {
    checks.iter().filter(|check| !check.name.ends_with("clock"))
}

fn names(checks: &[Check]) -> Vec<&str> {
    checks.iter().map(|check| check.name).collect()
}

#[tokio::test]
async fn a_healthy_way_is_well_on_both_hosts() {
    let mut world = World::hearing("").await;
    world.center.register(ADDRESS, true);
    world.lead(1);
    let checks = examine(&mut world).await;
    assert_eq!(
        names(&checks),
        [
            "dns",
            "connection",
            "tls",
            "clock",
            "sign-in",
            "token",
            "referrals",
            "marketplace-leads",
            "webhook-dns",
            "webhook-connection",
            "webhook-tls",
            "webhook-clock",
            "webhook-token",
            "webhook-registration",
            "webhook-certificate"
        ]
    );
    // The simulators are addresses without TLS.
    for check in in_our_time(&checks) {
        let unseen = ["dns", "tls", "webhook-dns", "webhook-tls"].contains(&check.name);
        let expected = if unseen { Health::Unknown } else { Health::Well };
        assert_eq!(check.health, expected, "{check}");
    }
    assert!(of(&checks, "sign-in").found.ends_with("signed in 0 days ago"));
    assert!(
        of(&checks, "marketplace-leads")
            .found
            .contains("are among the referrals")
    );
    assert!(of(&checks, "webhook-certificate").found.contains("2048-01-01"));
    assert!(world.center.writes().is_empty(), "a look changes nothing");
}

#[tokio::test]
async fn without_events_the_other_host_is_left_alone() {
    let mut world = World::new().await;
    world.center.create(NewReferral::sales_qualified("x@y.example"));
    let checks = examine(&mut world).await;
    assert_eq!(of(&checks, "webhook").health, Health::Unknown);
    assert_eq!(world.center.center_faults.requests(), 0);
    let marketplace = of(&checks, "marketplace-leads");
    assert_eq!(marketplace.health, Health::Unknown, "there may be none");
    assert!(marketplace.found.contains("does not show them"), "{marketplace}");
}

#[tokio::test]
async fn each_harm_is_one_illness_with_its_remedy() {
    type Harm = fn(&World);
    let harms: [(&str, Harm, &str, &str); 5] = [
        (
            "sign-in",
            |world| world.entra.revoke_user(ADMIN),
            "token",
            "leadsync authorize",
        ),
        (
            "role",
            |world| world.entra.set_roles(ADMIN, &[]),
            "referrals",
            "Referrals admin",
        ),
        (
            "consent",
            |world| world.entra.withdraw_consent(APP, PARTNER),
            "token",
            "consent",
        ),
        (
            "down",
            |world| (0..9).for_each(|_| world.center.referral_faults.next(Fault::CutBefore)),
            "connection",
            "",
        ),
        (
            "broken",
            |world| {
                world.center.referral_faults.on_request(2, Fault::status(500));
            },
            "referrals",
            "try again",
        ),
    ];
    for (harm, hurt, name, remedy) in harms {
        let mut world = World::hearing("").await;
        world.center.register(ADDRESS, true);
        hurt(&world);
        let checks = examine(&mut world).await;
        let ill: Vec<_> = checks
            .iter()
            .filter(|check| check.health == Health::Ill)
            .collect();
        assert_eq!(ill.len(), 1, "{harm}: {checks:#?}");
        assert_eq!(ill[0].name, name, "{harm}: {}", ill[0]);
        assert!(
            ill[0].remedy.to_lowercase().contains(&remedy.to_lowercase()),
            "{harm}: {}",
            ill[0]
        );
    }
}

#[tokio::test]
async fn nobody_signed_in_is_told_first() {
    let mut world = World::bare("").await;
    let checks = examine(&mut world).await;
    assert!(
        of(&checks, "sign-in")
            .remedy
            .contains("leadsync authorize partner")
    );
    assert_eq!(of(&checks, "referrals").health, Health::Unknown);
}

#[tokio::test]
async fn what_is_wrong_with_events_is_a_warning_for_referrals_come_all_the_same() {
    type Harm = fn(&World);
    let harms: [(&str, Harm); 4] = [
        ("webhook-token", |world| world.entra.withdraw_consent(APP, CENTER)),
        ("webhook-connection", |world| {
            world.center.center_faults.next(Fault::CutBefore);
        }),
        ("webhook-certificate", |world| {
            world.center.sign_as(&Signing {
                trusted: false,
                ..Signing::default()
            });
        }),
        ("webhook-registration", |world| {
            world.center.register("https://other.example/x", true);
        }),
    ];
    for (name, hurt) in harms {
        let mut world = World::hearing("").await;
        world.center.register(ADDRESS, true);
        hurt(&world);
        let checks = examine(&mut world).await;
        let ailing: Vec<_> = in_our_time(&checks)
            .filter(|check| check.health > Health::Unknown)
            .collect();
        assert_eq!(ailing.len(), 1, "{name}: {checks:#?}");
        assert_eq!((ailing[0].name, ailing[0].health), (name, Health::Ailing));
        assert!(!ailing[0].remedy.is_empty());
    }
}

async fn sign_in(upkeep: &dyn Upkeep) -> Check {
    let mut checks = upkeep.tend().await;
    checks.remove(0)
}

#[tokio::test]
async fn the_end_of_a_sign_in_is_told_thirty_days_before() {
    let mut world = World::new().await;
    let upkeep = world.connector().upkeep.unwrap();
    assert_eq!(sign_in(upkeep.as_ref()).await.health, Health::Well);
    let day = 86_400;
    world.pass(59 * day);
    assert_eq!(sign_in(upkeep.as_ref()).await.health, Health::Well);
    for (days, left) in [(1, 30), (16, 14), (7, 7), (6, 1)] {
        world.pass(days * day);
        let check = sign_in(upkeep.as_ref()).await;
        assert_eq!(check.health, Health::Ailing);
        assert!(check.found.contains(&format!("{left} days are left")), "{check}");
        assert!(check.remedy.contains("leadsync authorize partner"));
    }
    world.pass(2 * day);
    assert_eq!(sign_in(upkeep.as_ref()).await.health, Health::Ill);
}
