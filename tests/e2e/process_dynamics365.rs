//! Dynamics 365 from untouched to ready, and what may come between, by the real program.

use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use serde_json::json;

use crate::process::crm::{
    CANARY, assert_ill, assert_warned, assert_well, connect, doctor, house, illnesses, make_ready, nearby,
    pem, provision,
};
use crate::process::{House, Town};

const APP: &str = "11111111-1111-1111-1111-111111111111";
const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";

struct World {
    town: Town,
    entra: Entra,
    dataverse: Dataverse,
    connector: String,
    house: House,
}

impl World {
    fn new() -> Self {
        let mut town = Town::new();
        let entra = Entra::new(TENANT, "contoso.onmicrosoft.com", town.seconds());
        let dataverse = Dataverse::new(&entra, town.seconds());
        let (login, data) = (town.open(entra.router()), town.open(dataverse.router()));
        entra.at(&format!("http://{login}"));
        dataverse.at(&format!("http://{data}"));
        entra.add_secret(APP, CANARY, None);
        dataverse.keys_take(1);
        let connector = format!(
            "kind = \"dynamics365\"\nroles = [\"destination\", \"outcome-source\"]\n[settings]\n\
             environment = \"http://{data}\"\ntenant = \"{TENANT}\"\nclient_id = \"{APP}\"\n\
             authority = \"http://{login}\"\nauth = {{ secret = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
            nearby(&[login, data])
        );
        let house = house(&connector);
        Self {
            town,
            entra,
            dataverse,
            connector,
            house,
        }
    }

    /// The connector with something else in place of something.
    fn instead(&self, of: &str, with: &str) {
        assert!(self.connector.contains(of), "{of}");
        connect(&self.house, &self.connector.replace(of, with));
    }

    fn as_before(&self) {
        connect(&self.house, &self.connector);
    }
}

#[test]
fn an_untouched_environment_is_made_ready_once_and_then_the_doctor_is_content() {
    let world = World::new();
    let missing = make_ready(&world.house);
    for id in ["column lead.lsync_marketplaceleadid", "key lead"] {
        assert!(missing.contains(&id.to_owned()), "{missing:?}");
    }
    assert_well(&world.house);
}

#[test]
fn what_is_missing_or_not_ready_yet_is_named_with_what_to_do_about_it() {
    let world = World::new();
    let ill = illnesses(&world.house);
    assert_eq!(ill.keys().collect::<Vec<_>>(), ["fields", "key"]);
    for check in ill.values() {
        assert!(
            check["remedy"].as_str().unwrap().contains("leadsync provision"),
            "{check}"
        );
    }

    world.dataverse.keys_take(3600);
    let report = provision(&world.house, &["--apply", "--wait", "0s"], 4);
    assert_eq!(report["result"], "unfinished");
    assert_ill(&world.house, "key", "Pending", "wait");
    world.dataverse.fail_key("lead", "lsync_marketplaceleadkey");
    assert_ill(&world.house, "key", "Failed", "ReactivateEntityKey");
}

#[test]
fn a_login_that_fails_is_named_with_what_to_do_about_it() {
    let world = World::new();
    make_ready(&world.house);
    world.entra.remove_secret(CANARY);
    assert_ill(&world.house, "token", "AADSTS7000215", "correct client_secret");
    world.entra.add_secret(APP, CANARY, Some(0));
    assert_ill(&world.house, "token", "AADSTS7000222", "make a new client secret");
    world.entra.remove_secret(CANARY);
    world.entra.add_secret(APP, CANARY, None);
    world.instead(TENANT, "nobody.onmicrosoft.com");
    assert_ill(&world.house, "token", "AADSTS90002", "correct tenant");
    world.instead(APP, "22222222-2222-2222-2222-222222222222");
    assert_ill(
        &world.house,
        "token",
        "AADSTS700016",
        "check client_id and tenant",
    );
    world.as_before();
    assert_well(&world.house);
    world.dataverse.forget_user(APP);
    assert_ill(&world.house, "user", "", "application user");
}

#[test]
fn a_wrong_clock_keeps_only_those_out_who_sign() {
    let world = World::new();
    make_ready(&world.house);
    world.town.clock().run_ahead(9);
    assert_warned(&world.house, "clock", "timedatectl");

    world.house.write_secret("app.key", &pem("rsa-pkcs8.pem"));
    world.house.write_secret("app.crt", &pem("rsa-certificate.pem"));
    world.entra.add_certificate(APP, &pem("rsa-certificate.pem"));
    world.instead(
        "secret = { file = \"{house}/crm.secret\" }",
        "certificate = { file = \"{house}/app.crt\" }, key = { file = \"{house}/app.key\" }",
    );
    assert_ill(&world.house, "clock", "8 minutes behind", "timedatectl");
    world.town.clock().run_ahead(0);
    assert_well(&world.house);
}

#[test]
fn a_host_nobody_knows_and_a_port_nobody_listens_on_are_told_apart() {
    let world = World::new();
    world.instead(
        "environment = \"http://127.0.0.1",
        "environment = \"http://nowhere.invalid",
    );
    assert_ill(&world.house, "dns", "nowhere.invalid", "name resolution");
    let (checks, _) = doctor(&world.house);
    assert_eq!(checks["token"]["state"], "skipped");
    let here = world.dataverse.origin();
    connect(
        &world.house,
        &world
            .connector
            .replace(
                &format!("environment = \"{here}\""),
                "environment = \"http://127.0.0.1:1\"",
            )
            .replace("allowed_ports = [", "allowed_ports = [1, "),
    );
    assert_ill(&world.house, "connection", "127.0.0.1", "firewall");
}

#[test]
fn a_right_that_is_missing_is_told_from_a_system_that_is_away() {
    let world = World::new();
    world.dataverse.deny("prvCreateAttribute");
    let refused = provision(&world.house, &["--apply"], 77);
    assert_eq!(refused["result"], "refused", "{refused}");
    assert_ne!(refused["error"]["remedy"], "", "{refused}");
    world.dataverse.grant("prvCreateAttribute");

    world.instead(
        "authority = \"http://127.0.0.1",
        "authority = \"http://nowhere.invalid",
    );
    let unanswered = provision(&world.house, &["--apply", "--wait", "0s"], 69);
    assert_eq!(unanswered["result"], "unanswered", "{unanswered}");
    let remedy = unanswered["error"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("name resolution"), "{unanswered}");
    assert_eq!(provision(&world.house, &[], 69)["steps"], json!([]));
}
