//! The store against its contract, and against what SQLite may do to it.

mod forget;
mod older;
mod recount;
mod restore;

use std::sync::Arc;

use super::*;
use crate::store::conformance;

fn store_in(directory: &tempfile::TempDir, name: &str) -> SqliteStore {
    SqliteStore::open(&Options {
        quarantine_limit: 4096,
        ..Options::at(directory.path().join(name))
    })
    .unwrap()
}

#[tokio::test]
async fn sqlite_keeps_the_promises_of_a_store_with_threads() {
    let directory = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let fresh = || {
        number.set(number.get() + 1);
        store_in(&directory, &format!("{}.db", number.get()))
    };
    conformance::promises(fresh).await;
}

#[tokio::test]
async fn sqlite_keeps_the_promises_of_a_store_inline() {
    let directory = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let fresh = || {
        number.set(number.get() + 1);
        SqliteStore::open_inline(&Options::at(
            directory.path().join(format!("{}.db", number.get())),
        ))
        .unwrap()
    };
    conformance::promises(fresh).await;
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_told_who_holds_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let _first = store_in(&directory, "leadsync.db");
    let Err(OpenError::Lock(LockError::Held(holder))) =
        SqliteStore::open(&Options::at(directory.path().join("leadsync.db")))
    else {
        panic!("two daemons at one store")
    };
    assert!(holder.contains(&std::process::id().to_string()), "{holder}");
}

#[tokio::test]
async fn a_foreign_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE theirs (x); PRAGMA application_id = 7")
        .unwrap();
    drop(other);
    let refused = SqliteStore::open(&Options::at(&path));
    assert!(matches!(refused, Err(OpenError::Schema(SchemaError::Foreign(7)))));
}

#[tokio::test]
async fn a_store_from_a_newer_leadsync_is_refused_and_not_written() {
    let directory = tempfile::tempdir().unwrap();
    drop(store_in(&directory, "leadsync.db"));
    let path = directory.path().join("leadsync.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let refused = SqliteStore::open(&Options::at(&path));
    assert!(matches!(
        refused,
        Err(OpenError::Schema(SchemaError::Newer { found: 99, .. }))
    ));
}

#[tokio::test]
async fn a_removed_database_is_noticed_before_the_next_promise() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory, "leadsync.db");
    store.quarantine(Vec::new()).await.unwrap();
    std::fs::remove_file(directory.path().join("leadsync.db")).unwrap();
    let refused = store
        .release(&DestinationName::new("crm"), chrono::DateTime::UNIX_EPOCH)
        .await;
    assert!(matches!(refused, Err(StoreError::Lost(_))), "{refused:?}");
    assert!(matches!(
        store.accept(Vec::new(), None).await,
        Err(StoreError::Lost(_))
    ));
}

#[tokio::test]
async fn many_callers_share_one_flush() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(store_in(&directory, "leadsync.db"));
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.accept(vec![conformance::arrival(None)], None).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(store.totals().await.unwrap().accepted, 200);
}

#[tokio::test]
async fn the_numbers_of_a_dead_daemon_are_found_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let first = store_in(&directory, "leadsync.db");
    conformance::take_in(&first, 1).await;
    assert_eq!(conformance::lease_all(&first, 0).await.len(), 1);
    drop(first);
    let second = store_in(&directory, "leadsync.db");
    let leases = conformance::lease_all(&second, 1).await;
    assert_eq!((leases.len(), leases[0].uncertain), (1, true));
    assert_eq!(second.totals().await.unwrap().pending, 1);
    drop(leases);
}

#[tokio::test]
async fn nobody_else_may_read_the_people_in_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory, "leadsync.db");
    store.quarantine(Vec::new()).await.unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} is {mode:o}", entry.file_name());
    }
}

/// Writes down what it hears.
#[derive(Debug, Default)]
struct Notes {
    groups: std::sync::Mutex<Vec<usize>>,
    failures: std::sync::atomic::AtomicUsize,
}

impl CommitWatcher for Notes {
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn committed(&self, _: std::time::Duration, calls: usize) {
        self.groups.lock().unwrap().push(calls);
    }

    fn failed(&self) {
        self.failures.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test]
async fn every_commit_is_told_and_a_stale_decision_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leadsync.db");
    let notes = Arc::new(Notes::default());
    let options = Options {
        watcher: notes.clone(),
        ..Options::at(&path)
    };
    let store = SqliteStore::open(&options).unwrap();
    conformance::take_in(&store, 1).await;
    let stale = Settlement {
        arrivals: vec![(InboxId(7), super::super::Understood::Quarantined("late".into()))],
        ..Settlement::default()
    };
    let now = chrono::DateTime::UNIX_EPOCH;
    assert_eq!(store.settle(stale, now).await.unwrap(), Settled::Stale);
    std::fs::remove_file(&path).unwrap();
    assert!(store.quarantine(Vec::new()).await.is_err());
    drop(store);
    assert_eq!(*notes.groups.lock().unwrap(), [1, 1, 1]);
    assert_eq!(notes.failures.load(std::sync::atomic::Ordering::SeqCst), 1);
}
