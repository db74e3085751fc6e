//! Old data goes, a few rows in each transaction, and never what somebody still needs.
//!
//! Ids, fates, moments and counts stay: a duplicate is known however old it is.

use connector_kit::Referral;
use connector_kit::lead::{Lead, Person};
use rusqlite::{Row, params};

use super::codes;
use super::desk::Desk;
use super::forget::empty_arrival;
use super::leads::read_lead;
use super::tally::Counter;
use super::trouble::Trouble;
use crate::store::{FieldGroup, Portion, Pruned};

/// Rows looked at in one transaction; senders wait no longer than for a batch of understanding.
const ROWS: usize = 256;

/// Something is still to be done with the lead `lead`: a delivery is on its way or dead, a referral open, a
/// report on its way or refused, or a clock runs.
const IN_WORK: &str = "
  EXISTS (SELECT 1 FROM deliveries d WHERE d.lead = {lead} AND d.state IN (0, 1, 2, 5))
  OR EXISTS (SELECT 1 FROM clocks c WHERE c.lead = {lead} AND c.ended = 0)
  OR EXISTS (SELECT 1 FROM referrals r LEFT JOIN reports p ON p.referral = r.id WHERE r.lead = {lead}
             AND (r.state IN (0, 1, 7) OR p.state IN (0, 1, 2, 4)))";

/// Clears one portion away.
pub(super) fn prune(desk: &mut Desk, portion: Portion) -> Result<Pruned, Trouble> {
    let rows = look(desk, portion)?;
    let mut pruned = Pruned {
        count: 0,
        next: rows.last().filter(|_| rows.len() == ROWS).map(|(id, _)| *id),
    };
    let before = codes::millis(portion.before);
    for (id, goes) in &rows {
        if *goes {
            pruned.count += u64::from(clear(desk, portion.group, *id, before)?);
        }
    }
    if pruned.count > 0 {
        desk.broom.note();
    }
    Ok(pruned)
}

/// The next rows, oldest first, and whether each may go.
fn look(desk: &Desk, portion: Portion) -> Result<Vec<(i64, bool)>, Trouble> {
    let done = |lead: &str| format!("NOT ({})", IN_WORK.replace("{lead}", lead));
    let understood = |codes: &str, and: &str| {
        format!(
            "SELECT i.id, length(i.body) > 0 AND i.received_at < ?2 AND EXISTS (
               SELECT 1 FROM arrivals a WHERE a.id = i.id AND a.understood IN ({codes}) AND {and})
             FROM inbox i WHERE i.id > ?1 ORDER BY i.id LIMIT ?3"
        )
    };
    let sql = match portion.group {
        FieldGroup::Raw => understood("1, 2, 3", &done("a.lead")),
        FieldGroup::Quarantined => understood("4", "1"),
        FieldGroup::Refused => {
            "SELECT id, received_at < ?2 FROM quarantine WHERE id > ?1 ORDER BY id LIMIT ?3".to_owned()
        }
        FieldGroup::Answers => format!(
            "SELECT t.id, t.at < ?2 AND t.answer IS NOT NULL AND {}
             FROM attempts t WHERE t.id > ?1 ORDER BY t.id LIMIT ?3",
            done("t.lead")
        ),
        FieldGroup::Outcomes => "SELECT o.id, o.seen_at < ?2 AND o.newest = 0 AND NOT EXISTS (
               SELECT 1 FROM standings s WHERE s.lead = o.lead AND s.outcome = o.id)
             FROM outcomes o WHERE o.id > ?1 ORDER BY o.id LIMIT ?3"
            .to_owned(),
        FieldGroup::Persons => format!(
            "SELECT l.id, l.revised_at < ?2 AND l.suppression <> 6 AND {}
             FROM leads l WHERE l.id > ?1 ORDER BY l.id LIMIT ?3",
            done("l.id")
        ),
    };
    let before = codes::millis(portion.before);
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let mut statement = desk.connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        params![portion.after, before, i64::try_from(ROWS).unwrap_or(i64::MAX)],
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn clear(desk: &mut Desk, group: FieldGroup, id: i64, before: i64) -> Result<bool, Trouble> {
    let changed = match group {
        FieldGroup::Raw | FieldGroup::Quarantined => return empty_arrival(desk, id),
        FieldGroup::Refused => {
            let size: i64 = desk
                .connection
                .prepare_cached("DELETE FROM quarantine WHERE id = ?1 RETURNING length(body)")?
                .query_row([id], |row| row.get(0))?;
            desk.tally.add(Counter::QuarantineBytes, -size);
            1
        }
        FieldGroup::Answers => desk
            .connection
            .prepare_cached("UPDATE attempts SET answer = NULL WHERE id = ?1")?
            .execute([id])?,
        FieldGroup::Outcomes => desk
            .connection
            .prepare_cached("DELETE FROM outcomes WHERE id = ?1")?
            .execute([id])?,
        FieldGroup::Persons => return strip_lead(desk, id, before),
    };
    Ok(changed > 0)
}

/// Takes the person out of a lead, its referrals and its arrivals.
fn strip_lead(desk: &mut Desk, id: i64, before: i64) -> Result<bool, Trouble> {
    let body: Vec<u8> = desk
        .connection
        .prepare_cached("SELECT body FROM leads WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    let lead = read_lead(&body)?;
    let stripped = stripped(lead.clone());
    if stripped == lead {
        return Ok(false);
    }
    desk.connection
        .prepare_cached("UPDATE leads SET body = ?2 WHERE id = ?1")?
        .execute(params![id, codes::text(&stripped)?.into_bytes()])?;
    let referrals: Vec<(i64, Vec<u8>)> = desk
        .connection
        .prepare_cached("SELECT id, body FROM referrals WHERE lead = ?1")?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (number, body) in referrals {
        let referral = without_persons(codes::read_back(&body, "referral")?);
        desk.connection
            .prepare_cached("UPDATE referrals SET body = ?2 WHERE id = ?1")?
            .execute(params![number, codes::text(&referral)?.into_bytes()])?;
    }
    let arrivals: Vec<i64> = desk
        .connection
        .prepare_cached(
            "SELECT a.id FROM arrivals a JOIN inbox i ON i.id = a.id WHERE a.lead = ?1 AND i.received_at < ?2",
        )?
        .query_map(params![id, before], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for arrival in arrivals {
        empty_arrival(desk, arrival)?;
    }
    Ok(true)
}

/// What stays: which publisher, which offers, when, and what was done.
fn stripped(mut lead: Lead) -> Lead {
    lead.person = Person::default();
    for touch in &mut lead.touches {
        touch.description.clear();
        touch.extra.clear();
        touch.lead_source.clear();
        touch.action_code.clear();
        // Without a solution the title of a referral is the name of its deal, which names who it is with.
        if touch.referral.is_some() {
            touch.offer_title.clear();
        }
    }
    lead.referrals = lead.referrals.into_iter().map(without_persons).collect();
    lead
}

fn without_persons(mut referral: Referral) -> Referral {
    referral.name.clear();
    referral.reason.clear();
    referral.external_reference.clear();
    referral.campaign.clear();
    referral.team.clear();
    referral.deal.notes.clear();
    referral
}

#[cfg(test)]
mod tests {
    use connector_kit::conformance::leads;

    use super::super::super::conformance;
    use super::*;

    #[test]
    fn the_name_of_a_deal_goes_with_the_person_and_the_title_of_an_offer_stays() {
        let mut lead = Lead::clone(&leads::delivery(1).lead);
        let mut deal = lead.touches[0].clone();
        deal.offer_title = "Ada Lovelace, engines".into();
        deal.referral = Some(conformance::referrals::pending(1).version());
        lead.touches[0].offer_title = "Contoso Backup".into();
        lead.touches[0].referral = None;
        lead.touches.push(deal);
        let titles = stripped(lead).touches.into_iter().map(|touch| touch.offer_title);
        assert!(titles.eq(["Contoso Backup", ""]));
    }
}
