//! Fields and permissions (contract salesforce 12).

use super::*;

const TOOLING: &str = "/tooling/sobjects/CustomField";

fn tooling_query(soql: &str) -> String {
    query_path(soql).replace("/query", "/tooling/query")
}

async fn exists(world: &World, developer_name: &str) -> bool {
    let soql = format!(
        "SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId='Lead' AND DeveloperName='{developer_name}'"
    );
    world.get(&tooling_query(&soql)).await.json()["totalSize"] == 1
}

async fn described(world: &World, field: &str) -> Option<Value> {
    let told = world.get("/sobjects/Lead/describe").await.json();
    told["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == field)
        .cloned()
}

async fn make(world: &World, object: &str, body: Value) -> String {
    let told = world.post(&format!("/sobjects/{object}"), body).await;
    assert_eq!(told.status, 201, "{object}: {}", told.text);
    told.json()["id"].as_str().unwrap().to_owned()
}

/// Lets the integration user read and write a field by a permission set.
async fn open(world: &World, field: &str) -> (String, String) {
    let set = make(
        world,
        "PermissionSet",
        json!({ "Name": format!("For_{field}"), "Label": "For a field" }),
    )
    .await;
    let permission = json!({ "ParentId": set, "SobjectType": "Lead", "Field": format!("Lead.{field}"),
        "PermissionsRead": true, "PermissionsEdit": true });
    let permission = make(world, "FieldPermissions", permission).await;
    let user = world.crm.integration_user();
    make(
        world,
        "PermissionSetAssignment",
        json!({ "AssigneeId": user, "PermissionSetId": set }),
    )
    .await;
    (set, permission)
}

#[tokio::test]
async fn a_custom_field_is_invisible_until_a_permission_set_opens_it() {
    let world = World::new().await;
    let field = json!({ "FullName": "Lead.Action__c", "Metadata": { "label": "Action", "type": "Text", "length": 40 } });
    let made = world.post(TOOLING, field.clone()).await;
    let sample = fixture("provision-custom-field.json");
    let names = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(made.status, 201);
    assert_eq!(names(&made.json()), names(&sample["response"]["body"]));
    assert!(made.json()["id"].as_str().unwrap().starts_with("00N"));
    assert!(exists(&world, "Action").await);
    assert_eq!(described(&world, "Action__c").await, None);
    let body = json!({ "LastName": "S", "Company": "C", "Action__c": "INS" });
    assert_eq!(
        world.post("/sobjects/Lead", body.clone()).await.code(),
        "INVALID_FIELD"
    );
    open(&world, "Action__c").await;
    assert_eq!(described(&world, "Action__c").await.unwrap()["updateable"], true);
    assert_eq!(world.post("/sobjects/Lead", body).await.status, 201);
    let again = world.post(TOOLING, field).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (400, "DUPLICATE_DEVELOPER_NAME")
    );
}

#[tokio::test]
async fn an_upsert_by_a_hidden_key_is_404_and_by_an_opened_one_works() {
    let world = World::new().await;
    let mut field = fixture("provision-custom-field.json")["request"]["body"].clone();
    field["FullName"] = json!("Lead.Second_Key__c");
    assert_eq!(world.post(TOOLING, field).await.status, 201);
    let path = "/sobjects/Lead/Second_Key__c/a";
    let told = world.patch(path, person()).await;
    assert_eq!((told.status, told.code().as_str()), (404, "NOT_FOUND"));
    open(&world, "Second_Key__c").await;
    assert_eq!(world.patch(path, person()).await.status, 201);
    assert_eq!(world.patch(path, person()).await.status, 200);
}

#[tokio::test]
async fn a_new_permission_may_take_a_while() {
    let world = World::new().await;
    world.crm.set_permission_lag(10);
    open(&world, "DoNotCall").await;
    assert_eq!(described(&world, "DoNotCall").await, None);
    world.advance(10);
    assert!(described(&world, "DoNotCall").await.is_some());
}

#[tokio::test]
async fn edit_needs_read_and_the_field_has_to_exist() {
    let world = World::new().await;
    let set = make(
        &world,
        "PermissionSet",
        json!({ "Name": "Some", "Label": "Some" }),
    )
    .await;
    let permission = |field: &str, read: bool| json!({ "ParentId": set, "SobjectType": "Lead", "Field": field, "PermissionsRead": read, "PermissionsEdit": true });
    for (field, read, code) in [
        ("Lead.DoNotCall", false, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Nope__c", true, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Lead.LastName", true, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ] {
        assert_eq!(
            world
                .post("/sobjects/FieldPermissions", permission(field, read))
                .await
                .code(),
            code,
            "{field}"
        );
    }
}

#[tokio::test]
async fn doing_it_twice_is_told() {
    let world = World::new().await;
    let (set, permission) = open(&world, "DoNotCall").await;
    let user = world.crm.integration_user();
    let told = world
        .post(
            "/sobjects/PermissionSetAssignment",
            json!({ "AssigneeId": user, "PermissionSetId": set }),
        )
        .await;
    assert_eq!(told.code(), "DUPLICATE_VALUE");
    let told = world
        .post(
            "/sobjects/PermissionSet",
            json!({ "Name": "For_DoNotCall", "Label": "x" }),
        )
        .await;
    assert_eq!(told.code(), "DUPLICATE_VALUE");
    let told = world
        .with(
            Method::DELETE,
            &format!("/sobjects/FieldPermissions/{permission}"),
            &[],
            String::new(),
        )
        .await;
    assert_eq!(told.status, 204);
    assert_eq!(described(&world, "DoNotCall").await, None, "taken away again");
}

#[tokio::test]
async fn metadata_and_permissions_need_their_rights() {
    let world = World::new().await;
    world.crm.revoke(Right::CustomizeApplication);
    assert_eq!(world.post(TOOLING, json!({})).await.status, 403);
    assert_eq!(
        world
            .post("/sobjects/PermissionSet", json!({ "Name": "A", "Label": "A" }))
            .await
            .code(),
        "INSUFFICIENT_ACCESS"
    );
}

#[tokio::test]
async fn metadata_have_to_be_whole() {
    let world = World::new().await;
    for (name, metadata, code) in [
        (
            "Lead.X__c",
            json!({ "type": "Text", "length": 80 }),
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "Lead.X__c",
            json!({ "label": "X", "type": "Text" }),
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "Lead.X__c",
            json!({ "label": "X", "type": "Checkbox" }),
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "Lead.X__c",
            json!({ "label": "X", "type": "LongTextArea", "length": 5000 }),
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "Lead.X__c",
            json!({ "label": "X", "type": "Text", "length": 256 }),
            "INVALID_FIELD",
        ),
        (
            "Lead.X__c",
            json!({ "label": "X", "type": "Song" }),
            "INVALID_FIELD",
        ),
        (
            "Lead.X__c",
            json!({ "label": "X", "type": "Url", "externalId": true }),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            "Lead.X",
            json!({ "label": "X", "type": "Url" }),
            "INVALID_FULL_NAME",
        ),
        (
            "Song.X__c",
            json!({ "label": "X", "type": "Url" }),
            "INVALID_FULL_NAME",
        ),
        (
            "Task.X__c",
            json!({ "label": "X", "type": "Url" }),
            "INVALID_FULL_NAME",
        ),
    ] {
        let told = world
            .post(TOOLING, json!({ "FullName": name, "Metadata": metadata }))
            .await;
        assert_eq!(
            (told.status, told.code().as_str()),
            (400, code),
            "{name} {metadata}"
        );
    }
}

#[tokio::test]
async fn a_field_of_activities_is_made_once_for_tasks_and_events() {
    let world = World::new().await;
    world.crm.add_field(
        "Activity.Touchpoint__c",
        &json!({ "label": "Touchpoint", "type": "Text", "length": 80, "externalId": true, "unique": true }),
    );
    let path = "/sobjects/Task/Touchpoint__c/t-1";
    assert_eq!(world.patch(path, json!({ "Subject": "x" })).await.status, 201);
    assert_eq!(world.patch(path, json!({ "Subject": "y" })).await.status, 200);
    assert_eq!(world.query("SELECT Touchpoint__c FROM Event").await.status, 200);
}

#[tokio::test]
async fn a_field_is_changed_and_dropped_by_its_id() {
    let world = World::new().await;
    let metadata = json!({ "label": "Action", "type": "Text", "length": 40 });
    let made = world
        .post(
            TOOLING,
            json!({ "FullName": "Lead.Action__c", "Metadata": metadata }),
        )
        .await
        .json();
    let path = format!("{TOOLING}/{}", made["id"].as_str().unwrap());
    open(&world, "Action__c").await;
    let longer = json!({ "label": "Action", "type": "Text", "length": 90 });
    assert_eq!(
        world.patch(&path, json!({ "Metadata": longer })).await.status,
        204
    );
    assert_eq!(world.get(&path).await.json()["Metadata"]["length"], 90);
    assert_eq!(described(&world, "Action__c").await.unwrap()["length"], 90);
    assert_eq!(
        world.with(Method::DELETE, &path, &[], String::new()).await.status,
        204
    );
    assert!(!exists(&world, "Action").await);
    assert_eq!(described(&world, "Action__c").await, None);
}

#[tokio::test]
async fn a_stock_list_takes_new_values() {
    let world = World::new().await;
    let soql = "SELECT Id, Metadata FROM StandardValueSet WHERE MasterLabel = 'LeadSource'";
    let row = world.get(&tooling_query(soql)).await.json()["records"][0].clone();
    let mut metadata = row["Metadata"].clone();
    metadata["standardValue"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "valueName": "AzureMarketplace", "label": "AzureMarketplace" }));
    let path = format!(
        "/tooling/sobjects/StandardValueSet/{}",
        row["Id"].as_str().unwrap()
    );
    assert_eq!(
        world.patch(&path, json!({ "Metadata": metadata })).await.status,
        204
    );
    let values = described(&world, "LeadSource").await.unwrap()["picklistValues"].clone();
    assert!(
        values
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["value"] == "AzureMarketplace" && it["active"] == true)
    );
    let all = world
        .get(&tooling_query("SELECT Id, Metadata FROM StandardValueSet"))
        .await;
    assert_eq!(all.code(), "MALFORMED_QUERY", "metadata come one at a time");
}

#[tokio::test]
async fn a_picklist_of_our_own_may_be_restricted() {
    let world = World::new().await;
    let values = json!({ "restricted": true, "valueSetDefinition": { "sorted": false, "value": [{ "fullName": "INS", "label": "Installed", "default": false }] } });
    world.crm.add_field(
        "Lead.Action__c",
        &json!({ "label": "Action", "type": "Picklist", "valueSet": values }),
    );
    let body = |action: &str| json!({ "LastName": "S", "Company": "C", "Action__c": action });
    assert_eq!(world.post("/sobjects/Lead", body("INS")).await.status, 201);
    assert_eq!(
        world.post("/sobjects/Lead", body("OTHER")).await.code(),
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    );
}

#[tokio::test]
async fn a_closed_object_is_opened_by_a_permission_set() {
    let world = World::new().await;
    world.crm.hide_object("Lead");
    let set = make(
        &world,
        "PermissionSet",
        json!({ "Name": "Leads", "Label": "Leads" }),
    )
    .await;
    make(
        &world,
        "ObjectPermissions",
        json!({ "ParentId": set, "SobjectType": "Lead", "PermissionsRead": true,
        "PermissionsCreate": true, "PermissionsEdit": true }),
    )
    .await;
    let user = world.crm.integration_user();
    make(
        &world,
        "PermissionSetAssignment",
        json!({ "AssigneeId": user, "PermissionSetId": set }),
    )
    .await;
    assert_eq!(world.get("/sobjects/Lead/describe").await.status, 200);
}
