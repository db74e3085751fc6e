//! Salesforce from untouched to ready, and what may come between, by the real program.

use leadsync_sim::salesforce::{INTEGRATION_USER, Right, Salesforce};

use crate::process::crm::{
    CANARY, assert_ill, assert_warned, assert_well, connect, house, illnesses, make_ready, nearby, pem,
    provision,
};
use crate::process::{House, Town};

struct World {
    town: Town,
    salesforce: Salesforce,
    connector: String,
    house: House,
}

impl World {
    fn new() -> Self {
        let mut town = Town::new();
        let salesforce = Salesforce::new(town.seconds());
        salesforce.add_app("3MVG9app", CANARY);
        let address = town.open(salesforce.router());
        let connector = format!(
            "kind = \"salesforce\"\nroles = [\"destination\", \"outcome-source\"]\n[settings]\n\
             instance_url = \"http://{address}\"\nauth = {{ kind = \"client_credentials\", client_id = \"3MVG9app\", \
             client_secret = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
            nearby(&[address])
        );
        let house = house(&connector);
        Self {
            town,
            salesforce,
            connector,
            house,
        }
    }

    /// The connector with something else in place of something.
    fn instead(&self, of: &str, with: &str) {
        assert!(self.connector.contains(of), "{of}");
        connect(&self.house, &self.connector.replace(of, with));
    }
}

#[test]
fn an_untouched_organisation_is_made_ready_once_and_then_the_doctor_is_content() {
    let world = World::new();
    let missing = make_ready(&world.house);
    let key = "field Lead.Marketplace_Lead_Id__c".to_owned();
    assert!(missing.contains(&key), "{missing:?}");
    assert_well(&world.house);
}

#[test]
fn whatever_breaks_is_named_with_what_to_do_about_it() {
    let world = World::new();
    let ill = illnesses(&world.house);
    assert!(
        ill["key"]["found"]
            .as_str()
            .unwrap()
            .contains("Marketplace_Lead_Id__c"),
        "{ill:?}"
    );
    assert!(
        ill["key"]["remedy"]
            .as_str()
            .unwrap()
            .contains("leadsync provision"),
        "{ill:?}"
    );
    make_ready(&world.house);

    world.instead("3MVG9app", "3MVG9other");
    assert_ill(&world.house, "token", "invalid_client_id", "client_id");
    world.house.write_secret("other.secret", "canary-wrong");
    world.instead("crm.secret", "other.secret");
    assert_ill(
        &world.house,
        "token",
        "invalid client credentials",
        "client secret",
    );
    world.instead("http://127.0.0.1", "http://nowhere.invalid");
    assert_ill(&world.house, "dns", "nowhere.invalid", "name resolution");
    connect(&world.house, &world.connector);

    world.town.clock().run_ahead(9);
    assert_warned(&world.house, "clock", "timedatectl");
    world.town.clock().run_ahead(0);
    assert_well(&world.house);
    world.salesforce.revoke(Right::ApiEnabled);
    assert!(!illnesses(&world.house).is_empty());
}

#[test]
fn an_app_that_signs_is_told_of_the_clock_the_approval_and_the_audience() {
    let world = World::new();
    world.salesforce.add_jwt_app("3MVG9app", &pem("rsa-public.pem"));
    world.house.write_secret("app.key", &pem("rsa-pkcs1.pem"));
    let signing = world.connector.replace(
        "kind = \"client_credentials\", client_id = \"3MVG9app\", client_secret = { file = \"{house}/crm.secret\" }",
        "kind = \"jwt_bearer\", client_id = \"3MVG9app\", username = \"USER\", private_key = { file = \"{house}/app.key\" }",
    );
    let signing = signing.replace("USER", INTEGRATION_USER);
    assert_ne!(signing, world.connector);
    connect(&world.house, &signing);
    make_ready(&world.house);
    assert_well(&world.house);

    world.town.clock().run_ahead(9);
    assert_ill(&world.house, "clock", "behind", "timedatectl");
    world.town.clock().run_ahead(0);
    connect(
        &world.house,
        &signing.replace(
            "private_key",
            "audience = \"https://nobody.example\", private_key",
        ),
    );
    assert_ill(&world.house, "token", "audience", "correct audience");
    connect(&world.house, &signing);
    world.salesforce.withdraw_approval("3MVG9app");
    assert_ill(&world.house, "token", "approved this consumer", "pre-authorise");
}

#[test]
fn without_the_right_to_make_fields_it_is_told_whose_rights_are_missing_and_what_a_person_may_do() {
    let world = World::new();
    world.salesforce.revoke(Right::CustomizeApplication);
    let report = provision(&world.house, &["--apply"], 77);
    let remedy = report["error"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("Customize Application"), "{report}");
    let step = &report["steps"][0];
    assert_eq!(step["state"], "by hand", "{step}");
    assert!(step["how"].as_str().unwrap().contains("Setup"), "{step}");
    world.salesforce.grant(Right::CustomizeApplication);
    make_ready(&world.house);
}
