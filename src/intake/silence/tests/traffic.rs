//! Years of thrown traffic: how often chance alone raises an alarm, and how soon a dead source is found.
//!
//! Run it with `cargo test -p leadsync --lib silence -- --nocapture` to see the figures of docs/alarms.md.

use connector_kit::dice::Dice;

use super::*;

/// Hours of a year.
const YEAR: i64 = 52 * 168;

/// What comes, on average.
#[derive(Clone, Copy)]
struct Traffic {
    name: &'static str,
    /// Leads of an hour; hour 0 began a week on Monday, 00:00.
    rate: fn(i64) -> f64,
    /// On so many days of a year a burst adds this many leads within three hours.
    bursts: Option<(f64, f64)>,
    /// The found silence may last this many days.
    found_within: f64,
}

fn is_working_hour(hour: i64) -> bool {
    let hour = hour % 168;
    hour / 24 < 5 && (8..18).contains(&(hour % 24))
}

/// So many a day from Monday to Friday, 8 to 18; a tenth of that each weekend day, and at night one in fifty.
fn office(hour: i64, a_day: f64) -> f64 {
    match (hour % 168 / 24 < 5, is_working_hour(hour)) {
        (true, true) => a_day / 10.0,
        (true, false) => a_day / 50.0 / 14.0,
        (false, _) => a_day / 10.0 / 24.0,
    }
}

/// Two months of a year, in the middle of it.
fn is_summer(hour: i64) -> bool {
    (24..32).contains(&(hour % YEAR / 168))
}

const KINDS: [Traffic; 7] = [
    Traffic {
        name: "20 a working day, little else",
        rate: |hour| office(hour, 20.0),
        bursts: None,
        found_within: 1.0,
    },
    Traffic {
        name: "20 a working day, with bursts of 60",
        rate: |hour| office(hour, 20.0),
        bursts: Some((12.0, 60.0)),
        found_within: 1.0,
    },
    Traffic {
        name: "20 a working day, 12 in two summer months",
        rate: |hour| office(hour, if is_summer(hour) { 12.0 } else { 20.0 }),
        bursts: None,
        found_within: 1.0,
    },
    Traffic {
        name: "3 a day, around the clock",
        rate: |_| 3.0 / 24.0,
        bursts: None,
        found_within: 7.0,
    },
    Traffic {
        name: "3 a week, in working hours",
        rate: |hour| if is_working_hour(hour) { 3.0 / 50.0 } else { 0.0 },
        bursts: None,
        found_within: 35.0,
    },
    Traffic {
        name: "3 a week, with bursts of 15",
        rate: |hour| if is_working_hour(hour) { 3.0 / 50.0 } else { 0.0 },
        bursts: Some((6.0, 15.0)),
        found_within: 42.0,
    },
    Traffic {
        name: "300 a day, around the clock",
        rate: |_| 300.0 / 24.0,
        bursts: None,
        found_within: 0.25,
    },
];

/// So many, when this many come on average.
fn poisson(dice: &Dice, mean: f64) -> u32 {
    let (limit, mut product, mut count) = ((-mean).exp(), dice.fraction(), 0);
    while product > limit {
        product *= dice.fraction();
        count += 1;
    }
    count
}

/// The hours with leads of two years: the first teaches, the second is judged.
fn thrown(kind: &Traffic, seed: u64) -> Vec<(i64, u32)> {
    let dice = Dice::seeded(seed);
    let mut hours = Vec::new();
    let mut burst = 0;
    for hour in 0..2 * YEAR {
        let extra = match kind.bursts {
            Some((days, leads)) => {
                if dice.fraction() < days / 365.0 / 24.0 {
                    burst = 3;
                }
                if burst > 0 { leads / 3.0 } else { 0.0 }
            }
            None => 0.0,
        };
        burst = (burst - 1).max(0);
        let leads = poisson(&dice, (kind.rate)(hour) + extra);
        if leads > 0 {
            hours.push((hour, leads));
        }
    }
    hours
}

/// What is known when the lead of place `last` was the last that came.
fn known(hours: &[(i64, u32)], last: usize) -> Rhythm {
    let window = 9 * 168;
    let begin = hours[..=last].partition_point(|(hour, _)| hours[last].0 - hour > window);
    let mut rhythm = heard(&hours[begin..=last]);
    rhythm.first_at = Some(at(hours[0].0));
    rhythm
}

struct Judged {
    /// Moments at which too little was known to judge.
    unknown: u32,
    false_alarms: u32,
    /// Days until a source that died was found dead, for deaths all over the year.
    found: Vec<f64>,
}

fn judge(hours: &[(i64, u32)]) -> Judged {
    let second_year = hours.partition_point(|(hour, _)| *hour < YEAR);
    let mut judged = Judged {
        unknown: 0,
        false_alarms: 0,
        found: Vec::new(),
    };
    for last in second_year..hours.len() - 1 {
        let gap = hours[last + 1].0 - hours[last].0;
        let is_sampled = last % (hours.len() / 50).max(1) == 0;
        // A gap of a few hours is looked at now and then only: the tests shall be quick.
        if gap < 3 && !is_sampled {
            continue;
        }
        let rhythm = known(hours, last);
        let Some(alarm) = silent_at(&rhythm, SilenceRule::History, monday()) else {
            judged.unknown += 1;
            continue;
        };
        judged.false_alarms += u32::from(alarm <= at(hours[last + 1].0));
        if is_sampled {
            let wait = alarm - rhythm.heard_at.unwrap();
            judged
                .found
                .push(f64::from(i32::try_from(wait.num_hours()).unwrap()) / 24.0);
        }
    }
    judged
}

/// Seeds of one kind of traffic.
const SOURCES: u32 = 12;

#[test]
fn a_year_of_traffic_raises_hardly_a_false_alarm_and_a_dead_source_is_found() {
    println!(
        "source                                      false alarms a year   found after (median, slowest)"
    );
    for (number, kind) in (1_u64..).zip(KINDS) {
        let mut false_alarms = 0;
        let mut found = Vec::new();
        for source in 0..SOURCES {
            let judged = judge(&thrown(&kind, number * 1000 + u64::from(source)));
            assert!(
                judged.unknown <= 1,
                "{}: a year is enough to know a source",
                kind.name
            );
            false_alarms += judged.false_alarms;
            found.extend(judged.found);
        }
        found.sort_by(f64::total_cmp);
        let (median, slowest) = (found[found.len() / 2], found[found.len() - 1]);
        let a_year = f64::from(false_alarms) / f64::from(SOURCES);
        println!(
            "{:<43} {a_year:>8.2}              {median:>7.1} d {slowest:>8.1} d",
            kind.name
        );
        assert!(a_year <= 1.0, "{}: {a_year} false alarms a year", kind.name);
        let weekend = 2.7;
        assert!(
            median <= kind.found_within,
            "{}: found after {median} days",
            kind.name
        );
        assert!(
            slowest <= kind.found_within * 2.0 + weekend,
            "{}: found after {slowest} days",
            kind.name
        );
    }
}
