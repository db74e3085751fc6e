//! The search for a person, table by table, a portion at a time.

use std::collections::BTreeSet;

use connector_kit::ids::AccountName;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::desk::Desk;
use super::super::inbox::arrival;
use super::super::leads::read_lead;
use super::super::names::{NameKind, Names};
use super::super::operator::key_of;
use super::super::trouble::Trouble;
use crate::store::{ForgetOrder, Identity, Seeker, Whose};

/// Rows of one portion.
const PORTION: i64 = 2000;

/// Columns in which others may be said to have to do with a person: table, column.
pub(super) const TEXTS: [(&str, &str); 14] = [
    ("leads", "body"),
    ("referrals", "body"),
    ("attempts", "what"),
    ("attempts", "hint"),
    ("attempts", "answer"),
    ("outcomes", "state"),
    ("outcomes", "reason"),
    ("reports", "ordered"),
    ("reports", "plan"),
    ("reports", "reason"),
    ("reports", "hint"),
    ("report_steps", "detail"),
    ("destinations", "reason"),
    ("destinations", "hint"),
];

/// What was found, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) leads: BTreeSet<i64>,
    /// Arrivals that are understood, or cannot be.
    pub(super) arrivals: BTreeSet<i64>,
    /// Arrivals of theirs that wait to be understood.
    pub(super) unsettled: BTreeSet<i64>,
    /// Arrivals of others that mention them and wait to be understood.
    pub(super) waiting: BTreeSet<i64>,
    pub(super) refused: BTreeSet<i64>,
    pub(super) forwards: BTreeSet<i64>,
    /// Texts about others: place in [`TEXTS`] and row.
    pub(super) texts: BTreeSet<(usize, i64)>,
    /// The newest rows that were looked at: of `inbox`, `quarantine`, `forwards`.
    looked_at: [i64; 3],
}

/// How far a search has come.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) found: Found,
    /// Which table is looked through.
    place: usize,
    /// The last row looked at.
    row: i64,
}

impl Search {
    /// Looks through one more portion; true when there is no more.
    pub(super) fn go_on(
        &mut self,
        connection: &Connection,
        names: &mut Names,
        order: &ForgetOrder,
    ) -> Result<bool, Trouble> {
        if self.place == 0 && self.row == 0 {
            self.found.by_name(connection, order)?;
        }
        let Some(seeker) = &order.seeker else {
            return Ok(true);
        };
        let accounts = accounts(connection, order)?;
        let mut eye = Eye {
            connection,
            names,
            seeker: &**seeker,
            accounts: &accounts,
        };
        let last = match self.place {
            0 => self.found.look_at_inbox(&mut eye, self.row)?,
            1 => self.found.look_at_refused(&mut eye, self.row)?,
            2 => self.found.look_at_forwards(&mut eye, self.row)?,
            place => match TEXTS.get(place - 3) {
                Some(_) => self.found.look_at_text(&eye, place - 3, self.row)?,
                None => return Ok(true),
            },
        };
        if last.is_none() {
            self.place += 1;
        }
        self.row = last.unwrap_or(0);
        Ok(false)
    }
}

/// Who looks, and at what.
struct Eye<'a> {
    connection: &'a Connection,
    names: &'a mut Names,
    seeker: &'a dyn Seeker,
    accounts: &'a [AccountName],
}

impl Eye<'_> {
    fn mentions(&self, bytes: &[u8]) -> bool {
        self.accounts
            .iter()
            .any(|account| self.seeker.mentions(account, bytes))
    }

    /// Whether it mentions somebody this publisher knows, when that publisher is one that is looked at.
    fn mentions_at(&self, account: &AccountName, bytes: &[u8]) -> bool {
        self.accounts.contains(account) && self.seeker.mentions(account, bytes)
    }

    /// Whether what comes from this source is looked at: it is of one publisher, which its leads name.
    fn looks_at_source(&mut self, source: i64) -> Result<bool, Trouble> {
        let account: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT account FROM (SELECT account FROM referrals WHERE source = ?1 LIMIT 1)
                 UNION ALL SELECT account FROM (SELECT account FROM inbox WHERE source = ?1 LIMIT 1) LIMIT 1",
            )?
            .query_row([source], |row| row.get(0))
            .optional()?;
        account.map_or(Ok(true), |number| Ok(self.account(number)?.is_some()))
    }

    /// The account behind a number, when it is one that is looked at.
    fn account(&mut self, number: i64) -> Result<Option<AccountName>, Trouble> {
        let account = AccountName::new(self.names.text(self.connection, number)?);
        Ok(self.accounts.contains(&account).then_some(account))
    }
}

/// The publishers that are looked at.
pub(super) fn accounts(connection: &Connection, order: &ForgetOrder) -> Result<Vec<AccountName>, Trouble> {
    if let Some(account) = &order.account {
        return Ok(vec![account.clone()]);
    }
    let mut statement = connection.prepare_cached("SELECT name FROM names WHERE kind = ?1 ORDER BY id")?;
    let names = statement.query_map([NameKind::Account as i64], |row| row.get::<_, String>(0))?;
    Ok(names
        .map(|name| name.map(AccountName::new))
        .collect::<Result<_, _>>()?)
}

/// The publisher a row of this table belongs to; none when it belongs to no lead.
pub(super) fn account_of(
    connection: &Connection,
    table: &str,
    row: i64,
) -> Result<Option<AccountName>, Trouble> {
    let sql = match table {
        "leads" => "SELECT body FROM leads WHERE id = ?1",
        "referrals" => "SELECT l.body FROM referrals t JOIN leads l ON l.id = t.lead WHERE t.rowid = ?1",
        "attempts" => "SELECT l.body FROM attempts t JOIN leads l ON l.id = t.lead WHERE t.rowid = ?1",
        "outcomes" => "SELECT l.body FROM outcomes t JOIN leads l ON l.id = t.lead WHERE t.rowid = ?1",
        "reports" => {
            "SELECT l.body FROM reports t JOIN referrals r ON r.id = t.referral JOIN leads l ON l.id = r.lead
             WHERE t.rowid = ?1"
        }
        "report_steps" => {
            "SELECT l.body FROM report_steps t JOIN referrals r ON r.id = t.referral
             JOIN leads l ON l.id = r.lead WHERE t.rowid = ?1"
        }
        _ => return Ok(None),
    };
    let body: Option<Vec<u8>> = connection
        .prepare_cached(sql)?
        .query_row([row], |row| row.get(0))
        .optional()?;
    Ok(body
        .map(|body| read_lead(&body))
        .transpose()?
        .map(|lead| lead.account))
}

impl Found {
    /// What is found without searching: leads that are named, or known under an identity.
    fn by_name(&mut self, connection: &Connection, order: &ForgetOrder) -> Result<(), Trouble> {
        for id in &order.leads {
            let Some(lead) = key_of(connection, *id)? else {
                continue;
            };
            if order.account.is_none() || order.account == account_of(connection, "leads", lead)? {
                self.leads.insert(lead);
            }
        }
        let mut statement = connection.prepare_cached("SELECT lead FROM identities WHERE identity = ?1")?;
        let identities = order.seeker.as_ref().map(|seeker| seeker.identities());
        for Identity(identity) in identities.unwrap_or_default() {
            for lead in statement.query_map([&identity[..]], |row| row.get(0))? {
                self.leads.insert(lead?);
            }
        }
        Ok(())
    }

    /// Looks, inside the transaction that erases, at what came since the search began.
    pub(super) fn catch_up(&mut self, desk: &mut Desk, order: &ForgetOrder) -> Result<(), Trouble> {
        let Desk {
            connection, names, ..
        } = desk;
        self.by_name(connection, order)?;
        let Some(seeker) = &order.seeker else {
            return Ok(());
        };
        let accounts = accounts(connection, order)?;
        let mut eye = Eye {
            connection,
            names,
            seeker: &**seeker,
            accounts: &accounts,
        };
        let known = self.arrivals.clone();
        let [mut inbox, mut refused, mut forwards] = self.looked_at;
        while let Some(row) = self.look_at_inbox(&mut eye, inbox)? {
            inbox = row;
        }
        while let Some(row) = self.look_at_refused(&mut eye, refused)? {
            refused = row;
        }
        while let Some(row) = self.look_at_forwards(&mut eye, forwards)? {
            forwards = row;
        }
        self.see_what_waited(eye.connection)?;
        // What was understood meanwhile may stand in a lead that was looked at before.
        let understood: Vec<i64> = self.arrivals.difference(&known).copied().collect();
        for arrival in understood {
            self.look_at_lead_of(&eye, arrival)?;
        }
        Ok(())
    }

    /// Arrivals of others that waited when they were found, and were understood since.
    fn see_what_waited(&mut self, connection: &Connection) -> Result<(), Trouble> {
        let mut statement =
            connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM unsettled WHERE id = ?1)")?;
        for arrival in std::mem::take(&mut self.waiting) {
            let still_waits: bool = statement.query_row([arrival], |row| row.get(0))?;
            let place = if still_waits {
                &mut self.waiting
            } else {
                &mut self.arrivals
            };
            place.insert(arrival);
        }
        Ok(())
    }

    /// The lead an arrival became part of, and its referrals.
    fn look_at_lead_of(&mut self, eye: &Eye<'_>, arrival: i64) -> Result<(), Trouble> {
        for (place, sql) in [
            "SELECT l.id, l.body FROM arrivals a JOIN leads l ON l.id = a.lead WHERE a.id = ?1",
            "SELECT r.id, r.body FROM arrivals a JOIN referrals r ON r.lead = a.lead WHERE a.id = ?1",
        ]
        .into_iter()
        .enumerate()
        {
            let mut statement = eye.connection.prepare_cached(sql)?;
            let mut rows = statement.query([arrival])?;
            while let Some(row) = rows.next()? {
                self.judge_text(
                    eye,
                    place,
                    row.get(0)?,
                    row.get_ref(1)?.as_blob().unwrap_or_default(),
                )?;
            }
        }
        Ok(())
    }

    fn look_at_inbox(&mut self, eye: &mut Eye<'_>, after: i64) -> Result<Option<i64>, Trouble> {
        let sql = "SELECT i.account, i.source, i.received_at, i.format, i.occurred_at, i.body,
               EXISTS (SELECT 1 FROM unsettled u WHERE u.id = i.id), i.id
             FROM inbox i WHERE i.id > ?1 ORDER BY i.id LIMIT ?2";
        let last = portion(eye.connection, sql, after, |id, row| {
            let Some(account) = eye.account(row.get(0)?)? else {
                return Ok(());
            };
            let body = row.get_ref(5)?.as_blob().unwrap_or_default();
            if !eye.seeker.mentions(&account, body) {
                return Ok(());
            }
            if !row.get::<_, bool>(6)? {
                self.arrivals.insert(id);
                return Ok(());
            }
            match eye.seeker.whose(&arrival(eye.connection, eye.names, row)?) {
                Whose::Theirs | Whose::Nobodys => self.unsettled.insert(id),
                Whose::Others => self.waiting.insert(id),
            };
            Ok(())
        })?;
        self.looked_at[0] = last.unwrap_or(self.looked_at[0]);
        Ok(last)
    }

    fn look_at_refused(&mut self, eye: &mut Eye<'_>, after: i64) -> Result<Option<i64>, Trouble> {
        let sql = "SELECT id, account, body FROM quarantine WHERE id > ?1 ORDER BY id LIMIT ?2";
        let last = portion(eye.connection, sql, after, |id, row| {
            let account = eye.account(row.get(1)?)?;
            let body = row.get_ref(2)?.as_blob().unwrap_or_default();
            if account.is_some_and(|account| eye.seeker.mentions(&account, body)) {
                self.refused.insert(id);
            }
            Ok(())
        })?;
        self.looked_at[1] = last.unwrap_or(self.looked_at[1]);
        Ok(last)
    }

    fn look_at_forwards(&mut self, eye: &mut Eye<'_>, after: i64) -> Result<Option<i64>, Trouble> {
        let sql = "SELECT id, headers, body, source FROM forwards WHERE id > ?1 ORDER BY id LIMIT ?2";
        let last = portion(eye.connection, sql, after, |id, row| {
            let headers = row.get_ref(1)?.as_bytes().unwrap_or_default();
            let is_meant =
                eye.mentions(row.get_ref(2)?.as_bytes().unwrap_or_default()) || eye.mentions(headers);
            if is_meant && eye.looks_at_source(row.get(3)?)? {
                self.forwards.insert(id);
            }
            Ok(())
        })?;
        self.looked_at[2] = last.unwrap_or(self.looked_at[2]);
        Ok(last)
    }

    fn look_at_text(&mut self, eye: &Eye<'_>, place: usize, after: i64) -> Result<Option<i64>, Trouble> {
        let (table, column) = TEXTS[place];
        let sql =
            format!("SELECT rowid AS id, {column} FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2");
        portion(eye.connection, &sql, after, |id, row| {
            let text = row.get_ref(1)?.as_bytes_or_null().ok().flatten();
            self.judge_text(eye, place, id, text.unwrap_or_default())
        })
    }

    /// A text that mentions them: a lead of their own, or one about others.
    fn judge_text(&mut self, eye: &Eye<'_>, place: usize, id: i64, text: &[u8]) -> Result<(), Trouble> {
        let (table, _) = TEXTS[place];
        if !eye.mentions(text) {
            return Ok(());
        }
        let account = account_of(eye.connection, table, id)?;
        if account.is_some_and(|account| !eye.mentions_at(&account, text)) {
            return Ok(());
        }
        if table == "leads" && eye.seeker.is_theirs(&read_lead(text)?) {
            self.leads.insert(id);
        } else {
            self.texts.insert((place, id));
        }
        Ok(())
    }
}

/// Shows the rows of one portion behind `after`, each with its column `id`; the last of them.
fn portion(
    connection: &Connection,
    sql: &str,
    after: i64,
    mut show: impl FnMut(i64, &Row<'_>) -> Result<(), Trouble>,
) -> Result<Option<i64>, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![after, PORTION])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let id = row.get("id")?;
        last = Some(id);
        show(id, row)?;
    }
    Ok(last)
}
