//! Reading: lists, their options and pages, one referral, and who may see it.

use serde_json::{Value, json};

use super::world::{ADMIN, CENTER, PARTNER, REFERRALS, World, request, sample, told};
use crate::partner_center::{FilterTimes, NewReferral, NextLink};
use tower::ServiceExt;

fn names(body: &Value) -> Vec<&str> {
    let all = body["value"].as_array().unwrap().iter();
    all.map(|referral| referral["name"].as_str().unwrap()).collect()
}

/// Three referrals, an hour apart.
fn three(world: &World) {
    let new = [
        NewReferral::marketplace_lead("a@fabrikam.example")
            .named("first")
            .country("DE"),
        NewReferral::sales_qualified("b@fabrikam.example")
            .named("second")
            .on_team("r2d2@contoso.com"),
        NewReferral::marketing_qualified("c@fabrikam.example").named("third"),
    ];
    for new in new {
        world.center.create(new);
        world.pass(3600);
    }
}

async fn found(world: &World, filter: &str) -> Vec<String> {
    let told = world
        .get(&format!(
            "?$orderby=createdDateTime&$filter={}",
            filter.replace(' ', "%20")
        ))
        .await;
    assert_eq!(told.status, 200, "{filter}: {}", told.body);
    names(&told.body).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn documented_filters_find_what_they_say() {
    let world = World::new();
    three(&world);
    let first = world.get("?$orderby=createdDateTime&$top=1").await.body["value"][0].clone();
    let engagement = format!(
        "engagementId eq '{}'",
        first["engagementId"].as_str().unwrap().to_uppercase()
    );
    let since = format!(
        "updatedDateTime gt {}",
        first["updatedDateTime"].as_str().unwrap()
    );
    let until = format!(
        "createdDateTime le {}",
        first["createdDateTime"].as_str().unwrap()
    );
    let cases: [(&str, &[&str]); 11] = [
        (&engagement, &["first"]),
        (
            "status eq 'New' and qualification eq 'SalesQualified'",
            &["second"],
        ),
        (
            "customerProfile/address/country eq 'DE' and direction eq 'Incoming'",
            &["first"],
        ),
        ("(type eq 'Shared' and direction eq 'Incoming')", &[]),
        (
            "(direction eq 'Incoming' and substatus eq 'Pending')",
            &["first", "second", "third"],
        ),
        (
            "status eq 'New' and team/any(t:t/email eq 'r2d2@contoso.com')",
            &["second"],
        ),
        (
            "qualification eq 'Direct' or qualification eq 'SalesQualified' and status eq 'Active'",
            &["first"],
        ),
        (
            "(qualification eq 'Direct' or name eq 'third') and status eq 'New'",
            &["first", "third"],
        ),
        ("name eq 'O''Brien'", &[]),
        (&since, &["second", "third"]),
        (&until, &["first"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(&world, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn undocumented_filters_and_options_are_refused() {
    let world = World::new();
    three(&world);
    let filters = [
        "contains(name,'x')",
        "name ne 'x'",
        "name gt 'x'",
        "nowhere eq 'x'",
        "name eq x",
        "status eq New",
        "name eq 'x",
        "(name eq 'x'",
        "name eq 'x' and",
        "updatedDateTime ge '2024-05-01T00:00:00Z'",
        "expirationDateTime ge 2024-05-01T00:00:00Z",
        "customerProfile/team/any(t:t/email eq 'x')",
        "team/any(t:t/firstName eq 'x')",
        "engagementId eq 65edc0b5-3485-41b7-a17e-dfa9ef4706e2",
    ];
    let queries = filters
        .iter()
        .map(|filter| format!("$filter={}", filter.replace(' ', "+")));
    let others = [
        "$orderby=name",
        "$orderby=createdDateTime%20down",
        "$select=id,nowhere",
        "$top=0",
        "$top=x",
        "$skip=-1",
        "$expand=team",
        "$search=x",
        "filter=x",
        "$top=1&$top=2",
        "$skiptoken=made-up",
    ];
    for query in queries.chain(others.iter().map(|other| (*other).to_owned())) {
        let told = world.get(&format!("?{query}")).await;
        assert_eq!(
            (told.status, &told.body["error"]["code"]),
            (400, &json!("invalidRequest")),
            "{query}"
        );
    }
    world
        .center
        .set(|settings| settings.filter_times = FilterTimes::Quoted);
    let quoted = "updatedDateTime ge '2024-05-01T00:00:00Z'";
    assert_eq!(found(&world, quoted).await.len(), 3);
    world
        .center
        .set(|settings| settings.filter_times = FilterTimes::Refused);
    for times in ["updatedDateTime ge 2024-05-01T00:00:00Z", quoted] {
        let told = world
            .get(&format!("?$filter={}", times.replace(' ', "%20")))
            .await;
        assert_eq!(told.status, 400);
    }
}

#[tokio::test]
async fn lists_are_ordered_chosen_cut_and_counted_as_asked() {
    let world = World::new();
    three(&world);
    let told = world.get("?$orderby=updatedDateTime%20desc&$top=2").await;
    assert_eq!(names(&told.body), ["third", "second"]);
    assert!(told.body.get("@odata.nextLink").is_none(), "no more were wanted");
    assert_eq!(told.body["@odata.count"], 2);
    let told = world.get("?$orderby=createdDateTime&$skip=1&$count=false").await;
    assert_eq!(names(&told.body), ["second", "third"]);
    assert!(told.body.get("@odata.count").is_none());
    let told = world.get("?$select=id,status,customerProfile&$top=1").await;
    let members: Vec<_> = told.body["value"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["customerProfile", "id", "status"]);
    let empty = World::new().get("").await;
    assert_eq!((empty.status, empty.body), (200, sample!("list_page_empty")));
}

/// The query of a next link, whatever the rest of it says.
fn next(body: &Value) -> Option<String> {
    let link = body["@odata.nextLink"].as_str()?;
    Some(link.split_once('?').unwrap().1.to_owned())
}

#[tokio::test]
async fn pages_hold_a_hundred_and_lead_on_by_an_odd_link() {
    let world = World::new();
    for n in 0..205 {
        let name = format!("{n:03}");
        world
            .center
            .create(NewReferral::marketplace_lead("a@fabrikam.example").named(&name));
    }
    let first = world.get("?$orderby=createdDateTime%20desc").await;
    let link = first.body["@odata.nextLink"].as_str().unwrap();
    assert!(
        link.starts_with("http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=k"),
        "{link}"
    );
    assert!(link.contains("%2f") && link.contains("%2b"));
    assert_eq!(first.body["@odata.count"], 100);
    let mut seen: Vec<String> = names(&first.body).into_iter().map(str::to_owned).collect();
    let mut query = next(&first.body);
    while let Some(more) = query {
        // What changes meanwhile does not break the order of what is still to come.
        world
            .center
            .create(NewReferral::marketplace_lead("a@fabrikam.example").named("late"));
        let page = world.get(&format!("?{more}")).await;
        seen.extend(names(&page.body).into_iter().map(str::to_owned));
        query = next(&page.body);
    }
    let expected: Vec<String> = (0..205).rev().map(|n| format!("{n:03}")).collect();
    assert_eq!(seen, expected);

    let top = world.get("?$top=150").await;
    let rest = world.get(&format!("?{}", next(&top.body).unwrap())).await;
    assert_eq!((names(&rest.body).len(), next(&rest.body)), (50, None));
    let again = world.get(&format!("?{}", next(&top.body).unwrap())).await;
    assert_eq!(
        names(&again.body),
        names(&rest.body),
        "a page may be asked for again"
    );
    world.center.forget_pages();
    assert_eq!(
        world.get(&format!("?{}", next(&top.body).unwrap())).await.status,
        400
    );
}

#[tokio::test]
async fn the_next_link_is_well_formed_or_hostile_by_switch() {
    let world = World::new();
    three(&world);
    world.center.set(|settings| settings.page_size = 2);
    let elsewhere = NextLink::Elsewhere("https://evil.example".to_owned());
    for (how, begin) in [
        (
            NextLink::WellFormed,
            "https://api.partner.microsoft.com/v1.0/engagements/referrals?$skiptoken=",
        ),
        (
            elsewhere,
            "https://evil.example/v1.0/engagements/referrals?$skiptoken=",
        ),
    ] {
        world.center.set(|settings| settings.next_link = how);
        let link = world.get("").await.body["@odata.nextLink"].clone();
        assert!(link.as_str().unwrap().starts_with(begin), "{link}");
    }
}

#[tokio::test]
async fn one_referral_has_the_members_the_links_and_the_times_of_the_samples() {
    let world = World::new();
    let id = world
        .center
        .create(NewReferral::marketplace_lead("a@fabrikam.example"));
    let told = world.get(&format!("/{}", id.to_uppercase())).await;
    let sample = sample!("referral_new_pending_direct_lead");
    for (name, value) in sample.as_object().unwrap() {
        let same = std::mem::discriminant(&told.body[name]) == std::mem::discriminant(value);
        assert!(same, "{name}: {} where the sample has {value}", told.body[name]);
    }
    assert_eq!(told.body["createdDateTime"], "2024-05-01T08:15:30.1234567Z");
    assert_eq!(told.body["expirationDateTime"], "2024-05-15T00:00:00Z");
    let context = "http://api.partner.microsoft.com/v1.0/$metadata#Referrals/$entity";
    assert_eq!(told.body["@odata.context"], context);
    let related = told.body["links"]["relatedReferrals"]["uri"].as_str().unwrap();
    let quirk = format!(
        "?$filter=engagementId eq {}",
        told.body["engagementId"].as_str().unwrap()
    );
    assert!(related.ends_with(&quirk), "{related}");
    let seconds = told.body["eTag"].as_str().unwrap();
    let seconds = seconds.trim_matches('"').rsplit('-').next().unwrap();
    assert_eq!(
        i64::from_str_radix(&seconds[..8], 16).unwrap(),
        world.now().timestamp()
    );
    for name in ["request-id", "x-ms-ags-diagnostic", "timestamp", "etag"] {
        assert!(!told.header(name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn zeros_at_the_end_of_a_second_are_left_out() {
    let world = World::new();
    for (set, written) in [
        ("2024-06-01T10:00:00.5000000Z", "2024-06-01T10:00:00.5Z"),
        ("2024-06-01T12:00:00+02:00", "2024-06-01T10:00:00Z"),
        ("2024-06-01T10:00:00.000000100Z", "2024-06-01T10:00:00.0000001Z"),
        ("2024-06-01", "2024-06-01T00:00:00Z"),
    ] {
        let id = world
            .center
            .create(NewReferral::marketplace_lead("a@fabrikam.example"));
        let told = world.set(&id, &[("/details/closingDateTime", set.into())]).await;
        assert_eq!(told.status, 204);
        assert_eq!(
            world.center.referral(&id).unwrap()["details"]["closingDateTime"],
            written
        );
    }
}

#[tokio::test]
async fn documented_samples_can_be_placed_as_they_are() {
    let world = World::new();
    for sample in [
        sample!("referral_active_engaged"),
        sample!("referral_closed_error"),
        sample!("referral_edge_unicode_unknown_values"),
        sample!("referral_new_received"),
    ] {
        let id = world.center.place(sample.clone());
        let mut told = world.get(&format!("/{id}")).await.body;
        told.as_object_mut().unwrap().remove("@odata.context");
        assert_eq!(told, sample);
    }
}

#[tokio::test]
async fn only_a_signed_in_user_with_a_role_and_a_token_for_this_host_is_served() {
    let world = World::new();
    let mine = world
        .center
        .create(NewReferral::marketplace_lead("a@fabrikam.example").on_team("bob@contoso.example"));
    let other = world
        .center
        .create(NewReferral::marketplace_lead("b@fabrikam.example"));
    world.entra.add_user("bob@contoso.example", &["Referrals user"]);
    world.entra.add_user("eve@contoso.example", &["Global admin"]);
    let ask = async |token: String, path: &str| {
        let request = request("GET", &format!("{REFERRALS}{path}"), &token, &[], &Value::Null);
        told(world.center.referrals_router().oneshot(request).await.unwrap()).await
    };
    assert_eq!(ask(world.token(ADMIN, PARTNER).await, "").await.status, 200);
    let wrong_host = ask(world.token(ADMIN, CENTER).await, "").await;
    assert_eq!(
        (wrong_host.status, wrong_host.body),
        (401, sample!("error_401_unauthenticated"))
    );
    assert_eq!(ask("made-up".to_owned(), "").await.status, 401);
    assert_eq!(
        ask(world.token("eve@contoso.example", PARTNER).await, "")
            .await
            .status,
        403
    );
    let bob = world.token("bob@contoso.example", PARTNER).await;
    assert_eq!(names(&ask(bob.clone(), "").await.body).len(), 1);
    assert_eq!(ask(bob.clone(), &format!("/{mine}")).await.status, 200);
    assert_eq!(ask(bob, &format!("/{other}")).await.status, 403);

    world.entra.add_secret("daemon", "s3cr3t", None);
    let form =
        format!("grant_type=client_credentials&client_id=daemon&client_secret=s3cr3t&resource={PARTNER}");
    let alone = axum::extract::Request::post("/contoso.example/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(form))
        .unwrap();
    let alone = told(world.entra.router().oneshot(alone).await.unwrap()).await;
    let token = alone.body["access_token"].as_str().unwrap().to_owned();
    let refused = ask(token, "").await;
    assert_eq!(
        (refused.status, &refused.body["error"]["code"]),
        (403, &json!("accessDenied"))
    );
}
