//! The loop by the real program: from a referral at Partner Center to the CRM, and from the CRM's word back.

use leadsync_sim::partner_center::{Delivery, Kind};

use crate::process::desk::{ADA, sign_in};
use crate::process::{Circuit, Daemon, eventually};

/// A referral that is not told yet, and how it would be told.
fn untold(circuit: &Circuit, email: &str) -> (String, Delivery) {
    let referral = circuit.refer(email);
    let told = circuit.untold().pop().unwrap();
    (referral, told)
}

/// Its headers with another value for one.
fn with(told: &Delivery, name: &str, value: &str) -> Vec<(&'static str, String)> {
    let mut headers = told.headers();
    let (_, held) = headers.iter_mut().find(|(known, _)| *known == name).unwrap();
    value.clone_into(held);
    headers
}

#[test]
fn an_event_makes_a_record_and_what_the_crm_says_goes_back_once() {
    let circuit = Circuit::with_events();
    let mut daemon = circuit.start();
    let polls = circuit.center.count(Kind::List);
    let referral = circuit.refer("sue@fabrikam.example");
    assert_eq!(circuit.tell(), [200]);
    let record = circuit.arrived(&referral);
    assert_eq!(circuit.center.count(Kind::List), polls, "the event brought it");
    assert_eq!(circuit.stage(&referral), "New/Pending");

    let opportunity = circuit.qualify(&record);
    circuit.await_stage(&referral, "Active/Accepted");
    circuit.win(&opportunity);
    circuit.await_stage(&referral, "Closed/Won");
    circuit.assert_won(&referral);

    // Microsoft tells us of what we wrote ourselves.
    circuit.await_rest();
    let writes = circuit.center.writes().len();
    let echoes = circuit.tell();
    assert!(
        echoes.len() >= 2 && echoes.iter().all(|status| *status == 200),
        "{echoes:?}"
    );
    circuit.await_rest();
    daemon.stop();
    assert_eq!(circuit.center.writes().len(), writes, "an echo is no news");
    assert_eq!(circuit.crm.count("lead"), 1);
    assert_eq!(
        circuit
            .house
            .ask(&["dead-letters", "list"])
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn whatever_is_not_proven_is_refused_and_nothing_is_fetched_for_it() {
    let circuit = Circuit::with_events();
    let mut daemon = circuit.start();
    let (referral, told) = untold(&circuit, "sue@fabrikam.example");
    let looks = circuit.looks();
    let status = |headers: &[(&'static str, String)], body: &[u8]| circuit.post(headers, body).status;

    let elsewhere = with(&told, "x-ms-certificate-url", &circuit.certificate_elsewhere());
    assert_eq!(status(&elsewhere, &told.body), 401, "a foreign host");
    let weaker = with(&told, "x-ms-signature-algorithm", "rsa-sha1");
    assert_eq!(status(&weaker, &told.body), 401, "another algorithm");
    assert_eq!(
        circuit.center.certificate_downloads(),
        0,
        "nobody was asked for a key"
    );

    let mut forged = told.body.to_vec();
    let place = forged
        .windows(referral.len())
        .position(|part| part == referral.as_bytes());
    forged[place.unwrap()] ^= 1;
    assert_eq!(status(&told.headers(), &forged), 401, "one byte flipped");
    assert_eq!(circuit.looks(), looks, "no referral was looked at");

    assert_eq!(
        status(&told.headers(), &told.body),
        200,
        "the true one is believed all the same"
    );
    circuit.arrived(&referral);
    daemon.stop();
}

#[test]
fn an_event_that_is_older_than_allowed_is_refused() {
    let circuit = Circuit::behind(25);
    let mut daemon = circuit.start();
    let (_, told) = untold(&circuit, "sue@fabrikam.example");
    let looks = circuit.looks();
    let answer = circuit.post(&told.headers(), &told.body);
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert_eq!(circuit.looks(), looks);
    daemon.stop();
}

#[test]
fn without_any_event_the_poll_alone_brings_a_referral_and_takes_its_end_back() {
    let circuit = Circuit::without_events();
    let mut daemon = circuit.start();
    let referral = circuit.refer("sue@fabrikam.example");
    let record = circuit.arrived(&referral);
    let opportunity = circuit.qualify(&record);
    circuit.win(&opportunity);
    circuit.await_stage(&referral, "Closed/Won");
    circuit.await_rest();
    daemon.stop();
    circuit.assert_won(&referral);
}

#[test]
fn a_daemon_that_is_killed_between_acceptance_and_win_accepts_once_and_ends_won() {
    let circuit = Circuit::with_events();
    let mut daemon = circuit.start();
    let referral = circuit.refer("sue@fabrikam.example");
    circuit.tell();
    let record = circuit.arrived(&referral);
    let opportunity = circuit.qualify(&record);
    circuit.await_stage(&referral, "Active/Accepted");
    daemon.kill();

    circuit.win(&opportunity);
    let mut daemon = Daemon::start(&circuit.house);
    circuit.tell();
    circuit.await_stage(&referral, "Closed/Won");
    circuit.await_rest();
    daemon.stop();
    circuit.assert_won(&referral);
}

#[test]
fn reports_wait_for_a_new_sign_in_and_go_when_released() {
    let circuit = Circuit::with_events();
    let mut daemon = circuit.start();
    let referral = circuit.refer("sue@fabrikam.example");
    circuit.tell();
    let record = circuit.arrived(&referral);
    circuit.await_rest();

    circuit.entra.revoke_user(ADA);
    circuit.entra.revoke_all();
    let opportunity = circuit.qualify(&record);
    eventually("a word of what to do", || {
        let log = circuit.house.log();
        let mut lines = log.lines().filter(|line| line.contains("sink_parked"));
        lines
            .find(|line| line.contains("leadsync authorize desk"))
            .map(drop)
    });
    circuit.win(&opportunity);
    eventually("a win the daemon has seen", || {
        let outcomes = circuit.house.ask(&["outcomes"]);
        (outcomes[0]["stage"] == "won").then_some(())
    });
    assert_eq!(circuit.stage(&referral), "New/Pending", "it waits");

    sign_in(&circuit.house, &circuit.entra);
    circuit.house.ask(&["release", "desk"]);
    circuit.await_stage(&referral, "Closed/Won");
    circuit.await_rest();
    daemon.stop();
    circuit.assert_won(&referral);
}
