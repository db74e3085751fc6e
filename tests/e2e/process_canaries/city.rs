//! Every system a lead may go to, each with a parrot in front, and the house before them.

use connector_kit::clock::{Clock, SystemClock};
use leadsync_sim::azure_table::AzureTable;
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::marketo::Marketo;
use leadsync_sim::salesforce::Salesforce;
use leadsync_sim::webhook::{Rules, Webhook};

use super::{Said, lead};
use crate::process::crm::{CANARY, nearby};
use crate::process::{House, Parrot, Plan, Town, eventually, is_quiet};

const APP: &str = "11111111-1111-1111-1111-111111111111";

const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";

/// The key of the storage account: "canary-key" in base64.
const ACCOUNT_KEY: &str = "Y2FuYXJ5LWtleQ==";

/// The first condition fails for text in place of a number, and would like to say which. They follow
/// the lines of `[clocks]`.
const ROUTES: &str = "[[route]]\nwhen = \"offer|int > country|float\"\nto = [\"book\"]\n\
                      [[route]]\nto = [\"hooks\", \"force\", \"mark\", \"dyna\", \"rows\", \"book\"]\n";

/// As fast as it goes, and soon again.
const PACE: &str = "rate = { per_second = 1000, burst = 1000 }\nretry = { schedule = [\"1s\"] }\n\
                    hold = { first = \"1s\", max = \"1s\" }\n";

/// Those a parrot stands before.
const ASKED: [&str; 5] = ["hooks", "force", "mark", "dyna", "rows"];

/// The systems, and the house.
pub(super) struct City {
    pub(super) house: House,
    pub(super) parrots: Vec<Parrot>,
    pub(super) table: AzureTable,
    _town: Town,
}

impl City {
    #[expect(clippy::too_many_lines, reason = "it is the list of what is in the city")]
    pub(super) fn build() -> Self {
        let mut town = Town::new();
        let mut parrots = Vec::new();
        let mut open = |town: &mut Town, system| {
            let parrot = Parrot::default();
            let address = town.open(parrot.over(system));
            parrots.push(parrot);
            address
        };
        let house = House::build(&Plan {
            level: "debug",
            clocks: ROUTES,
            ..Plan::default()
        });
        for (name, secret) in [
            ("crm.secret", CANARY),
            ("client.id", "canary-client"),
            ("key", ACCOUNT_KEY),
        ] {
            house.write_secret(name, secret);
        }
        let add = |name: &str, text: String| {
            let place = house.path("").display().to_string();
            house.add_connector(name, &text.replace("{house}", place.trim_end_matches('/')));
        };
        let webhook = Webhook::new(Rules::default(), std::sync::Arc::new(|| 0));
        let hooks = open(&mut town, webhook.router());
        add(
            "hooks",
            format!(
                "kind = \"https-endpoint\"\nroles = [\"destination\"]\n{PACE}[settings]\nurl = \"http://{hooks}/leads\"\n\
             auth = {{ kind = \"bearer\", token = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
                nearby(&[hooks])
            ),
        );

        let salesforce = Salesforce::new(town.seconds());
        salesforce.add_app("3MVG9app", CANARY);
        let force = open(&mut town, salesforce.router());
        add(
            "force",
            format!(
                "kind = \"salesforce\"\nroles = [\"destination\", \"outcome-source\"]\nwatch_every = \"1s\"\n{PACE}[settings]\n\
             instance_url = \"http://{force}\"\nauth = {{ kind = \"client_credentials\", client_id = \"3MVG9app\", \
             client_secret = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
                nearby(&[force])
            ),
        );

        let marketo = Marketo::new("canary-client", CANARY, town.millis());
        let mark = open(&mut town, marketo.router());
        add(
            "mark",
            format!(
                "kind = \"marketo\"\nroles = [\"destination\", \"outcome-source\"]\nwatch_every = \"1s\"\n{PACE}[settings]\n\
             base_url = \"http://{mark}/rest\"\nclient_id = {{ file = \"{{house}}/client.id\" }}\n\
             client_secret = {{ file = \"{{house}}/crm.secret\" }}\n{}",
                nearby(&[mark])
            ),
        );

        let entra = Entra::new(TENANT, "contoso.onmicrosoft.com", town.seconds());
        let dataverse = Dataverse::new(&entra, town.seconds());
        let login = open(&mut town, entra.router());
        let data = open(&mut town, dataverse.router());
        entra.at(&format!("http://{login}"));
        dataverse.at(&format!("http://{data}"));
        entra.add_secret(APP, CANARY, None);
        dataverse.keys_take(1);
        add(
            "dyna",
            format!(
                "kind = \"dynamics365\"\nroles = [\"destination\", \"outcome-source\"]\nwatch_every = \"1s\"\n{PACE}[settings]\n\
             environment = \"http://{data}\"\ntenant = \"{TENANT}\"\nclient_id = \"{APP}\"\nauthority = \"http://{login}\"\n\
             auth = {{ secret = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
                nearby(&[login, data])
            ),
        );

        let table = AzureTable::new("leads", ACCOUNT_KEY, SystemClock.now());
        table.create_table("MarketplaceLeads");
        let rows = open(&mut town, table.router());
        let account = format!(
            "[settings]\nendpoint = \"http://{rows}\"\nallow_private_targets = [\"127.0.0.0/8\"]\n\
             auth.shared-key = {{ account = \"leads\", key = {{ file = \"{{house}}/key\" }} }}\n"
        );
        add(
            "rows",
            format!(
                "kind = \"azure-table\"\nroles = [\"destination\"]\n{PACE}{account}table = \"Leads\"\ncreate_table = true\n"
            ),
        );
        add(
            "market",
            format!("kind = \"azure-table\"\nroles = [\"source\"]\npoll_every = \"1s\"\n{account}"),
        );
        add(
            "book",
            "kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"{house}/book.jsonl\"\n"
                .to_owned(),
        );
        Self {
            house,
            parrots,
            table,
            _town: town,
        }
    }

    /// Lets the parrots speak while one lead goes to all; waits until everybody was asked for it.
    pub(super) fn try_with(&self, said: &mut Said, number: usize, speak: impl Fn(&Parrot)) {
        let before = ASKED.map(|name| self.attempts(name));
        self.parrots.iter().for_each(speak);
        said.hear(&self.house, &lead(number).to_string());
        for (name, before) in ASKED.into_iter().zip(before) {
            eventually("an attempt", || (self.attempts(name) > before).then_some(()));
        }
        said.look(&self.house);
        self.parrots.iter().for_each(|parrot| parrot.repeat_with(0));
        self.release();
    }

    /// Attempts to deliver so far, by the daemon's own count.
    fn attempts(&self, destination: &str) -> u64 {
        let numbers = self.house.admin("/metrics").unwrap().body;
        let begin = format!("leadsync_delivery_attempts_total{{destination=\"{destination}\"");
        let lines = numbers.lines().filter(|line| line.starts_with(&begin));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    /// Waits until every lead is delivered, or dead.
    pub(super) fn await_quiet(&self) {
        eventually("leads that are delivered or dead", || {
            self.release();
            is_quiet(&self.house.ask(&["status"])).then_some(())
        });
    }

    fn release(&self) {
        for name in ASKED {
            self.house.run(&["release", name]);
        }
    }
}
