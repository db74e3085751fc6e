//! What was found of a person is overwritten, in one transaction, and counted.

use connector_kit::lead::{Intent, Person};
use connector_kit::{DestinationName, Lead, LeadId, RecordRef, SourceName};
use rusqlite::{OptionalExtension, params};

use super::super::codes::{self, state, understood};
use super::super::desk::Desk;
use super::super::leads::{count_suppression, read_lead, spans};
use super::super::tally::{Counter, DELIVERIES, OUTCOMES, REFERRALS, REPORTS};
use super::super::trouble::Trouble;
use super::empty_arrival;
use super::list::{Hash, List};
use super::search::{Found, TEXTS, account_of, accounts};
use crate::store::{ForgetOrder, ForgottenLead, Held, HeldCopy, Identity, Suppression, Traces};

/// Erases what was found and remembers hashes of it.
pub(super) fn erase(
    desk: &mut Desk,
    list: &List,
    order: &ForgetOrder,
    found: &Found,
    now: i64,
) -> Result<Traces, Trouble> {
    let mut hashes = Vec::new();
    if let (Some(key), Some(seeker)) = (list.key(), &order.seeker) {
        hashes.extend(seeker.identities().into_iter().map(|who| key.person(who)));
    }
    let mut traces = Traces {
        waiting: found.waiting.len() as u64,
        ..Traces::default()
    };
    for lead in &found.leads {
        if let Some(gone) = erase_lead(desk, *lead, list, &mut hashes, &mut traces, now)? {
            traces.leads.push(gone);
        }
    }
    for id in &found.arrivals {
        traces.arrivals += u64::from(empty_arrival(desk, *id)?);
    }
    for id in &found.unsettled {
        traces.arrivals += u64::from(forget_unsettled(desk, *id)?);
    }
    for id in &found.refused {
        traces.refused += u64::from(drop_refused(desk, *id)?);
    }
    for id in &found.forwards {
        let gone = desk
            .connection
            .execute("DELETE FROM forwards WHERE id = ?1", [id])?;
        traces.events += gone as u64;
    }
    traces.mentions = redact(desk, order, found)?;
    for (_, lead) in found.texts.iter().filter(|(place, _)| TEXTS[*place].0 == "leads") {
        traces.mentioned_by.extend(holders(desk, *lead)?);
    }
    remember(desk, list, &hashes, &traces, now)?;
    desk.broom.note();
    Ok(traces)
}

/// Nothing is left of the lead but its id, its publisher and that it is forgotten.
fn erase_lead(
    desk: &mut Desk,
    lead: i64,
    list: &List,
    hashes: &mut Vec<Hash>,
    traces: &mut Traces,
    now: i64,
) -> Result<Option<ForgottenLead>, Trouble> {
    let known: Option<(Vec<u8>, i64)> = desk
        .connection
        .prepare_cached("SELECT body, suppression FROM leads WHERE id = ?1")?
        .query_row([lead], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((body, suppression)) = known.filter(|(_, suppression)| *suppression != codes::FORGOTTEN) else {
        return Ok(None);
    };
    let Lead { id, account, dnc, .. } = read_lead(&body)?;
    remember_identities(desk, lead, dnc, list, hashes)?;
    let gone = ForgottenLead {
        id,
        copies: withdraw(desk, lead)?,
        referrals: drop_referrals(desk, lead, traces)?,
        account,
    };
    traces.outcomes += drop_outcomes(desk, lead)?;
    for (sql, count) in [
        ("DELETE FROM attempts WHERE lead = ?1", Some(&mut traces.attempts)),
        ("DELETE FROM clocks WHERE lead = ?1", None),
        ("DELETE FROM touchpoints WHERE lead = ?1", None),
        ("DELETE FROM identities WHERE lead = ?1", None),
    ] {
        let deleted = desk.connection.prepare_cached(sql)?.execute([lead])?;
        if let Some(count) = count {
            *count += deleted as u64;
        }
    }
    for arrival in numbers(desk, "SELECT id FROM arrivals WHERE lead = ?1", lead)? {
        traces.arrivals += u64::from(empty_arrival(desk, arrival)?);
    }
    let body =
        serde_json::to_vec(&shell(&gone, now)).map_err(|error| Trouble::Unreadable(error.to_string()))?;
    desk.connection
        .prepare_cached(
            "UPDATE leads SET dnc = 0, suppression = ?2, revision = revision + 1, revised_at = ?3, body = ?4
             WHERE id = ?1",
        )?
        .execute(params![lead, codes::FORGOTTEN, now, body])?;
    count_suppression(desk, codes::suppression_from(suppression), -1);
    count_suppression(desk, Some(Suppression::Forgotten), 1);
    Ok(Some(gone))
}

fn shell(gone: &ForgottenLead, now: i64) -> Lead {
    Lead {
        id: gone.id,
        account: gone.account.clone(),
        person: Person::default(),
        intent: Intent::Unknown,
        dnc: false,
        first_at: codes::moment(now),
        last_at: codes::moment(now),
        touches: Vec::new(),
        referrals: Vec::new(),
    }
}

fn numbers(desk: &Desk, sql: &str, of: i64) -> Result<Vec<i64>, Trouble> {
    let mut statement = desk.connection.prepare_cached(sql)?;
    let numbers = statement.query_map([of], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// Identities are needed to know a late duplicate, and whom nobody may contact (`dnc`); a lead that has none
/// cannot be known again.
fn remember_identities(
    desk: &Desk,
    lead: i64,
    dnc: bool,
    list: &List,
    hashes: &mut Vec<Hash>,
) -> Result<(), Trouble> {
    let Some(key) = list.key() else { return Ok(()) };
    let mut statement = desk
        .connection
        .prepare_cached("SELECT identity FROM identities WHERE lead = ?1")?;
    let touches = spans(&desk.connection, lead)?;
    for identity in statement.query_map([lead], |row| row.get(0))? {
        let identity = Identity(identity?);
        hashes.push(key.person(identity));
        hashes.extend(dnc.then(|| key.barred(identity)));
        hashes.extend(touches.iter().map(|span| key.touch(identity, span.key)));
    }
    Ok(())
}

/// Takes its deliveries away, and tells where it has been.
fn withdraw(desk: &mut Desk, lead: i64) -> Result<Vec<HeldCopy>, Trouble> {
    let rows: Vec<(i64, i64, u32, bool, Option<String>)> = desk
        .connection
        .prepare_cached("SELECT destination, state, held, uncertain, record FROM deliveries WHERE lead = ?1")?
        .query_map([lead], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut copies = Vec::with_capacity(rows.len());
    for (destination, at, held, uncertain, record) in rows {
        desk.tally.gone(destination, DELIVERIES, at);
        copies.push(HeldCopy {
            destination: DestinationName::new(desk.names.text(&desk.connection, destination)?),
            record: record.map(RecordRef),
            held: match (held, at == state::LEASED, uncertain) {
                (1.., ..) => Held::Yes,
                (_, true, _) => Held::UnderWay,
                (_, _, true) => Held::Maybe,
                _ => Held::No,
            },
        });
    }
    desk.connection
        .prepare_cached("DELETE FROM deliveries WHERE lead = ?1")?
        .execute([lead])?;
    Ok(copies)
}

fn drop_outcomes(desk: &mut Desk, lead: i64) -> Result<u64, Trouble> {
    let standings: Vec<(i64, i64)> = desk
        .connection
        .prepare_cached("DELETE FROM standings WHERE lead = ?1 RETURNING source, stage")?
        .query_map([lead], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (source, stage) in standings {
        desk.tally.gone(source, OUTCOMES, stage);
    }
    let gone = desk
        .connection
        .prepare_cached("DELETE FROM outcomes WHERE lead = ?1")?
        .execute([lead])?;
    Ok(gone as u64)
}

fn drop_referrals(
    desk: &mut Desk,
    lead: i64,
    traces: &mut Traces,
) -> Result<Vec<(SourceName, connector_kit::ReferralId)>, Trouble> {
    let rows: Vec<(i64, i64, String, i64)> = desk
        .connection
        .prepare_cached("SELECT id, source, public_id, state FROM referrals WHERE lead = ?1")?
        .query_map([lead], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut referrals = Vec::with_capacity(rows.len());
    for (number, source, public_id, standing) in rows {
        let report: Option<(i64, i64)> = desk
            .connection
            .prepare_cached("DELETE FROM reports WHERE referral = ?1 RETURNING sink, state")?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((sink, at)) = report {
            desk.tally.gone(sink, REPORTS, at);
        }
        for sql in [
            "DELETE FROM report_steps WHERE referral = ?1",
            "DELETE FROM referral_versions WHERE referral = ?1",
            "DELETE FROM referrals WHERE id = ?1",
        ] {
            desk.connection.prepare_cached(sql)?.execute([number])?;
        }
        desk.tally.gone(source, REFERRALS, standing);
        let notices = desk
            .connection
            .prepare_cached("DELETE FROM notices WHERE referral = ?1 AND source = ?2")?
            .execute(params![public_id, source])?;
        desk.tally.noticed(source, -i64::try_from(notices).unwrap_or(0));
        traces.events += notices as u64;
        if let Ok(id) = public_id.parse() {
            referrals.push((SourceName::new(desk.names.text(&desk.connection, source)?), id));
        }
    }
    Ok(referrals)
}

/// An arrival of theirs that nobody has understood yet never will be.
fn forget_unsettled(desk: &mut Desk, id: i64) -> Result<bool, Trouble> {
    let waited = desk
        .connection
        .prepare_cached("DELETE FROM unsettled WHERE id = ?1")?
        .execute([id])?;
    if waited > 0 {
        desk.connection
            .prepare_cached(
                "INSERT INTO arrivals (id, understood, lead, reason) VALUES (?1, ?2, NULL, NULL)",
            )?
            .execute(params![id, understood::FORGOTTEN])?;
        desk.tally.add(Counter::Unsettled, -1);
        desk.tally.add(Counter::Forgotten, 1);
    }
    empty_arrival(desk, id)
}

fn drop_refused(desk: &mut Desk, id: i64) -> Result<bool, Trouble> {
    let size: Option<i64> = desk
        .connection
        .prepare_cached("DELETE FROM quarantine WHERE id = ?1 RETURNING length(body)")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    desk.tally.add(Counter::QuarantineBytes, -size.unwrap_or(0));
    Ok(size.is_some())
}

/// Takes them out of what is said about others.
fn redact(desk: &Desk, order: &ForgetOrder, found: &Found) -> Result<u64, Trouble> {
    let Some(seeker) = &order.seeker else { return Ok(0) };
    let all = accounts(&desk.connection, order)?;
    let mut count = 0;
    for (place, row) in &found.texts {
        let (table, column) = TEXTS[*place];
        let own = account_of(&desk.connection, table, *row)?;
        let accounts = own.as_ref().map_or(&all[..], std::slice::from_ref);
        let clean = |text: String| {
            accounts.iter().fold(text, |text, account| {
                seeker.redact(account, &text).unwrap_or(text)
            })
        };
        let text: Option<Vec<u8>> = desk
            .connection
            .prepare_cached(&format!(
                "SELECT CAST({column} AS BLOB) FROM {table} WHERE rowid = ?1"
            ))?
            .query_row([row], |row| row.get(0))
            .optional()?
            .flatten();
        let Some(Ok(text)) = text.map(String::from_utf8) else {
            continue;
        };
        let is_json = column == "body" || column == "ordered";
        let cleaned = if is_json {
            clean_json(&text, &clean)?
        } else {
            clean(text)
        };
        // Whoever holds a lead as it was must not write it back.
        let read_anew = if table == "leads" {
            ", revision = revision + 1"
        } else {
            ""
        };
        let kept = if column == "body" {
            "CAST(?2 AS BLOB)"
        } else {
            "?2"
        };
        desk.connection
            .prepare_cached(&format!(
                "UPDATE {table} SET {column} = {kept}{read_anew} WHERE rowid = ?1"
            ))?
            .execute(params![row, cleaned])?;
        count += 1;
    }
    Ok(count)
}

/// A lead, and the destinations that may hold it.
fn holders(desk: &mut Desk, lead: i64) -> Result<Option<(LeadId, Vec<DestinationName>)>, Trouble> {
    let id: Option<[u8; 16]> = desk
        .connection
        .prepare_cached("SELECT public_id FROM leads WHERE id = ?1")?
        .query_row([lead], |row| row.get(0))
        .optional()?;
    let destinations: Vec<i64> = desk
        .connection
        .prepare_cached(
            "SELECT destination FROM deliveries WHERE lead = ?1 AND (held > 0 OR uncertain = 1 OR state = 1)
             ORDER BY destination",
        )?
        .query_map([lead], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut names = Vec::with_capacity(destinations.len());
    for number in destinations {
        names.push(DestinationName::new(desk.names.text(&desk.connection, number)?));
    }
    Ok(id.map(|id| (LeadId::from_bytes(id), names)))
}

fn clean_json(text: &str, clean: &dyn Fn(String) -> String) -> Result<String, Trouble> {
    let mut value: serde_json::Value = codes::read_back(text.as_bytes(), "text")?;
    walk(&mut value, clean);
    codes::text(&value)
}

fn walk(value: &mut serde_json::Value, clean: &dyn Fn(String) -> String) {
    match value {
        serde_json::Value::String(text) => *text = clean(std::mem::take(text)),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| walk(item, clean)),
        serde_json::Value::Object(members) => members.values_mut().for_each(|member| walk(member, clean)),
        _ => {}
    }
}

/// The list is written before the commit: a restored backup must never know less than this store.
fn remember(desk: &Desk, list: &List, hashes: &[Hash], traces: &Traces, now: i64) -> Result<(), Trouble> {
    list.add(hashes, now).map_err(|error| {
        Trouble::Unreadable(format!(
            "the list of who was forgotten cannot be written: {error}"
        ))
    })?;
    let mut statement = desk.connection.prepare_cached(
        "INSERT INTO forgotten (hash, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
    )?;
    for hash in hashes {
        statement.execute(params![&hash[..], now])?;
    }
    desk.connection.execute(
        "INSERT INTO erasures (at, leads, bodies, mentions) VALUES (?1, ?2, ?3, ?4)",
        params![
            now,
            i64::try_from(traces.leads.len()).unwrap_or(i64::MAX),
            i64::try_from(traces.arrivals + traces.refused).unwrap_or(i64::MAX),
            i64::try_from(traces.mentions).unwrap_or(i64::MAX)
        ],
    )?;
    Ok(())
}
