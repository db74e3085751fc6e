//! What `check` and `doctor` are told.

use chrono::TimeDelta;
use connector_kit::{ErrorKind, Role};
use leadsync_sim::azure_table::{Fault, Shape};

use crate::support::{OTHER_KEY, World};

#[tokio::test]
async fn a_table_that_is_there_is_found() {
    let mut world = World::new(Role::Source, "");
    world.service.create_table("MarketplaceLeads");
    let report = world
        .connector()
        .probe
        .expect("a probe")
        .probe()
        .await
        .expect("reachable");
    assert!(
        report.findings.iter().any(|finding| finding.contains("is there")),
        "{report:?}"
    );
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.contains("contosoleads")),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_missing_table_is_told_by_who_makes_it() {
    for (role, settings, words) in [
        (Role::Source, "", "Microsoft makes it"),
        (Role::Destination, "", "made with the first lead"),
    ] {
        let report = World::new(role, settings)
            .connector()
            .probe
            .expect("a probe")
            .probe()
            .await
            .expect("reachable");
        assert!(
            report.findings.iter().any(|finding| finding.contains(words)),
            "{report:?}"
        );
    }
    let mut world = World::new(Role::Destination, "create_table = false");
    let error = world
        .connector()
        .probe
        .expect("a probe")
        .probe()
        .await
        .expect_err("missing");
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
}

#[tokio::test]
async fn a_wrong_key_is_told_before_the_first_lead() {
    let mut world = World::new(Role::Destination, "");
    world.service.set_keys(&[OTHER_KEY]);
    let error = world
        .connector()
        .probe
        .expect("a probe")
        .probe()
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.hint_text().is_some());
}

#[tokio::test]
async fn credentials_that_may_only_write_are_enough_for_a_destination() {
    let refuse = || Fault::Refuse {
        status: 403,
        code: "AuthorizationPermissionMismatch",
        retry_after: None,
        shape: Shape::Xml,
    };
    let mut world = World::new(Role::Destination, "");
    world.service.fail_next([refuse()]);
    let report = world
        .connector()
        .probe
        .expect("a probe")
        .probe()
        .await
        .expect("enough");
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.contains("may not be read")),
        "{report:?}"
    );
    let mut world = World::new(Role::Source, "");
    world.service.fail_next([refuse()]);
    let error = world
        .connector()
        .probe
        .expect("a probe")
        .probe()
        .await
        .expect_err("not enough");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_clock_that_is_off_is_told() {
    let mut world = World::new(Role::Source, "");
    world.clock.advance(TimeDelta::minutes(16));
    let error = world
        .connector()
        .probe
        .expect("a probe")
        .probe()
        .await
        .expect_err("refused");
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.contains("16 minutes ahead")),
        "{:?}",
        error.hint_text()
    );
}
