//! The tables, and how an older file becomes a newer one.
//!
//! What each table is for, who writes it and what its states mean stands in `docs/data-model.md`.

use rusqlite::Connection;

/// `LSYN`: tells our files from other SQLite files.
const APPLICATION_ID: i32 = 0x4C53_594E;

/// One step per version; step `n` brings a file from version `n` to `n + 1`.
const STEPS: &[&str] = &[FIRST, SECOND, THIRD, FOURTH];

const FIRST: &str = "
CREATE TABLE names (
  id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name)
) STRICT;

CREATE TABLE inbox (
  id INTEGER PRIMARY KEY, account INTEGER NOT NULL, source INTEGER NOT NULL, received_at INTEGER NOT NULL,
  format INTEGER NOT NULL, occurred_at INTEGER, body BLOB NOT NULL
) STRICT;
CREATE TABLE inbox_references (
  source INTEGER NOT NULL, reference BLOB NOT NULL, PRIMARY KEY (source, reference)
) STRICT, WITHOUT ROWID;
CREATE TABLE unsettled (id INTEGER PRIMARY KEY, starts INTEGER NOT NULL) STRICT;
CREATE TABLE arrivals (
  id INTEGER PRIMARY KEY, understood INTEGER NOT NULL, lead INTEGER, reason TEXT
) STRICT;
CREATE INDEX arrivals_of_lead ON arrivals (lead) WHERE lead IS NOT NULL;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY, account INTEGER NOT NULL, source INTEGER NOT NULL, received_at INTEGER NOT NULL,
  reason TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE checkpoints (source INTEGER PRIMARY KEY, checkpoint TEXT NOT NULL) STRICT;

CREATE TABLE leads (
  id INTEGER PRIMARY KEY, dnc INTEGER NOT NULL, suppression INTEGER NOT NULL, revision INTEGER NOT NULL,
  revised_at INTEGER NOT NULL, public_id BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX leads_public ON leads (public_id);
CREATE TABLE identities (identity BLOB PRIMARY KEY, lead INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE touchpoints (
  lead INTEGER NOT NULL, touch BLOB NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY (lead, touch, first_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  lead INTEGER NOT NULL, destination INTEGER NOT NULL, state INTEGER NOT NULL, lane INTEGER NOT NULL,
  wanted INTEGER NOT NULL, held INTEGER NOT NULL, uncertain INTEGER NOT NULL, attempt INTEGER NOT NULL,
  token INTEGER NOT NULL, since INTEGER NOT NULL, at INTEGER NOT NULL, record TEXT,
  PRIMARY KEY (lead, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (destination, lane, lead) WHERE state = 0;
CREATE INDEX deliveries_timed ON deliveries (destination, at) WHERE state IN (1, 2);
CREATE INDEX deliveries_dead ON deliveries (at) WHERE state = 5;
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY, lead INTEGER NOT NULL, destination INTEGER NOT NULL, revision INTEGER NOT NULL,
  at INTEGER NOT NULL, kind INTEGER NOT NULL, what TEXT NOT NULL, hint TEXT NOT NULL, answer TEXT
) STRICT;
CREATE INDEX attempts_of_delivery ON attempts (lead, destination);
CREATE TABLE destinations (
  id INTEGER PRIMARY KEY, gate INTEGER NOT NULL, until INTEGER NOT NULL, holds INTEGER NOT NULL,
  reason TEXT NOT NULL, hint TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
  scope INTEGER NOT NULL, counter INTEGER NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (scope, counter)
) STRICT, WITHOUT ROWID;
";

/// What became of leads in the CRMs, and what their calls came to.
const SECOND: &str = "
CREATE TABLE outcomes (
  id INTEGER PRIMARY KEY, lead INTEGER NOT NULL, source INTEGER NOT NULL, record TEXT NOT NULL,
  subject INTEGER NOT NULL, stage INTEGER NOT NULL, state TEXT NOT NULL, amount TEXT, currency TEXT,
  closes_on TEXT, reason TEXT, changed_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, newest INTEGER NOT NULL
) STRICT;
CREATE INDEX outcomes_of_lead ON outcomes (lead, source);
CREATE INDEX outcomes_of_record ON outcomes (source, record) WHERE newest = 1;
CREATE TABLE standings (
  lead INTEGER NOT NULL, source INTEGER NOT NULL, stage INTEGER NOT NULL, outcome INTEGER NOT NULL,
  PRIMARY KEY (lead, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE calls (
  connector INTEGER NOT NULL, day INTEGER NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (connector, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE quotas (
  connector INTEGER PRIMARY KEY, granted INTEGER NOT NULL, remaining INTEGER NOT NULL, told_at INTEGER NOT NULL
) STRICT;
";

/// Referrals: how they stand, what is reported of them, who tells of them, and which clocks run.
const THIRD: &str = "
CREATE TABLE referrals (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, public_id TEXT NOT NULL, account INTEGER NOT NULL,
  lead INTEGER NOT NULL, link INTEGER NOT NULL, state INTEGER NOT NULL, seen_at INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX referrals_public ON referrals (public_id, source);
CREATE INDEX referrals_of_lead ON referrals (lead);
CREATE INDEX referrals_open ON referrals (id) WHERE state IN (0, 1, 7);
CREATE TABLE referral_versions (
  referral INTEGER NOT NULL, updated_at INTEGER NOT NULL, etag TEXT NOT NULL, state TEXT NOT NULL,
  seen_at INTEGER NOT NULL, ours INTEGER NOT NULL, PRIMARY KEY (referral, updated_at, etag)
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
  referral INTEGER PRIMARY KEY, sink INTEGER NOT NULL, state INTEGER NOT NULL, wanted INTEGER NOT NULL,
  attempt INTEGER NOT NULL, token INTEGER NOT NULL, since INTEGER NOT NULL, at INTEGER NOT NULL, news_at INTEGER,
  lag INTEGER, ordered TEXT, agreed TEXT, plan TEXT NOT NULL, reason TEXT NOT NULL, hint TEXT NOT NULL
) STRICT;
CREATE INDEX reports_due ON reports (sink, since) WHERE state = 0;
CREATE INDEX reports_timed ON reports (sink, at) WHERE state IN (1, 2);
CREATE INDEX reports_refused ON reports (referral) WHERE state = 4;
CREATE TABLE report_steps (
  id INTEGER PRIMARY KEY, referral INTEGER NOT NULL, at INTEGER NOT NULL, step TEXT NOT NULL, fields TEXT NOT NULL,
  result TEXT NOT NULL, detail TEXT NOT NULL, state TEXT
) STRICT;
CREATE INDEX report_steps_of_referral ON report_steps (referral);

-- Numbers of what is deleted are not given again: a late answer must not hit somebody else.
CREATE TABLE notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, referral TEXT NOT NULL,
  received_at INTEGER NOT NULL, at INTEGER NOT NULL, tries INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_due ON notices (source, at);
CREATE INDEX notices_of_referral ON notices (referral, source);
CREATE TABLE notice_references (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, reference BLOB NOT NULL, heard_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX notice_references_once ON notice_references (source, reference);
CREATE TABLE forwards (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
  at INTEGER NOT NULL, tries INTEGER NOT NULL
) STRICT;
CREATE INDEX forwards_due ON forwards (source, at);

CREATE TABLE clocks (
  id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, account INTEGER NOT NULL, lead INTEGER NOT NULL, referral INTEGER,
  starts_at INTEGER NOT NULL, due_at INTEGER NOT NULL, ended INTEGER NOT NULL, ended_at INTEGER,
  told INTEGER NOT NULL, alerted INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX clocks_once ON clocks (lead, kind, coalesce(referral, 0));
CREATE INDEX clocks_running ON clocks (due_at) WHERE ended = 0;

ALTER TABLE outcomes ADD COLUMN owned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_of_record ON deliveries (record) WHERE record IS NOT NULL;
";

/// What an operator watches, and who was forgotten.
const FOURTH: &str = "
-- Since when a destination rests; 0: since before this was noted.
ALTER TABLE destinations ADD COLUMN since INTEGER NOT NULL DEFAULT 0;

-- How often each source is heard.
CREATE TABLE listening (
  id INTEGER PRIMARY KEY CHECK (id = 1), up_to INTEGER NOT NULL, since INTEGER NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE sources (
  id INTEGER PRIMARY KEY, first_at INTEGER, heard_at INTEGER, tried_at INTEGER, silent_since INTEGER,
  raised_at INTEGER, alerted INTEGER NOT NULL
) STRICT;
CREATE TABLE source_hours (
  source INTEGER NOT NULL, hour INTEGER NOT NULL, leads INTEGER NOT NULL, PRIMARY KEY (source, hour)
) STRICT, WITHOUT ROWID;

-- Canaries that are on their way.
CREATE TABLE canaries (
  id INTEGER PRIMARY KEY, mark BLOB NOT NULL, source INTEGER NOT NULL, destinations TEXT NOT NULL,
  announced_at INTEGER NOT NULL, until INTEGER NOT NULL, lead INTEGER
) STRICT;
CREATE UNIQUE INDEX canaries_marked ON canaries (mark);
CREATE INDEX canaries_of_lead ON canaries (lead) WHERE lead IS NOT NULL;
-- Deliveries ordered again although they were confirmed.
ALTER TABLE deliveries ADD COLUMN again INTEGER;

-- Who was forgotten: keyed hashes; the key is in a file beside this one.
CREATE TABLE forgotten (hash BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE erasures (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, leads INTEGER NOT NULL, bodies INTEGER NOT NULL, mentions INTEGER NOT NULL
) STRICT;
";

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is some other program's database.
    #[error("this is not a leadsync store (application id {0:#x})")]
    Foreign(i32),
    /// A newer leadsync wrote it.
    #[error(
        "the store was written by a newer leadsync (schema {found}, this one knows {known}): upgrade, or restore a backup"
    )]
    Newer {
        /// The file's version.
        found: usize,
        /// The newest version this program knows.
        known: usize,
    },
    /// The database refused.
    #[error("the store cannot be prepared")]
    Sqlite(#[from] rusqlite::Error),
}

/// Brings the file to the newest schema; each step whole or not at all.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    let found = version(connection)?;
    if found > STEPS.len() {
        return Err(SchemaError::Newer {
            found,
            known: STEPS.len(),
        });
    }
    for (step, sql) in STEPS.iter().enumerate().skip(found) {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", i64::try_from(step + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

/// The newest schema this program knows.
pub(super) fn newest() -> usize {
    STEPS.len()
}

/// The schema's version; refuses the files of others.
pub(super) fn version(connection: &Connection) -> Result<usize, SchemaError> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = application == 0 && version == 0 && tables == 0;
    if !fresh && application != APPLICATION_ID {
        return Err(SchemaError::Foreign(application));
    }
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Batch;
    use rusqlite::fallible_iterator::FallibleIterator;

    use super::super::file::{self, Purpose};
    use super::*;

    fn open(path: &Path) -> Connection {
        file::open(path, Purpose::Write).unwrap()
    }

    /// A file of this version.
    fn file_of(path: &Path, version: usize) {
        let connection = open(path);
        for (step, sql) in STEPS.iter().enumerate().take(version) {
            connection.execute_batch(sql).unwrap();
            connection
                .pragma_update(None, "user_version", i64::try_from(step + 1).unwrap())
                .unwrap();
        }
        if version > 0 {
            connection
                .pragma_update(None, "application_id", APPLICATION_ID)
                .unwrap();
        }
    }

    /// Begins a step and dies after so many of its statements. False when it has fewer.
    fn die_after(path: &Path, sql: &str, statements: usize) -> bool {
        let mut connection = open(path);
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)
            .unwrap();
        let mut batch = Batch::new(&transaction, sql);
        for _ in 0..statements {
            let Some(mut statement) = batch.next().unwrap() else {
                return false;
            };
            statement.execute([]).unwrap();
        }
        true
    }

    #[test]
    fn who_dies_at_any_statement_of_a_step_leaves_the_older_schema_whole() {
        for (from, sql) in STEPS.iter().enumerate() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("leadsync.db");
            file_of(&path, from);
            let mut deaths = 0;
            while die_after(&path, sql, deaths + 1) {
                deaths += 1;
                assert_eq!(version(&open(&path)).unwrap(), from, "after statement {deaths}");
            }
            assert!(deaths > 1, "step {from} has statements");
            let mut connection = open(&path);
            migrate(&mut connection).unwrap();
            assert_eq!(version(&connection).unwrap(), newest());
        }
    }
}
