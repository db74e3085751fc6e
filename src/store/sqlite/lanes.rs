//! What is due in each lane of a destination, told exactly and without walking a long line.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::codes;
use super::trouble::Trouble;
use crate::store::{Lane, LaneQueue};

/// A lane is counted one by one up to here.
const SHORT: i64 = 10_000;

/// Every lane, of `due` deliveries in all.
///
/// A backlog lies in one lane nearly always: it is what the short ones leave of the total. Only where
/// several lanes are long, all but one of them are counted to their end.
pub(super) fn queues(
    connection: &Connection,
    destination: i64,
    due: u64,
) -> Result<[LaneQueue; Lane::ALL.len()], Trouble> {
    counted_to(SHORT, connection, destination, due)
}

fn counted_to(
    short: i64,
    connection: &Connection,
    destination: i64,
    due: u64,
) -> Result<[LaneQueue; Lane::ALL.len()], Trouble> {
    let mut queues = <[LaneQueue; Lane::ALL.len()]>::default();
    let mut long = Vec::new();
    for (place, lane) in Lane::ALL.into_iter().enumerate() {
        let counted = count(connection, destination, lane, short)?;
        if counted == short.cast_unsigned() {
            long.push((place, lane));
        }
        queues[place] = LaneQueue {
            due: counted,
            oldest: oldest(connection, destination, lane)?,
        };
    }
    let Some((rest, _)) = long.pop() else {
        return Ok(queues);
    };
    for (place, lane) in long {
        queues[place].due = count(connection, destination, lane, i64::MAX)?;
    }
    queues[rest].due = 0;
    let others: u64 = queues.iter().map(|queue| queue.due).sum();
    queues[rest].due = due.saturating_sub(others);
    Ok(queues)
}

fn count(connection: &Connection, destination: i64, lane: Lane, most: i64) -> Result<u64, Trouble> {
    let counted: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM deliveries
             WHERE destination = ?1 AND state = 0 AND lane = ?2 LIMIT ?3)",
        )?
        .query_row(params![destination, codes::lane(lane), most], |row| row.get(0))?;
    Ok(counted.cast_unsigned())
}

/// Since when somebody waits. What was requeued or changed waits anew, whatever its number: all of a lane are
/// looked at, of a long one the first [`SHORT`].
fn oldest(connection: &Connection, destination: i64, lane: Lane) -> Result<Option<DateTime<Utc>>, Trouble> {
    let since: Option<i64> = connection
        .prepare_cached(
            "SELECT min(since) FROM (SELECT since FROM deliveries
             WHERE destination = ?1 AND state = 0 AND lane = ?2 ORDER BY lead LIMIT ?3)",
        )?
        .query_row(params![destination, codes::lane(lane), SHORT], |row| row.get(0))?;
    Ok(since.map(codes::moment))
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    /// So many due deliveries per lane, and some that are not due.
    fn line(lengths: [u64; 4]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut lead = 0;
        for (lane, length) in (0_i64..).zip(lengths) {
            for state in [vec![0; usize::try_from(length).unwrap()], vec![1, 2, 4, 5]].concat() {
                lead += 1;
                connection
                    .execute(
                        "INSERT INTO deliveries (lead, destination, state, lane, wanted, held, uncertain, attempt,
                           token, since, at) VALUES (?1, 7, ?2, ?3, 1, 0, 0, 0, 0, ?4, 0)",
                        params![lead, state, lane, 1000 * lead],
                    )
                    .unwrap();
            }
        }
        connection
    }

    #[test]
    fn every_lane_is_told_exactly_however_little_of_it_is_counted() {
        for lengths in [
            [0, 0, 0, 0],
            [1, 0, 0, 9],
            [0, 9, 2, 0],
            [3, 9, 0, 8],
            [5, 6, 7, 8],
        ] {
            let connection = line(lengths);
            for short in 1..12 {
                let queues = counted_to(short, &connection, 7, lengths.iter().sum()).unwrap();
                let told = queues.map(|queue| queue.due);
                assert_eq!(told, lengths, "counted to {short}");
                for queue in queues {
                    assert_eq!(queue.oldest.is_some(), queue.due > 0);
                }
            }
        }
    }

    #[test]
    fn the_oldest_of_a_lane_waits_longest_whatever_its_number() {
        let connection = line([2, 0, 1, 0]);
        let oldest = |connection: &Connection| {
            let queues = queues(connection, 7, 3).unwrap();
            queues.map(|queue| queue.oldest.map(|at| at.timestamp()))
        };
        assert_eq!(oldest(&connection), [Some(1), None, Some(11), None]);
        connection
            .execute("UPDATE deliveries SET since = 60000 WHERE lead = 1", [])
            .unwrap();
        assert_eq!(
            oldest(&connection),
            [Some(2), None, Some(11), None],
            "the first waits anew"
        );
    }
}
