//! Where a pass begins, what it asks for, and what its end means.

use super::*;
use bytes::Bytes;

const REACH: Reach = Reach {
    overlap: TimeDelta::minutes(10),
    history: TimeDelta::days(30),
    full_scan_every: TimeDelta::hours(24),
    outgoing: false,
    literal: Literal::Plain,
    page_size: None,
};

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

fn page(times: &[&str]) -> Page {
    let items: Vec<String> = times
        .iter()
        .enumerate()
        .map(|(number, time)| {
            let time = at(time).to_rfc3339();
            format!("{{\"id\":\"r-{number}\",\"createdDateTime\":\"{time}\",\"updatedDateTime\":\"{time}\",\"eTag\":\"{number}\"}}")
        })
        .collect();
    let body = format!("{{\"value\":[{}]}}", items.join(","));
    crate::page::page(&http::Response::new(Bytes::from(body)), "list").unwrap()
}

fn through(position: &mut Position, mut pass: Pass, times: &[&str]) {
    while pass.next_stage() {}
    pass.take(page(times));
    position.finish(&pass, &REACH);
}

#[test]
fn the_first_pass_reads_what_is_open_and_what_changed_lately() {
    let pass = Position::default().begin("a".into(), at("12:00:00"), &REACH);
    let (mut pass, mut asked) = (pass, Vec::new());
    loop {
        asked.push(pass.query(&REACH, Literal::Plain));
        if !pass.next_stage() {
            break;
        }
    }
    let incoming = "direction%20eq%20%27Incoming%27";
    let order = "&$orderby=updatedDateTime%20desc";
    assert_eq!(
        asked,
        [
            format!("$filter=status%20eq%20%27New%27%20and%20{incoming}{order}"),
            format!("$filter=status%20eq%20%27Active%27%20and%20{incoming}{order}"),
            format!("$filter={incoming}%20and%20updatedDateTime%20ge%202026-10-21T12%3A00%3A00Z{order}"),
        ]
    );
}

#[test]
fn later_passes_begin_a_little_before_the_newest_change() {
    let mut position = Position::default();
    let first = position.begin("a".into(), at("12:00:00"), &REACH);
    through(&mut position, first, &["11:30:00", "11:00:00"]);
    let later = position.begin("b".into(), at("12:05:00"), &REACH);
    assert_eq!((later.stage, later.since), (Stage::Changed, at("11:20:00")));
    let next_day = position.begin("c".into(), at("12:00:00") + TimeDelta::hours(24), &REACH);
    assert_eq!(
        next_day.stage,
        Stage::New,
        "everything that is open is read again"
    );
    let put_back = position.begin("d".into(), at("11:00:00"), &REACH);
    assert_eq!(
        put_back.stage,
        Stage::New,
        "a clock put back keeps nobody from looking"
    );
}

#[test]
fn the_position_never_goes_back_and_never_past_now() {
    let mut position = Position::default();
    let first = position.begin("a".into(), at("12:00:00"), &REACH);
    through(&mut position, first, &["23:00:00"]);
    assert_eq!(
        position.newest,
        Some(at("12:00:00")),
        "a change of tomorrow hides none of today"
    );
    let second = position.begin("b".into(), at("12:05:00"), &REACH);
    through(&mut position, second, &["11:55:00"]);
    assert_eq!(position.newest, Some(at("12:00:00")));
}

#[test]
fn where_nothing_is_found_the_same_span_is_asked_for_again() {
    let mut position = Position::default();
    let first = position.begin("a".into(), at("12:00:00"), &REACH);
    through(&mut position, first, &[]);
    let second = position.begin("b".into(), at("12:05:00"), &REACH);
    assert_eq!(
        (second.stage, second.since),
        (Stage::Changed, at("12:00:00") - REACH.history)
    );
}

#[test]
fn reading_ends_at_what_is_old_only_where_pages_are_in_order() {
    let mut position = Position::default();
    let first = position.begin("a".into(), at("12:00:00"), &REACH);
    through(&mut position, first, &["11:30:00"]);
    let mut pass = position.begin("b".into(), at("12:05:00"), &REACH);
    for (times, past) in [
        (&["12:00:00", "11:21:00"][..], false),
        (&["12:00:00", "11:19:00"], true),
        (&["11:19:00", "12:00:00"], false),
        (&["11:25:00", "12:00:00", "11:19:00"], false),
        (&[], false),
    ] {
        assert_eq!(pass.is_past(&page(times).items), past, "{times:?}");
    }
    let kept = pass.take(page(&["12:00:00", "11:21:00", "11:19:00"]));
    let kept: Vec<_> = kept.iter().filter_map(Item::changed_at).collect();
    assert_eq!(
        kept,
        [at("11:21:00"), at("12:00:00")],
        "oldest first, and nothing that is too old"
    );
}

#[test]
fn a_checkpoint_survives_being_written_and_a_strange_one_is_the_beginning() {
    let mut position = Position::default();
    let first = position.begin("a".into(), at("12:00:00"), &REACH);
    through(&mut position, first, &["11:30:00"]);
    let mut pass = position.begin("b".into(), at("12:05:00"), &REACH);
    pass.place = Place::Link("$skiptoken=x".into());
    position.pass = Some(pass);
    position.refused = Some(Literal::Plain);
    assert_eq!(Position::read(position.write().as_ref()), position);
    assert_eq!(
        Position::read(Some(&Checkpoint("[1]".into()))),
        Position::default()
    );
}

#[test]
fn a_full_page_without_a_link_is_followed_by_counting() {
    let reach = Reach {
        page_size: Some(2),
        ..REACH
    };
    let mut pass = Position::default().begin("a".into(), at("12:00:00"), &reach);
    pass.take(page(&["11:30:00", "11:00:00"]));
    pass.place = Place::Skip;
    assert!(pass.query(&reach, Literal::Plain).ends_with("&$top=2&$skip=2"));
}

#[test]
fn a_position_at_a_moment_reads_what_changed_since_and_nothing_else() {
    let position = Position::at(at("08:00:00"), at("12:00:00"));
    let read = Position::read(position.write().as_ref());
    let pass = read.begin("a".into(), at("12:00:00"), &REACH);
    assert_eq!(pass.stage, Stage::Changed);
    let query = pass.query(&REACH, Literal::Plain);
    assert!(
        query.contains("updatedDateTime%20ge%202026-11-20T07%3A50%3A00Z"),
        "{query}"
    );
}
