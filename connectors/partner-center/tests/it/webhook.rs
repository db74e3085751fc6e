//! Events are believed when they are theirs, and refused when they are not; nobody is asked about a
//! referral before.

use bytes::Bytes;
use chrono::TimeDelta;
use connector_kit::event::Refused;
use connector_kit::{EventVerifier, Notice};
use http::{HeaderMap, HeaderName};
use leadsync_sim::partner_center::{CertificateForm, Kind, NewReferral, RelatedEvent, Signing};

use crate::world::{ADDRESS, World, headers};

/// What becomes of it, in a word.
pub(crate) async fn judged(
    verifier: &dyn EventVerifier,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Notice, String> {
    verifier
        .verify(headers, body)
        .await
        .map_err(|refused| match refused {
            Refused::Malformed(why) => format!("malformed: {why}"),
            Refused::Forged(why) => format!("forged: {why}"),
            Refused::Undecided(error) => format!("undecided: {error}"),
        })
}

/// A verifier, and an event it would believe.
async fn scene(more: &str) -> (World, std::sync::Arc<dyn EventVerifier>, HeaderMap, Bytes) {
    let mut world = World::hearing(more).await;
    let (headers, body) = world.event();
    let verifier = world.verifier();
    (world, verifier, headers, body)
}

fn asked_for_referrals(world: &World) -> u64 {
    [Kind::List, Kind::Get, Kind::GetByEvent]
        .into_iter()
        .map(|kind| world.center.count(kind))
        .sum()
}

#[tokio::test]
async fn an_event_of_theirs_is_believed_and_points_at_its_referral() {
    let (world, verifier, headers, body) = scene("").await;
    let notice = judged(verifier.as_ref(), &headers, &body).await.unwrap();
    assert_eq!(notice.event, "referral-created");
    let all = world.center.referrals();
    assert_eq!(notice.referral.unwrap().as_str(), all[0]["id"].as_str().unwrap());
    assert_eq!(notice.occurred_at.timestamp(), crate::world::noon().timestamp());
    assert_eq!(verifier.address().unwrap().as_str(), ADDRESS);
    assert_eq!(asked_for_referrals(&world), 0);
}

#[tokio::test]
async fn both_header_forms_and_both_forms_of_the_certificate_are_taken() {
    for own_header in [true, false] {
        for form in [CertificateForm::Der, CertificateForm::Pem] {
            let mut world = World::hearing("").await;
            world.center.register(ADDRESS, own_header);
            world.center.set(|settings| settings.certificate_form = form);
            let (headers, body) = world.event();
            assert_eq!(headers.contains_key("authorization"), !own_header);
            assert!(judged(world.verifier().as_ref(), &headers, &body).await.is_ok());
        }
    }
}

#[tokio::test]
async fn a_forged_event_is_refused_whichever_byte_is_another() {
    let (world, verifier, headers, body) = scene("").await;
    for at in 0..body.len() {
        let mut flipped = body.to_vec();
        flipped[at] ^= 1;
        let refused = judged(verifier.as_ref(), &headers, &flipped.into())
            .await
            .unwrap_err();
        assert_eq!(refused, "forged: the signature is not that of the body");
    }
    assert_eq!(asked_for_referrals(&world), 0);
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
}

#[tokio::test]
async fn a_re_serialised_event_is_refused() {
    let (_world, verifier, headers, body) = scene("").await;
    let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
    for other in [serde_json::to_string_pretty(&value).unwrap(), format!("{value} ")] {
        let refused = judged(verifier.as_ref(), &headers, &other.into())
            .await
            .unwrap_err();
        assert!(refused.starts_with("forged"), "{refused}");
    }
}

#[tokio::test]
async fn a_replayed_event_is_refused_once_it_is_old() {
    let (world, verifier, headers, body) = scene("max_age = '1h'").await;
    world.pass(3600);
    assert!(
        judged(verifier.as_ref(), &headers, &body).await.is_ok(),
        "ten attempts take their time"
    );
    world.pass(2);
    let refused = judged(verifier.as_ref(), &headers, &body).await.unwrap_err();
    assert_eq!(
        refused,
        "forged: replayed: the event tells of something too long ago"
    );
    world.clock.advance(TimeDelta::hours(-3));
    let refused = judged(verifier.as_ref(), &headers, &body).await.unwrap_err();
    assert_eq!(refused, "forged: replayed: the event tells of something to come");
    assert_eq!(asked_for_referrals(&world), 0);
}

#[tokio::test]
async fn a_stale_certificate_is_refused_before_and_after_its_time() {
    let day = |year| chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    for (from, until, why) in [
        (2018, 2026, "forged: the certificate has expired"),
        (2027, 2048, "forged: the certificate is not valid yet"),
    ] {
        let mut world = World::hearing("").await;
        world.center.sign_as(&Signing {
            from: day(from),
            until: day(until),
            ..Signing::default()
        });
        let (headers, body) = world.event();
        assert_eq!(
            judged(world.verifier().as_ref(), &headers, &body)
                .await
                .unwrap_err(),
            why
        );
        assert_eq!(asked_for_referrals(&world), 0);
    }
}

#[tokio::test]
async fn a_certificate_that_expires_while_it_is_kept_is_not_used_any_more() {
    let mut world = World::hearing("").await;
    let tomorrow = crate::world::noon().date_naive() + TimeDelta::days(1);
    world.center.sign_as(&Signing {
        until: tomorrow,
        ..Signing::default()
    });
    let (headers, body) = world.event();
    let verifier = world.verifier();
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
    world.pass(13 * 3600);
    let refused = judged(verifier.as_ref(), &headers, &body).await.unwrap_err();
    assert_eq!(refused, "forged: the certificate has expired");
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_refused() {
    let other = |change: fn(&mut Signing)| {
        let mut signing = Signing::default();
        change(&mut signing);
        signing
    };
    for (signing, why) in [
        (
            other(|signing| signing.common_name = "pcnotifications.evil.example".into()),
            "forged: the certificate is for somebody else",
        ),
        (
            other(|signing| signing.trusted = false),
            "forged: the certificate goes back to no root we trust",
        ),
    ] {
        let mut world = World::hearing("").await;
        world.center.sign_as(&signing);
        let (headers, body) = world.event();
        assert_eq!(
            judged(world.verifier().as_ref(), &headers, &body)
                .await
                .unwrap_err(),
            why
        );
        assert_eq!(asked_for_referrals(&world), 0);
    }
    let mut world = World::hearing("issuer = 'Contoso'").await;
    let (headers, body) = world.event();
    let refused = judged(world.verifier().as_ref(), &headers, &body)
        .await
        .unwrap_err();
    assert_eq!(refused, "forged: the certificate is issued by somebody else");
}

#[tokio::test]
async fn what_is_wrong_with_the_headers_is_refused_before_anybody_is_asked() {
    let set = |name: &'static str, value: &'static str| (HeaderName::from_static(name), value);
    for (header, why) in [
        (set("x-ms-certificate-url", ""), "malformed"),
        (set("x-ms-signature-algorithm", ""), "malformed"),
        (set("x-ms-signature", ""), "forged"),
        (set("x-ms-signature-algorithm", "rsa-sha1"), "forged"),
        (set("x-ms-signature-algorithm", "hmac-sha256"), "forged"),
        (
            set("x-ms-certificate-url", "https://evil.example/c.cer"),
            "forged",
        ),
        (
            set("x-ms-certificate-url", "http://169.254.169.254/c.cer"),
            "forged",
        ),
    ] {
        let (world, verifier, mut headers, body) = scene("").await;
        let before = world.sent.count();
        match header {
            (name, "") => drop(headers.remove(name)),
            (name, value) => drop(headers.insert(name, value.parse().unwrap())),
        }
        let refused = judged(verifier.as_ref(), &headers, &body).await.unwrap_err();
        assert!(refused.starts_with(why), "{refused}");
        assert_eq!(world.sent.count(), before, "{refused}");
    }
}

#[tokio::test]
async fn an_event_points_at_its_referral_and_a_related_one_at_nothing_of_ours() {
    let mut world = World::hearing("").await;
    world.center.register(ADDRESS, true);
    for subject in [RelatedEvent::TheChanged, RelatedEvent::TheOwn] {
        world.center.set(|settings| settings.related_event = subject);
        world.center.create(NewReferral::co_sell("x@y.example"));
    }
    let verifier = world.verifier();
    let mut related = 0;
    for told in world.center.due_deliveries(crate::world::noon()) {
        let notice = judged(verifier.as_ref(), &headers(&told), &told.body)
            .await
            .unwrap();
        assert_eq!(notice.event, told.name);
        let is_related = notice.event.starts_with("related-");
        let expected = told.referral.filter(|_| !is_related);
        assert_eq!(
            notice.referral.as_ref().map(connector_kit::ReferralId::as_str),
            expected.as_deref()
        );
        related += usize::from(is_related);
    }
    assert_eq!(related, 2);
    // The documented test event, read by the pure part (`webhook::notice`), has no referral.
}

#[tokio::test]
async fn the_same_event_has_the_same_reference_each_time_and_another_one_another() {
    let mut world = World::hearing("").await;
    let (one, body) = world.event();
    let verifier = world.verifier();
    let first = judged(verifier.as_ref(), &one, &body).await.unwrap();
    world.pass(60);
    let again = judged(verifier.as_ref(), &one, &body).await.unwrap();
    assert_eq!(first, again);
    let (other, body) = world.event();
    let second = judged(verifier.as_ref(), &other, &body).await.unwrap();
    assert_ne!(first.reference, second.reference);
}
