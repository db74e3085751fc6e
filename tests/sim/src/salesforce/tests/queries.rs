//! Queries, pages, spans and describes (contract salesforce 9).

use super::*;

/// The texts of one field, in the order of the answer.
fn column(told: &Told, field: &str) -> Vec<String> {
    let told = told.json();
    let records = told["records"].as_array().unwrap_or_else(|| panic!("{told}"));
    records
        .iter()
        .map(|row| row[field].as_str().unwrap_or("null").to_owned())
        .collect()
}

#[tokio::test]
async fn conditions_mean_what_they_say() {
    let world = World::new().await;
    for (key, title, employees) in [("a", "CTO", 5), ("b", "cto", 50), ("c", "CEO", 500)] {
        let body = json!({ "LastName": key, "Company": "C", "Title": title, "NumberOfEmployees": employees });
        world.patch(&by_key(key), body).await;
        world.advance(60);
    }
    world
        .crm
        .make("Lead", &json!({ "LastName": "d", "Company": "It's" }))
        .unwrap();
    let cases = [
        ("Title = 'CTO'", "ab"),
        ("Title != 'cto'", "cd"),
        ("Title LIKE 'c_o' AND NumberOfEmployees > 5", "bc"),
        ("Title LIKE 'ce%'", "c"),
        ("Marketplace_Lead_Id__c = 'A'", ""),
        ("Marketplace_Lead_Id__c != null", "abc"),
        ("Title IN ('CEO', 'none') OR Title = null", "cd"),
        ("Title NOT IN ('CEO')", "abd"),
        ("NOT (NumberOfEmployees <= 50)", "cd"),
        (
            "(Title = 'CTO' AND NumberOfEmployees = 5) OR NumberOfEmployees >= 500",
            "ac",
        ),
        (
            "SystemModstamp >= 2026-01-01T00:01:00Z AND SystemModstamp < 2026-01-01T00:03:00Z",
            "bc",
        ),
        ("IsConverted = false AND Company = 'It\\'s'", "d"),
        ("Id = '00Q5e0000000002'", "b"),
    ];
    for (condition, expected) in cases {
        let told = world
            .query(&format!(
                "SELECT LastName FROM Lead WHERE {condition} ORDER BY LastName"
            ))
            .await;
        assert_eq!(column(&told, "LastName").concat(), expected, "{condition}");
    }
}

#[tokio::test]
async fn order_limit_and_count() {
    let world = World::new().await;
    for key in ["b", "c", "a"] {
        world.lead(key).await;
    }
    world.crm.make("Lead", &person()).unwrap();
    let by = |order: &str| format!("SELECT {KEY} FROM Lead ORDER BY {KEY} {order}");
    assert_eq!(column(&world.query(&by("")).await, KEY), ["null", "a", "b", "c"]);
    assert_eq!(
        column(&world.query(&by("DESC NULLS LAST LIMIT 2")).await, KEY),
        ["c", "b"]
    );
    assert_eq!(
        column(&world.query(&by("NULLS LAST LIMIT 2 OFFSET 1")).await, KEY),
        ["b", "c"]
    );
    let count = world.query("SELECT count() FROM Lead").await.json();
    assert_eq!(count, json!({ "totalSize": 4, "done": true, "records": [] }));
}

#[tokio::test]
async fn a_parent_is_nested_and_null_where_there_is_none() {
    let world = World::new().await;
    let sample = fixture("query-opportunity-status.json");
    for key in ["mp-1", "mp-2", "mp-3"] {
        world.lead(key).await;
    }
    world.crm.convert("mp-2", true).unwrap();
    world.crm.convert("mp-3", false).unwrap();
    world.advance(60);
    assert!(world.crm.close_opportunity("mp-2", true, 12_000.0, "2026-03-31"));
    let told = world.query(sample["soql"].as_str().unwrap()).await.json();
    let mut expected = sample["response"]["body"]["records"][0].clone();
    expected["ConvertedOpportunity"]["SystemModstamp"] = json!("2026-01-01T00:01:00.000+0000");
    assert_eq!(told["records"], json!([expected]));
    let without = sample["soql"].as_str().unwrap().replace(
        " AND ConvertedOpportunity.SystemModstamp >= 2026-01-01T00:00:00Z",
        "",
    );
    let told = world.query(&without).await.json();
    assert_eq!(told["records"][1], sample["response"]["body"]["records"][1]);
}

#[tokio::test]
async fn pages_are_fetched_by_locator_and_again_when_an_answer_was_lost() {
    let world = World::new().await;
    for n in 0..5 {
        world.lead(&format!("mp-{n}")).await;
    }
    world.crm.set_page_size(2);
    let first = world.query("SELECT Id FROM Lead ORDER BY Id").await.json();
    assert_eq!((&first["totalSize"], &first["done"]), (&json!(5), &json!(false)));
    let next = first["nextRecordsUrl"].as_str().unwrap();
    assert!(
        next.starts_with("/services/data/v62.0/query/0r8") && next.ends_with("-2"),
        "{next}"
    );
    let second = world.get(next).await;
    assert_eq!(second.text, world.get(next).await.text);
    let third = world
        .get(second.json()["nextRecordsUrl"].as_str().unwrap())
        .await
        .json();
    assert_eq!(
        (third["records"].as_array().unwrap().len(), &third["done"]),
        (1, &json!(true))
    );
    assert!(third.get("nextRecordsUrl").is_none());
}

#[tokio::test]
async fn a_locator_lives_two_days_and_only_if_it_was_given() {
    let mut world = World::new().await;
    world.crm.set_page_size(1);
    world.lead("a").await;
    world.lead("b").await;
    let told = world.query("SELECT Id FROM Lead").await.json();
    assert_eq!(
        world.get("/query/0r85e0000000009AAA-1").await.code(),
        "INVALID_QUERY_LOCATOR"
    );
    world.advance(2 * 24 * 3600);
    world.sign_in().await;
    let late = world.get(told["nextRecordsUrl"].as_str().unwrap()).await;
    assert_eq!(
        (late.status, late.code().as_str()),
        (400, "INVALID_QUERY_LOCATOR")
    );
}

#[tokio::test]
async fn deleted_records_are_in_query_all_and_in_the_list_of_deleted() {
    let world = World::new().await;
    let id = world.lead("a").await;
    world.lead("b").await;
    world.advance(3600);
    world.crm.delete("Lead", "a");
    let soql = query_path("SELECT Id, IsDeleted FROM Lead WHERE IsDeleted = true");
    assert_eq!(world.get(&soql).await.json()["totalSize"], 0);
    assert_eq!(
        world.get(&soql.replace("/query", "/queryAll")).await.json()["records"][0]["Id"],
        json!(id)
    );
    let span = "start=2026-01-01T00%3A30%3A00%2B00%3A00&end=2026-01-02T00%3A00%3A00%2B00%3A00";
    let gone = world.get(&format!("/sobjects/Lead/deleted/?{span}")).await.json();
    assert_eq!(
        gone["deletedRecords"],
        json!([{ "id": id, "deletedDate": "2026-01-01T01:00:00.000+0000" }])
    );
    assert_eq!(
        world.get(&format!("/sobjects/Lead/updated?{span}")).await.json()["ids"],
        json!([])
    );
}

#[tokio::test]
async fn the_ends_of_a_span_are_a_minute_apart_and_in_order() {
    let world = World::new().await;
    for span in [
        "start=2026-01-01T00:00:10Z&end=2026-01-01T00:00:50Z",
        "start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z",
        "start=2025-11-01T00:00:00Z&end=2026-01-01T00:00:00Z",
        "start=2026-01-01T00:00:00Z",
    ] {
        assert_eq!(
            world.get(&format!("/sobjects/Lead/updated?{span}")).await.code(),
            "INVALID_REPLICATION_DATE",
            "{span}"
        );
    }
}

#[tokio::test]
async fn what_is_no_query_is_refused_by_its_kind() {
    let world = World::new().await;
    for (soql, code) in [
        ("SELECT Id FORM Lead", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE LastName = 'open", "MALFORMED_QUERY"),
        ("SELECT Id, Id FROM Lead", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Lead WHERE Title = 'a' AND Title = 'b' OR Title = 'c'",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM XYZZY", "INVALID_TYPE"),
        ("SELECT Id FROM CustomField", "INVALID_TYPE"),
        ("SELECT Id, CurrencyIsoCode FROM Opportunity", "INVALID_FIELD"),
        ("SELECT HasOptedOutOfEmail FROM Lead", "INVALID_FIELD"),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
        ),
        ("SELECT Id FROM Lead WHERE LastName = 7", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Nobody.Id FROM Lead", "INVALID_FIELD"),
    ] {
        let told = world.query(soql).await;
        assert_eq!((told.status, told.code().as_str()), (400, code), "{soql}");
    }
}

#[tokio::test]
async fn a_describe_shows_what_the_user_may_do() {
    let world = World::new().await;
    world.crm.make_read_only("Lead", "Title");
    world.crm.set_length("Lead", "Company", 100);
    let told = world.get("/sobjects/Lead/describe").await.json();
    let fields = told["fields"].as_array().unwrap();
    let field = |name: &str| fields.iter().find(|field| field["name"] == name);
    let key = field(KEY).unwrap();
    for (what, expected) in [
        ("externalId", true),
        ("unique", true),
        ("createable", true),
        ("updateable", true),
        ("idLookup", true),
    ] {
        assert_eq!(key[what], expected, "{what}");
    }
    assert_eq!(field("Title").unwrap()["updateable"], false);
    assert_eq!(field("Company").unwrap()["length"], 100);
    assert!(field("DoNotCall").is_none());
    assert_eq!(told["keyPrefix"], "00Q");
}
