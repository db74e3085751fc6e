//! Marketo from untouched to ready, and what may come between, by the real program.

use leadsync_sim::faults::Fault;
use leadsync_sim::marketo::{Marketo, Permissions};

use crate::process::crm::{
    CANARY, assert_ill, assert_warned, assert_well, connect, house, illnesses, make_ready, nearby, provision,
    run,
};
use crate::process::{House, Town};

struct World {
    town: Town,
    marketo: Marketo,
    connector: String,
    house: House,
}

impl World {
    fn new() -> Self {
        let mut town = Town::new();
        let marketo = Marketo::new("client", CANARY, town.millis());
        let address = town.open(marketo.router());
        let connector = format!(
            "kind = \"marketo\"\nroles = [\"destination\", \"outcome-source\"]\n[settings]\n\
             base_url = \"http://{address}/rest\"\nclient_id = {{ file = \"{{house}}/client.id\" }}\n\
             client_secret = {{ file = \"{{house}}/crm.secret\" }}\ntimeout = \"5s\"\n{}",
            nearby(&[address])
        );
        let house = house(&connector);
        house.write_secret("client.id", "client");
        Self {
            town,
            marketo,
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
fn an_untouched_instance_is_made_ready_once_and_then_the_doctor_is_content() {
    let world = World::new();
    let missing = make_ready(&world.house);
    assert!(missing.contains(&"field msLeadId".to_owned()), "{missing:?}");
    assert_well(&world.house);
}

#[test]
fn whatever_breaks_is_named_with_what_to_do_about_it() {
    let world = World::new();
    let ill = illnesses(&world.house);
    assert!(
        ill["fields"]["found"].as_str().unwrap().contains("msLeadId"),
        "{ill:?}"
    );
    assert!(
        ill["fields"]["remedy"]
            .as_str()
            .unwrap()
            .contains("leadsync provision"),
        "{ill:?}"
    );
    make_ready(&world.house);

    world.house.write_secret("other.secret", "canary-wrong");
    world.instead("crm.secret", "other.secret");
    assert_ill(&world.house, "token", "token", "secret");
    world.instead("http://127.0.0.1", "http://nowhere.invalid");
    assert_ill(&world.house, "dns", "nowhere.invalid", "name");
    connect(&world.house, &world.connector);

    world.marketo.set_permissions(Permissions {
        activities: false,
        ..Permissions::default()
    });
    assert_ill(&world.house, "permissions", "", "Read-Only Activity");
    world.marketo.set_permissions(Permissions::default());
    world.town.clock().run_ahead(9);
    assert_warned(&world.house, "clock", "timedatectl");
    world.town.clock().run_ahead(0);
    assert_well(&world.house);
}

#[test]
fn without_the_right_to_make_fields_the_work_is_told_to_a_person() {
    let world = World::new();
    world.marketo.set_permissions(Permissions {
        schema: false,
        ..Permissions::default()
    });
    let by_hand = provision(&world.house, &["--apply"], 3);
    assert_eq!(by_hand["result"], "by hand");
    let words = run(&world.house, &["provision", "crm"]);
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    assert!(words.contains("  by hand   custom field msLeadId"), "{words}");
    assert!(words.contains("-> Admin, Field Management"), "{words}");
    assert!(
        words.contains("the least rights for daily work:\n    Access API"),
        "{words}"
    );
}

#[test]
fn a_connection_that_breaks_after_a_field_was_made_costs_a_moment_and_no_field_twice() {
    let world = World::new();
    // After the token, the description and the list of fields comes the first field.
    world.marketo.faults.on_request(4, Fault::CutAfter);
    let applied = provision(&world.house, &["--apply", "--wait", "1m"], 0);
    assert_eq!(applied["result"], "done");
    let calls = world.marketo.calls();
    let posts: Vec<_> = calls.iter().filter(|call| call.method == "POST").collect();
    assert_eq!(posts.len(), 7, "{posts:?}");
    assert_eq!(applied["made"].as_array().unwrap().len(), 6, "{applied}");
}
