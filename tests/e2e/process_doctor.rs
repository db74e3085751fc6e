//! Seeded misconfigurations, each alone in an installation in good health: the doctor finds it, names what to do,
//! and says nothing of anything else.

use std::process::Command;
use std::time::Duration;

use connector_kit::clock::{Clock, SystemClock};
use leadsync_sim::marketo::Permissions;
use leadsync_sim::salesforce::Right;

use crate::process::{Clinic, Daemon};

/// A misconfiguration, and what must be told of it.
struct Seed {
    sown: &'static str,
    sow: fn(&Clinic),
    heal: fn(&Clinic),
    whose: &'static str,
    check: &'static str,
    state: &'static str,
    remedy: &'static str,
}

const MACHINE: &str = "this machine";
const FAILED: &str = "failed";
const WARNING: &str = "warning";

const fn seed(
    sown: &'static str,
    sow: fn(&Clinic),
    [whose, check, state, remedy]: [&'static str; 4],
) -> Seed {
    Seed {
        sown,
        sow,
        heal: |_| {},
        whose,
        check,
        state,
        remedy,
    }
}

/// One that the files and the time alone do not take back.
const fn seed_and_heal(
    sown: &'static str,
    sow: fn(&Clinic),
    heal: fn(&Clinic),
    told: [&'static str; 4],
) -> Seed {
    Seed {
        heal,
        ..seed(sown, sow, told)
    }
}

#[rustfmt::skip]
const SEEDS: [Seed; 31] = [
    // The config and its secrets.
    seed("a key is misspelt", |clinic| clinic.change("leadsync.toml", "[store]\n", "[intake]\nqueu = 1\n[store]\n"),
        [MACHINE, "config", FAILED, "write `queue`"]),
    seed("a setting is misspelt", |clinic| clinic.change("connectors.d/hook.toml", "url = ", "timeuot = \"5s\"\nurl = "),
        ["hook", "config", FAILED, "write `timeout`"]),
    seed("a secret is not there", |clinic| drop(clinic.lose("credentials/hook")),
        [MACHINE, "secrets", FAILED, "credentials/hook"]),
    seed("everybody may read a secret", |clinic| clinic.mode("credentials/sales", 0o644),
        [MACHINE, "secrets", WARNING, "chmod 600"]),
    seed("a secret of a source is too short", |clinic| clinic.write("credentials/web.secret", "too-short"),
        [MACHINE, "secrets", FAILED, "make a new one"]),
    seed("the unit does not hand a credential over", |clinic| clinic.change("units/leadsync.service.d/credentials.conf", "LoadCredential=nurture:", "#"),
        [MACHINE, "secrets", FAILED, "systemctl edit leadsync"]),
    // Where the daemon stands.
    seed("everybody may look into the state directory", |clinic| clinic.mode("state", 0o755),
        [MACHINE, "state-directory", WARNING, "chmod 700"]),
    seed("the store is damaged", |clinic| clinic.write("db/leadsync.db", &"this is no database ".repeat(300)),
        [MACHINE, "store", FAILED, "restore a backup"]),
    seed_and_heal("this machine's clock is days behind", |clinic| written_in(clinic, 2), |clinic| written_in(clinic, 0),
        [MACHINE, "clock", FAILED, "timedatectl"]),
    seed("the unit was edited in place", |clinic| clinic.change("units/leadsync.service", "WatchdogSec=30s", "WatchdogSec=3000s"),
        [MACHINE, "unit", WARNING, "systemctl edit leadsync"]),
    seed("the log tells more than the journal keeps", |clinic| clinic.change("leadsync.toml", "[store]\n", "[log]\nlevel = \"debug\"\n[store]\n"),
        [MACHINE, "journal", WARNING, "LogRateLimitIntervalSec=0"]),
    // The way leads take to it.
    seed("the certificate has ended", |clinic| take_certificate(clinic, &clinic.authority.issue_ended_server(&clinic.host()).unwrap()),
        [MACHINE, "certificate", FAILED, "renew it"]),
    seed("the certificate is for another host", |clinic| take_certificate(clinic, &clinic.authority.issue_server("other.example").unwrap()),
        [MACHINE, "certificate", FAILED, "public_url"]),
    seed("certificate and key do not belong together", |clinic| clinic.write("credentials/tls.key", &clinic.authority.issue_server(&clinic.host()).unwrap().key),
        [MACHINE, "certificate", FAILED, "the key that was made for it"]),
    seed("nobody trusts the proxy", |clinic| clinic.change("leadsync.toml", &tls_of(clinic), ""),
        [MACHINE, "proxy", WARNING, "trusted_proxies"]),
    // Salesforce.
    seed("a client secret is wrong", |clinic| clinic.write("credentials/sales", "canary-of-somebody-else"),
        ["sales", "token", FAILED, "client secret"]),
    seed_and_heal("the API is not open to the user", |clinic| clinic.systems.salesforce.revoke(Right::ApiEnabled), |clinic| clinic.systems.salesforce.grant(Right::ApiEnabled),
        ["sales", "access", FAILED, "API Enabled"]),
    seed_and_heal("no calls are left today", |clinic| clinic.systems.salesforce.set_usage_of_others(100_000_000), |clinic| clinic.systems.salesforce.set_usage_of_others(0),
        ["sales", "access", WARNING, "calls of 24 hours are used up"]),
    seed_and_heal("a field is too short", |clinic| clinic.systems.salesforce.set_length("Lead", "Email", 20), |clinic| clinic.systems.salesforce.set_length("Lead", "Email", 80),
        ["sales", "fields", WARNING, "max_length"]),
    seed("the clocks disagree by ten minutes", |clinic| clinic.systems.town.clock().run_ahead(10),
        ["sales", "clock", WARNING, "timedatectl"]),
    // Dynamics 365.
    seed("the tenant is wrong", |clinic| clinic.change("connectors.d/crm.toml", "72f988bf", "72f988be"),
        ["crm", "token", FAILED, "correct tenant"]),
    seed("the client secret has ended", |clinic| clinic.systems.end_secret(),
        ["crm", "token", FAILED, "make a new client secret"]),
    seed("the host is unknown", |clinic| clinic.change("connectors.d/crm.toml", "environment = \"https://127.0.0.1:", "environment = \"https://nowhere.invalid:"),
        ["crm", "dns", FAILED, "name resolution"]),
    // Marketo.
    seed_and_heal("a right is missing", |clinic| clinic.systems.marketo.set_permissions(Permissions { activities: false, ..Permissions::default() }), |clinic| clinic.systems.marketo.set_permissions(Permissions::default()),
        ["nurture", "permissions", FAILED, "Read-Only Activity"]),
    seed("a mapped field is missing", |clinic| clinic.change("connectors.d/nurture.toml", "[settings]\n", "mapping = { msLeadId = { from = \"id\" }, email = { from = \"person.email\" }, msNoSuchField = { from = \"touch.offer\" } }\n[settings]\n"),
        ["nurture", "fields", FAILED, "leadsync provision"]),
    // An Azure table.
    seed("a shared access signature has ended", |clinic| clinic.write("credentials/table", &ended_signature(clinic)),
        ["rows", "probe", FAILED, "make a new shared access signature"]),
    seed("the table is not there", |clinic| clinic.change("connectors.d/rows.toml", "table = \"Leads\"", "table = \"Leeds\"\ncreate_table = false"),
        ["rows", "probe", FAILED, "create the table"]),
    // A webhook and a file.
    seed("the receiver's certificate has ended", |clinic| clinic.change("connectors.d/hook.toml", &clinic.systems.origin("hook"), &clinic.systems.origin("ended")),
        ["hook", "probe", FAILED, "renew the certificate"]),
    seed("the folder of a file is not there", |clinic| clinic.change("connectors.d/archive.toml", "/archive/", "/archives/"),
        ["archive", "probe", FAILED, "director"]),
    // Partner Center.
    seed("events are sent to another address", |clinic| clinic.change("connectors.d/desk.toml", "https://leads.contoso.example", "https://other.contoso.example"),
        ["desk", "webhook-registration", WARNING, "leadsync provision desk"]),
    // Last: the application does not become a user again.
    seed("the application is no user of the CRM", |clinic| clinic.systems.forget_user(),
        ["crm", "user", FAILED, "application user"]),
];

/// The config was written so many days from now.
fn written_in(clinic: &Clinic, days: u64) {
    let now = std::time::SystemTime::from(SystemClock.now());
    let file = std::fs::File::options()
        .append(true)
        .open(clinic.house.path("leadsync.toml"))
        .unwrap();
    file.set_modified(now + Duration::from_hours(24 * days)).unwrap();
}

fn take_certificate(clinic: &Clinic, issued: &leadsync_sim::authority::Issued) {
    clinic.write("chain.pem", &issued.certificate);
    clinic.write("credentials/tls.key", &issued.key);
}

fn tls_of(clinic: &Clinic) -> String {
    format!(
        "[listen.tls]\ncertificate = \"{}\"\nkey = {{ credential = \"tls.key\" }}\n",
        clinic.house.path("chain.pem").display()
    )
}

fn ended_signature(clinic: &Clinic) -> String {
    let token = "sv=2020-12-06&se=2021-12-31T00:00:00Z&sp=rau&tn=Leads&sig=Y2FuYXJ5";
    format!(
        "SharedAccessSignature={token};TableEndpoint={}",
        clinic.systems.origin("rows")
    )
}

fn doctor(clinic: &Clinic) -> Command {
    let mut command = clinic.command();
    command.args(["--json", "doctor"]);
    command
}

/// What is wrong with what was told, if anything.
fn told_wrongly(command: &mut Command, [whose, check, state, remedy]: [&str; 4]) -> Option<String> {
    let found = Clinic::ailments(command);
    let is_right = matches!(found.as_slice(), [(at, name, told)]
        if at == whose && name == check && told["state"] == state
            && told["remedy"].as_str().is_some_and(|text| text.contains(remedy)));
    (!is_right).then(|| format!("expected {whose}: {check} {state} -> {remedy}, found {found:#?}"))
}

#[test]
fn doctor_finds_each_of_the_seeded_misconfigurations_alone() {
    let clinic = Clinic::open();
    assert_eq!(Clinic::ailments(&mut doctor(&clinic)), [], "in good health");
    let mut wrongly = Vec::new();
    for seed in &SEEDS {
        (seed.sow)(&clinic);
        let told = [seed.whose, seed.check, seed.state, seed.remedy];
        wrongly.extend(told_wrongly(&mut doctor(&clinic), told).map(|why| format!("{}: {why}", seed.sown)));
        (seed.heal)(&clinic);
        clinic.restore();
    }
    assert!(
        wrongly.is_empty(),
        "{} of {}:\n{}",
        wrongly.len(),
        SEEDS.len(),
        wrongly.join("\n")
    );
    println!(
        "seeded misconfigurations found, each alone and with its remedy: {} of {}",
        SEEDS.len(),
        SEEDS.len()
    );
}

#[test]
fn what_only_the_surroundings_do_wrong_is_found_too() {
    let clinic = Clinic::open();
    // Another program listens where leads should arrive.
    let other = std::net::TcpListener::bind(clinic.house.public).unwrap();
    let taken = told_wrongly(&mut doctor(&clinic), [MACHINE, "listener", FAILED, "ss -ltnp"]);
    assert_eq!(taken, None);
    // The package ships the socket unit; only one that is enabled holds the address.
    clinic.write(
        "units/leadsync.socket",
        include_str!("../../systemd/leadsync.socket"),
    );
    let shipped = told_wrongly(&mut doctor(&clinic), [MACHINE, "listener", FAILED, "ss -ltnp"]);
    assert_eq!(shipped, None);
    drop(other);

    // No authority is trusted.
    let mut command = doctor(&clinic);
    command
        .env("SSL_CERT_FILE", "/nowhere")
        .env("SSL_CERT_DIR", "/nowhere");
    assert_eq!(
        told_wrongly(&mut command, [MACHINE, "ca-bundle", FAILED, "ca-certificates"]),
        None
    );

    // The disk of the store is full to the floor.
    let mut command = Command::new("unshare");
    clinic.house.furnish(&mut command);
    clinic.equip(&mut command);
    let fill = "mount -t tmpfs -o size=4m none db && head -c 4100000 /dev/zero > db/ballast; exec \"$0\" --json doctor";
    command
        .args(["-Urm", "sh", "-c", fill, crate::process::BINARY])
        .current_dir(clinic.house.path(""));
    assert_eq!(
        told_wrongly(&mut command, [MACHINE, "disk", FAILED, "free_space_floor"]),
        None
    );
}

#[test]
fn a_running_daemon_is_held_against_the_files_and_the_address_microsoft_knows() {
    let clinic = Clinic::open();
    let mut daemon = Daemon::spawn_as(&clinic.house, &mut clinic.command());
    daemon.wait_until_ready(&clinic.house);
    assert_eq!(Clinic::ailments(&mut doctor(&clinic)), [], "in good health");

    clinic.change(
        "connectors.d/archive.toml",
        "[settings]\n",
        "[settings]\nkeep = 5\n",
    );
    let changed = told_wrongly(
        &mut doctor(&clinic),
        [MACHINE, "config-applied", WARNING, "leadsync ctl reload"],
    );
    assert_eq!(changed, None);
    clinic.restore();

    // What nobody wants any more runs on until a reload.
    clinic.lose("connectors.d/archive.toml");
    let gone = told_wrongly(
        &mut doctor(&clinic),
        [MACHINE, "config-applied", WARNING, "leadsync ctl reload"],
    );
    assert_eq!(gone, None);
    clinic.restore();
    daemon.stop();
}
