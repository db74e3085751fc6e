//! Tables, columns and keys, read and made (contract dynamics365 13, 17).

use axum::body::Body;
use serde_json::{Value, json};

use super::world::World;

const TABLE: &str = "EntityDefinitions(LogicalName='lead')";

fn column(schema: &str, most: u64) -> Value {
    json!({
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": schema,
        "MaxLength": most,
    })
}

fn key(schema: &str, column: &str) -> Value {
    json!({ "SchemaName": schema, "KeyAttributes": [column] })
}

#[tokio::test]
async fn a_key_works_only_once_it_is_active() {
    let world = World::bare().await;
    world.crm.keys_take(60);
    let made = world
        .post(&format!("{TABLE}/Attributes"), &column("lsync_Id", 100))
        .await;
    assert_eq!(made.status, 204);
    let made = world
        .post(&format!("{TABLE}/Keys"), &key("lsync_Key", "lsync_id"))
        .await;
    assert_eq!(made.status, 204);
    let upsert = "leads(lsync_id='a')";
    for (status, passes, answer) in [("Pending", 30, 400), ("InProgress", 30, 400), ("Active", 0, 204)] {
        let keys = world
            .get(&format!(
                "{TABLE}/Keys?$select=EntityKeyIndexStatus,KeyAttributes"
            ))
            .await
            .json();
        assert_eq!(keys["value"][0]["EntityKeyIndexStatus"], status);
        assert_eq!(world.patch(upsert, &json!({})).await.status, answer, "{status}");
        world.advance(passes);
    }
    assert_eq!(world.crm.creations("a"), 1);
}

#[tokio::test]
async fn rows_with_equal_values_make_a_key_fail_until_they_are_gone() {
    let world = World::bare().await;
    world.crm.add_text_column("lead", "lsync_Id", 100);
    world.crm.make("lead", &json!({ "lsync_id": "same" }));
    let second = world.crm.make("lead", &json!({ "lsync_id": "SAME" }));
    world
        .post(&format!("{TABLE}/Keys"), &key("lsync_Key", "lsync_id"))
        .await;
    let status = async || {
        let keys = world.get(&format!("{TABLE}/Keys")).await.json();
        keys["value"][0]["EntityKeyIndexStatus"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(status().await, "Failed");
    world.crm.remove("lead", &second);
    let again = json!({ "EntityLogicalName": "lead", "EntityKeyLogicalName": "lsync_key" });
    assert_eq!(world.post("ReactivateEntityKey", &again).await.status, 204);
    assert_eq!(status().await, "Active");
    let reply = world.post("leads", &json!({ "lsync_id": "Same" })).await;
    assert_eq!((reply.status, reply.code().as_str()), (412, "0x80060892"));
}

#[tokio::test]
async fn a_new_column_is_unknown_to_data_for_a_while() {
    let world = World::bare().await;
    world.crm.columns_take(20);
    world
        .post(&format!("{TABLE}/Attributes"), &column("lsync_Id", 100))
        .await;
    let probe = "leads?$top=1&$select=lsync_id";
    assert_eq!(world.get(probe).await.status, 400);
    assert_eq!(world.post("leads", &json!({ "lsync_id": "x" })).await.status, 400);
    world.advance(20);
    assert_eq!(world.get(probe).await.status, 200);
    assert_eq!(world.post("leads", &json!({ "lsync_id": "x" })).await.status, 204);
}

#[tokio::test]
async fn columns_and_keys_that_cannot_be_are_refused() {
    let world = World::new().await;
    let attributes = format!("{TABLE}/Attributes");
    let unnamed = json!({ "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "MaxLength": 5 });
    let columns = [
        column("noprefix", 10),
        column("mscrmx_Id", 10),
        column("lsync_Id", 0),
        column("lsync_Id", 4001),
        column("lsync_MarketplaceLeadId", 100),
        unnamed,
        json!({ "@odata.type": "Microsoft.Dynamics.CRM.ImageAttributeMetadata", "SchemaName": "lsync_I" }),
        json!({ "SchemaName": "lsync_I", "Surprise": 1 }),
    ];
    for body in columns {
        assert_eq!(world.post(&attributes, &body).await.status, 400, "{body}");
    }
    world.post(&attributes, &column("lsync_Long", 451)).await;
    let keys = [
        key("lsync_A", "nothing"),
        key("lsync_A", "description"),
        key("lsync_A", "lsync_long"),
        key("lsync_MarketplaceLeadKey", "lsync_marketplaceleadid"),
    ];
    for body in keys {
        assert_eq!(
            world.post(&format!("{TABLE}/Keys"), &body).await.status,
            400,
            "{body}"
        );
    }
}

#[tokio::test]
async fn only_one_customization_runs_at_a_time() {
    let world = World::bare().await;
    world.crm.lock_customization(1);
    let attributes = format!("{TABLE}/Attributes");
    let busy = world.post(&attributes, &column("lsync_Id", 100)).await;
    assert!(busy.text.contains("another customization operation"));
    assert_eq!(
        world.post(&attributes, &column("lsync_Id", 100)).await.status,
        204
    );
}

#[tokio::test]
async fn a_table_is_found_by_name_by_id_and_by_filter() {
    let world = World::bare().await;
    let by_name = world
        .get(&format!("{TABLE}?$select=EntitySetName,MetadataId"))
        .await
        .json();
    assert_eq!(by_name["EntitySetName"], "leads");
    let id = by_name["MetadataId"].as_str().unwrap();
    let by_id = world
        .get(&format!("EntityDefinitions({id})?$select=LogicalName"))
        .await;
    assert_eq!(by_id.json()["LogicalName"], "lead");
    let query = "EntityDefinitions?%24select=LogicalName%2CEntitySetName&%24filter=LogicalName+eq+%27lead%27";
    let filtered = world.get(query).await.json();
    assert_eq!(filtered["value"].as_array().unwrap().len(), 1);
    let unknown = "EntityDefinitions?$select=LogicalName&$filter=Name%20eq%20'lead'";
    assert_eq!(world.get(unknown).await.status, 400);
    assert_eq!(
        world.get("EntityDefinitions(LogicalName='nothing')").await.status,
        404
    );
    let none = world.get(&format!("{TABLE}/OneToManyRelationships")).await.json();
    assert_eq!(none["value"], json!([]));
}

#[tokio::test]
async fn lengths_and_choices_are_seen_through_a_cast() {
    let world = World::new().await;
    let attributes = format!("{TABLE}/Attributes");
    let uncast = world
        .get(&format!("{attributes}?$select=LogicalName,MaxLength"))
        .await;
    assert_eq!(uncast.status, 400);
    let texts = world
        .get(&format!(
            "{attributes}/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=LogicalName,MaxLength"
        ))
        .await
        .json();
    let subject = texts["value"].as_array().unwrap().iter();
    let mut subject = subject.filter(|column| column["LogicalName"] == "subject");
    assert_eq!(subject.next().unwrap()["MaxLength"], 300);
    let choices = world
        .get(&format!(
            "{attributes}/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&\
             $expand=OptionSet($select=Options)"
        ))
        .await
        .json();
    let mut sources = choices["value"].as_array().unwrap().iter();
    let source = sources
        .find(|column| column["LogicalName"] == "leadsourcecode")
        .unwrap();
    assert_eq!(source["OptionSet"]["Options"][3]["Value"], 4);
    assert_eq!(
        source["OptionSet"]["Options"][3]["Label"]["UserLocalizedLabel"]["Label"],
        "Partner"
    );
    let reasons = world
        .get(&format!(
            "{attributes}(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata?\
             $select=LogicalName&$expand=OptionSet"
        ))
        .await
        .json();
    assert_eq!(reasons["OptionSet"]["Options"][3]["State"], 2);
}

#[tokio::test]
async fn tracking_is_switched_on_with_the_whole_definition_and_never_off() {
    let world = World::bare().await;
    world.crm.track("lead", false);
    let mut definition = world.get(TABLE).await.json();
    assert_eq!(definition["ChangeTrackingEnabled"], false);
    let half = json!({ "ChangeTrackingEnabled": true });
    assert_eq!(world.send("PUT", TABLE, &[], half.to_string()).await.status, 400);
    definition["ChangeTrackingEnabled"] = true.into();
    let merge = [("mscrm.mergelabels", "true")];
    assert_eq!(
        world
            .send("PUT", TABLE, &merge, definition.to_string())
            .await
            .status,
        204
    );
    let prefer = [("prefer", "odata.track-changes")];
    let tracked = world
        .send("GET", "leads?$select=subject", &prefer, Body::empty())
        .await;
    assert_eq!(tracked.status, 200);
    definition["ChangeTrackingEnabled"] = false.into();
    assert_eq!(
        world
            .send("PUT", TABLE, &merge, definition.to_string())
            .await
            .status,
        400
    );
    assert_eq!(world.send("PATCH", TABLE, &[], "{}").await.status, 405);
}

#[tokio::test]
async fn a_key_can_be_deleted_and_made_again() {
    let world = World::new().await;
    world.make_lead();
    let keys = world.get(&format!("{TABLE}/Keys")).await.json();
    let id = keys["value"][0]["MetadataId"].as_str().unwrap();
    let resource = format!("{TABLE}/Keys({id})");
    assert_eq!(
        world.send("DELETE", &resource, &[], Body::empty()).await.status,
        204
    );
    let by_key = "leads(lsync_marketplaceleadid='mpl_3f7a9c0e52b1d4f6')";
    assert_eq!(world.patch(by_key, &json!({})).await.status, 400);
    let again = key("lsync_MarketplaceLeadKey", "lsync_marketplaceleadid");
    assert_eq!(world.post(&format!("{TABLE}/Keys"), &again).await.status, 204);
    assert_eq!(world.patch(by_key, &json!({})).await.status, 204);
    assert_eq!(world.crm.count("lead"), 1);
}
