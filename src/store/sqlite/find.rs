//! What an id names, of whatever kind it is.

use connector_kit::{LeadId, ReferralId, SourceName};
use rusqlite::{Connection, params};

use super::names::NameKind;
use super::reader::Shelf;
use super::trouble::Trouble;
use crate::store::Found;

/// Everything the id names, each once.
pub(super) fn find(shelf: &mut Shelf, id: &str) -> Result<Vec<Found>, Trouble> {
    let id = id.trim();
    let connection = &shelf.connection;
    let mut found = Vec::new();
    // Both are written alike: one id may name a lead and a referral.
    if let Ok(lead) = id.parse() {
        leads(connection, &mut found, lead, 0)?;
    }
    if let Ok(referral) = id.parse() {
        referrals(connection, &mut found, &referral)?;
    }
    // An event is named by lead and revision, and by what else makes it another event.
    let mut parts = id.split('-');
    if let (Some(lead), Some(revision)) = (parts.next(), parts.next())
        && let (Ok(lead), Ok(revision)) = (lead.parse(), revision.parse())
    {
        leads(connection, &mut found, lead, revision)?;
    }
    for record in [id.to_owned(), id.to_ascii_lowercase()] {
        records(connection, &mut found, &record)?;
    }
    let mut once: Vec<Found> = Vec::with_capacity(found.len());
    for one in found {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    Ok(once)
}

/// The lead, if it ever had this revision.
fn leads(connection: &Connection, found: &mut Vec<Found>, id: LeadId, revision: u32) -> Result<(), Trouble> {
    let exists: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM leads WHERE public_id = ?1 AND revision >= ?2)")?
        .query_row(params![&id.as_bytes()[..], revision], |row| row.get(0))?;
    if exists {
        found.push(Found::Lead(id));
    }
    Ok(())
}

fn referrals(connection: &Connection, found: &mut Vec<Found>, id: &ReferralId) -> Result<(), Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT n.name FROM referrals r JOIN names n ON n.id = r.source WHERE r.public_id = ?1 ORDER BY r.id",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    while let Some(row) = rows.next()? {
        let source = SourceName::new(row.get::<_, String>(0)?);
        found.push(Found::Referral(source, id.clone()));
    }
    Ok(())
}

/// Leads that a record of this name was made of, or that it spoke of.
fn records(connection: &Connection, found: &mut Vec<Found>, record: &str) -> Result<(), Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT l.public_id FROM leads l WHERE l.id IN (
           SELECT lead FROM deliveries WHERE record = ?1
           UNION SELECT lead FROM outcomes WHERE newest = 1 AND record = ?1
             AND source IN (SELECT id FROM names WHERE kind = ?2))
         ORDER BY l.id",
    )?;
    let mut rows = statement.query(params![record, NameKind::Watch as i64])?;
    while let Some(row) = rows.next()? {
        found.push(Found::Lead(LeadId::from_bytes(row.get(0)?)));
    }
    Ok(())
}
