//! Gaps between rows: SQLite overwrites what is deleted, but may leave a copy behind where it moved rows.
//!
//! A page of a table holds its rows at the end, pointers to them at the beginning, and a gap between.
//! When rows are spread over pages anew, the gap keeps what stood there (SQLite 3.50, `rebuildPage`).
//! Such pages are found by reading the file, and cleared by letting one of their rows fill the gap for
//! a moment: what it leaves is overwritten.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::file;
use super::super::trouble::Trouble;

/// Fewer bytes than this in a row tell nothing of anybody, and cannot be reached.
const SHORTEST: usize = 16;
/// Pages cleared in one transaction.
const TOGETHER: usize = 32;
/// The first byte of a page that holds rows of a table.
const LEAF: u8 = 0x0d;
/// Tables with personal data, and the column that can be given any length.
const TABLES: [(&str, &str); 10] = [
    ("inbox", "body"),
    ("leads", "body"),
    ("quarantine", "body"),
    ("referrals", "body"),
    ("forwards", "body"),
    ("attempts", "answer"),
    ("outcomes", "reason"),
    ("reports", "plan"),
    ("report_steps", "detail"),
    ("destinations", "reason"),
];

/// Pages with personal data whose gaps hold something, by number.
pub(super) fn find(connection: &Connection, path: &Path) -> Result<BTreeMap<u64, Soiled>, Trouble> {
    let mut pages = soiled(path, page_size(connection)?)
        .map_err(|error| Trouble::Unreadable(format!("the database file cannot be read: {error}")))?;
    if pages.is_empty() {
        return Ok(pages);
    }
    let mut ours = BTreeMap::new();
    let mut statement =
        connection.prepare_cached("SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf'")?;
    for (number, (table, _)) in TABLES.iter().enumerate() {
        for page in statement.query_map([table], |row| row.get::<_, i64>(0))? {
            let page = u64::try_from(page?).unwrap_or(0);
            if let Some(mut soiled) = pages.remove(&page) {
                soiled.table = number;
                ours.insert(page, soiled);
            }
        }
    }
    Ok(ours)
}

/// Clears these pages, some in each transaction: whoever else writes waits for few.
pub(super) fn clear(connection: &Connection, pages: &BTreeMap<u64, Soiled>) -> Result<(), Trouble> {
    let pages: Vec<&Soiled> = pages.values().collect();
    for together in pages.chunks(TOGETHER) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for page in together {
            if let Err(trouble) = fill(connection, page) {
                // What failed stays for the next try.
                let _ = connection.execute_batch("ROLLBACK");
                return Err(trouble);
            }
        }
        connection.execute_batch("COMMIT")?;
    }
    Ok(())
}

fn page_size(connection: &Connection) -> Result<usize, Trouble> {
    let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(usize::try_from(size).unwrap_or(4096))
}

/// A page whose gaps hold something.
#[derive(Debug)]
pub(super) struct Soiled {
    /// Its place in [`TABLES`].
    table: usize,
    size: usize,
    /// Bytes that no row takes.
    free: usize,
    rows: Vec<Cell>,
}

/// A row on a page.
#[derive(Clone, Copy, Debug)]
struct Cell {
    rowid: i64,
    /// Bytes of the whole row.
    payload: usize,
    /// Bytes of it on this page.
    on_page: usize,
}

fn soiled(path: &Path, size: usize) -> std::io::Result<BTreeMap<u64, Soiled>> {
    let file = file::to_read(path)?;
    let mut chunk = vec![0; size * 256];
    let mut found = BTreeMap::new();
    let mut number = 0;
    let mut at = 0;
    loop {
        let mut filled = 0;
        while filled < chunk.len() {
            match file.read_at(&mut chunk[filled..], at)? {
                0 => break,
                read => {
                    filled += read;
                    at += read as u64;
                }
            }
        }
        for page in chunk[..filled].chunks_exact(size) {
            number += 1;
            let page = look(page, if number == 1 { 100 } else { 0 });
            found.extend(page.map(|page| (number, page)));
        }
        if filled < chunk.len() {
            return Ok(found);
        }
    }
}

/// The page, when its gaps hold something.
fn look(page: &[u8], header: usize) -> Option<Soiled> {
    if *page.get(header)? != LEAF {
        return None;
    }
    let two = |at: usize| {
        Some(usize::from(u16::from_be_bytes([
            *page.get(at)?,
            *page.get(at + 1)?,
        ])))
    };
    let count = two(header + 3)?;
    let gap = header + 8 + 2 * count;
    let content = match two(header + 5)? {
        0 => page.len(),
        content => content,
    };
    let mut free = content.checked_sub(gap)? + usize::from(*page.get(header + 7)?);
    let mut is_soiled = holds_something(page.get(gap..content)?);
    let mut block = two(header + 1)?;
    while block != 0 {
        let (next, length) = (two(block)?, two(block + 2)?);
        is_soiled |= holds_something(page.get(block + 4..block + length)?);
        free += length;
        if next != 0 && next <= block {
            return None;
        }
        block = next;
    }
    if !is_soiled {
        return None;
    }
    let rows = (0..count).filter_map(|number| cell(page, two(header + 8 + 2 * number)?));
    Some(Soiled {
        table: 0,
        size: page.len(),
        free,
        rows: rows.collect(),
    })
}

fn holds_something(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| *byte == 0)
        .any(|written| written.len() >= SHORTEST)
}

/// A row's size on its page (SQLite's file format, section 1.6).
fn cell(page: &[u8], at: usize) -> Option<Cell> {
    let (payload, first) = varint(page.get(at..)?)?;
    let (rowid, second) = varint(page.get(at + first..)?)?;
    let payload = usize::try_from(payload).ok()?;
    let (most, least) = (page.len() - 35, (page.len() - 12) * 32 / 255 - 23);
    let local = if payload <= most {
        payload
    } else {
        let fitting = least + (payload - least) % (page.len() - 4);
        4 + if fitting <= most { fitting } else { least }
    };
    Some(Cell {
        rowid: i64::from_be_bytes(rowid.to_be_bytes()),
        payload,
        on_page: first + second + local,
    })
}

fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            return Some(((value << 8) | u64::from(*byte), 9));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// Lets a row of the page take all that is free on it, and then its own size again.
fn fill(connection: &Connection, page: &Soiled) -> Result<(), Trouble> {
    let (table, column) = TABLES[page.table];
    for cell in &page.rows {
        if fill_with(connection, page, *cell, table, column)? {
            break;
        }
    }
    Ok(())
}

fn fill_with(
    connection: &Connection,
    page: &Soiled,
    cell: Cell,
    table: &str,
    column: &str,
) -> Result<bool, Trouble> {
    // The row's own length and number stand before it, and longer columns have longer types.
    const MARGIN: usize = 12;
    let length: Option<Option<i64>> = connection
        .prepare_cached(&format!(
            "SELECT length(CAST({column} AS BLOB)) FROM {table} WHERE rowid = ?1"
        ))?
        .query_row([cell.rowid], |row| row.get(0))
        .optional()?;
    let Some(length) = length else { return Ok(false) };
    let length = usize::try_from(length.unwrap_or(0)).unwrap_or(0);
    let Some(rest) = cell.payload.checked_sub(length) else {
        return Ok(false);
    };
    let room = (page.free + cell.on_page)
        .min(page.size - 35)
        .saturating_sub(MARGIN);
    let Some(wanted) = room.checked_sub(rest) else {
        return Ok(false);
    };
    let filler = if column == "body" {
        "zeroblob(?2)"
    } else {
        "CAST(zeroblob(?2) AS TEXT)"
    };
    let kept: Value = connection
        .prepare_cached(&format!("SELECT {column} FROM {table} WHERE rowid = ?1"))?
        .query_row([cell.rowid], |row| row.get(0))?;
    connection
        .prepare_cached(&format!(
            "UPDATE {table} SET {column} = {filler} WHERE rowid = ?1"
        ))?
        .execute(params![cell.rowid, i64::try_from(wanted).unwrap_or(0)])?;
    connection
        .prepare_cached(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1"))?
        .execute(params![cell.rowid, kept])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::super::file::Purpose;
    use super::super::super::{Options, SqliteStore};
    use super::*;

    type Rows = Vec<(i64, Vec<u8>)>;

    /// A store whose leads grew, shrank and went, in an order without a pattern.
    fn churned(path: &Path) -> Connection {
        drop(SqliteStore::open_inline(&Options::at(path)).unwrap());
        let connection = file::open(path, Purpose::Write).unwrap();
        let mut number = 7_u64;
        let mut next = |below: u64| {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (number >> 33) % below
        };
        let body = |letters: u64| {
            "person "
                .repeat(usize::try_from(letters).unwrap() / 7 + 1)
                .into_bytes()
        };
        for id in 1..400_i64 {
            connection
                .execute(
                    "INSERT INTO leads VALUES (?1, 0, 0, 1, 0, randomblob(16), ?2)",
                    params![id, body(next(900) + 20)],
                )
                .unwrap();
        }
        for _ in 0..2000 {
            let id = i64::try_from(next(400)).unwrap();
            let size = if next(20) == 0 { 6000 } else { next(1200) };
            connection
                .execute(
                    "UPDATE leads SET body = ?2 WHERE id = ?1",
                    params![id, body(size)],
                )
                .unwrap();
        }
        connection
            .execute("DELETE FROM leads WHERE id % 7 = 0", [])
            .unwrap();
        empty_log(&connection);
        connection
    }

    fn empty_log(connection: &Connection) {
        let busy: bool = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .unwrap();
        assert!(!busy);
    }

    /// Clearing a page may soil none of its neighbours, so a second look is the last one.
    fn clean(connection: &Connection, path: &Path) {
        for _ in 0..3 {
            let pages = find(connection, path).unwrap();
            clear(connection, &pages).unwrap();
            empty_log(connection);
        }
    }

    fn leads(connection: &Connection) -> Rows {
        let mut statement = connection
            .prepare("SELECT id, body FROM leads ORDER BY id")
            .unwrap();
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Locks this process holds on the file, as the kernel says.
    fn locks_on(path: &Path) -> usize {
        use std::os::unix::fs::MetadataExt;
        let inode = std::fs::metadata(path).unwrap().ino();
        let (process, file) = (std::process::id().to_string(), format!(":{inode}"));
        let table = std::fs::read_to_string("/proc/locks").unwrap();
        let is_ours = |line: &&str| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            columns.contains(&process.as_str()) && columns.iter().any(|column| column.ends_with(&file))
        };
        table.lines().filter(is_ours).count()
    }

    #[test]
    fn who_looks_for_gaps_or_opens_the_store_again_keeps_the_locks_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leadsync.db");
        let connection = churned(&path);
        let held = locks_on(&path);
        assert!(held > 0, "an open store is locked");
        find(&connection, &path).unwrap();
        assert_eq!(locks_on(&path), held, "after a look");
        file::make_private(&path).unwrap();
        assert_eq!(locks_on(&path), held, "after it was opened once more");
    }

    #[test]
    fn gaps_between_rows_are_cleared_and_rows_stay_as_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leadsync.db");
        let connection = churned(&path);
        let before = leads(&connection);
        assert!(
            !soiled(&path, 4096).unwrap().is_empty(),
            "there is something to clear"
        );

        clean(&connection, &path);
        assert_eq!(find(&connection, &path).unwrap().len(), 0);
        assert_eq!(leads(&connection), before);
        let finding: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(finding, "ok");
    }

    #[test]
    fn nothing_of_a_row_is_left_once_it_is_deleted_and_gaps_are_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leadsync.db");
        let connection = churned(&path);
        connection.execute("UPDATE leads SET body = x''", []).unwrap();
        empty_log(&connection);
        clean(&connection, &path);
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(14).any(|window| window == b"person person "));
    }

    #[test]
    fn a_varint_is_read_as_sqlite_writes_it() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x81, 0x00], 128),
            (&[0x83, 0xe8], 0),
            (&[0xff; 9], u64::MAX),
        ] {
            if let Some((read, _)) = varint(bytes) {
                assert_eq!(read, value);
            } else {
                assert_eq!(bytes, [0x83, 0xe8], "a cut number is none");
            }
        }
    }
}
