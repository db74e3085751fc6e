//! T2, T12, T13: a daemon that tells everything still tells no secret and nothing of a person.

use leadsync_sim::webhook::Answer;

use crate::process::{Daemon, Destination, House, Plan, SECRET, eventually, lead_body, lead_path, post};

const TOKEN: &str = "canary-token-of-the-destination";
/// What only a person, or somebody who holds a secret, may see.
const CANARIES: [&str; 9] = [
    SECRET,
    TOKEN,
    "canary-guess",
    "canary-query",
    "canary@person.example",
    "Lovelace",
    "901820",
    "Analytical",
    "I would like to know more",
];

#[test]
fn at_the_loudest_no_secret_and_nothing_of_a_person_is_told() {
    let destination = Destination::open();
    let house = House::build(&Plan {
        level: "debug",
        ..Plan::default()
    });
    house.write_secret("token", TOKEN);
    let auth = format!(
        "auth = {{ kind = \"bearer\", token = {{ file = \"{}\" }} }}\n",
        house.path("token").display()
    );
    house.add_connector("crm", &destination.connector_with(&auth));
    let mut daemon = Daemon::start(&house);

    let mut answers = visits(&house);
    for fault in faults() {
        destination.webhook.answer_next([fault]);
        let email = format!("canary@person.example.x{}", destination.webhook.count());
        answers.push(tell(&house, &lead_body(&email)));
        let before = destination.webhook.count();
        eventually("a call", || (destination.webhook.count() > before).then_some(()));
        house.run(&["release", "crm"]);
    }
    let sent = destination.webhook.requests();
    let bearer = format!("Bearer {TOKEN}");
    assert!(
        sent.iter()
            .all(|request| request.header("authorization") == Some(&bearer))
    );

    answers.extend(["/healthz", "/readyz", "/metrics"].map(|path| house.admin(path).unwrap().body));
    let status = house.run(&["status"]);
    answers.push(String::from_utf8(status.stdout).unwrap());
    daemon.stop();
    let log = house.log();
    assert!(
        log.contains("\"DEBUG\"") && log.contains("attempted"),
        "it does tell a lot: {log}"
    );
    for canary in CANARIES {
        assert_eq!(finding(&log, canary), None, "in the log");
        for answer in &answers {
            assert_eq!(finding(answer, canary), None, "in an answer");
        }
    }
}

/// Knocks rightly and wrongly; gives what was answered.
fn visits(house: &House) -> Vec<String> {
    let right = lead_path();
    let guess = format!("/v1/leads/web/{}-canary-guess", "x".repeat(30));
    let lead = lead_body("canary@person.example");
    [
        post(&guess, &lead),
        post(&format!("{right}?token=canary-query"), &lead),
        post(&right, &lead[..lead.len() - 9]),
        post(&right, &format!("{lead}{}", " ".repeat(70_000))),
        post(&right, "{\"userDetails\": \"canary@person.example\"}"),
        format!("PUT {right} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
    ]
    .map(|request| {
        let answer = house.send(&request).unwrap();
        format!("{}{}", answer.head, answer.body)
    })
    .to_vec()
}

fn tell(house: &House, body: &str) -> String {
    house.send(&post(&lead_path(), body)).unwrap().body
}

/// Answers of a destination that repeats what it was told.
fn faults() -> [Answer; 5] {
    let echo = format!("canary@person.example of Analytical Engines with Bearer {TOKEN}");
    [
        Answer::status(200),
        Answer::status(500).body(echo.clone()),
        Answer::status(401).body(echo.clone()),
        Answer::status(422).body(echo),
        Answer::hang_up(),
    ]
}

/// The line that tells too much.
fn finding<'a>(text: &'a str, canary: &str) -> Option<&'a str> {
    text.lines().find(|line| line.contains(canary))
}

#[test]
fn secrets_stand_in_no_argument_and_no_environment_of_the_daemon() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    let process = format!("/proc/{}", daemon.pid().as_raw_nonzero());
    for file in ["cmdline", "environ", "comm"] {
        let text = std::fs::read(format!("{process}/{file}")).unwrap();
        assert_eq!(finding(&String::from_utf8_lossy(&text), SECRET), None, "{file}");
    }
    daemon.stop();
}
