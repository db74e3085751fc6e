//! A backup is put back: who may read it, who comes back with it, and what happens when it is cut off.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use connector_kit::Lead;
use connector_kit::ids::AccountName;
use futures_util::FutureExt;

use super::super::backup;
use super::*;
use crate::store::{Arrival, ForgetOrder, LeadFilter, Seeker, Whose};

/// Finds nobody in texts: who is on a list is found by the list.
struct ByNoText;

impl Seeker for ByNoText {
    fn identities(&self) -> Vec<Identity> {
        Vec::new()
    }

    fn is_theirs(&self, _: &Lead) -> bool {
        false
    }

    fn whose(&self, _: &Arrival) -> Whose {
        Whose::Others
    }

    fn mentions(&self, _: &AccountName, _: &[u8]) -> bool {
        false
    }

    fn redact(&self, _: &AccountName, _: &str) -> Option<String> {
        None
    }
}

fn by_no_text(_: IsListed) -> Arc<dyn Seeker> {
    Arc::new(ByNoText)
}

/// A store with one lead, and a backup of it.
struct House {
    directory: tempfile::TempDir,
    store: Option<SqliteStore>,
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = store_in(&directory, "leadsync.db");
        conformance::take_in(&store, 1).await;
        let house = Self {
            directory,
            store: Some(store),
        };
        house.back_up("old.backup");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("leadsync.db")
    }

    fn back_up(&self, name: &str) {
        let (state, now) = (self.path("state"), conformance::at(1));
        backup::backup(&self.database(), &state, &self.path(name), now, &mut |_, _| {}).unwrap();
    }

    /// The only lead is forgotten, and the daemon ends.
    async fn forget_and_end(&mut self) {
        let store = self.store.take().unwrap();
        let filter = LeadFilter { limit: 1, fate: None };
        let id = store.leads(filter).await.unwrap().remove(0).lead.id;
        let order = ForgetOrder {
            seeker: None,
            leads: vec![id],
            account: None,
            new_key: [7; 32],
            dry_run: false,
        };
        store.forget(order, conformance::at(50)).await.unwrap();
    }

    /// Puts a backup back at this second.
    async fn restore(&self, name: &str, now: i64) -> Restored {
        put_back(&self.database(), &self.path(name), now).await
    }
}

async fn put_back(database: &Path, backup: &Path, now: i64) -> Restored {
    let state = database.with_file_name("state");
    restore(database, &state, backup, &by_no_text, conformance::at(now))
        .await
        .unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_its_owner_reads_and_writes_a_restored_store_whoever_may_read_the_backup() {
    for of_backup in [0o444, 0o400, 0o644] {
        let mut house = House::new().await;
        drop(house.store.take());
        let backup = house.path("old.backup");
        std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(of_backup)).unwrap();
        house.restore("old.backup", 61).await;
        assert_eq!(mode(&house.database()), 0o600, "of {of_backup:o}");
        drop(store_in(&house.directory, "leadsync.db"));
    }
}

#[tokio::test]
async fn a_restore_that_is_cut_off_while_it_forgets_again_is_opened_by_nobody() {
    let mut house = House::new().await;
    house.forget_and_end().await;
    let dies = |_: IsListed| -> Arc<dyn Seeker> { panic!("the process dies") };
    let (database, state, from) = (house.database(), house.path("state"), house.path("old.backup"));
    let cut_off = restore(&database, &state, &from, &dies, conformance::at(60));
    assert!(AssertUnwindSafe(cut_off).catch_unwind().await.is_err());
    let refused = SqliteStore::open(&Options::at(&database));
    assert!(
        matches!(refused, Err(OpenError::HalfRestored(_))),
        "they stand in it again"
    );
    assert_eq!(house.restore("old.backup", 61).await.forgotten.leads.len(), 1);
    drop(store_in(&house.directory, "leadsync.db"));
}

/// Gives a backup the list of who was forgotten as it is now.
fn bring_list_along(house: &House, backup: &str) {
    let list = std::fs::read(house.path("leadsync.forgotten")).unwrap();
    let backup = rusqlite::Connection::open(house.path(backup)).unwrap();
    backup
        .execute(
            "INSERT OR REPLACE INTO backup_files (path, mode, body) VALUES ('forgotten', 384, ?1)",
            [list],
        )
        .unwrap();
}

#[tokio::test]
async fn who_is_forgotten_in_the_list_of_the_backup_alone_does_not_come_back() {
    let mut house = House::new().await;
    house.forget_and_end().await;
    bring_list_along(&house, "old.backup");

    let elsewhere = tempfile::tempdir().unwrap();
    let database = elsewhere.path().join("leadsync.db");
    let restored = put_back(&database, &house.path("old.backup"), 60).await;
    assert_eq!(restored.forgotten.leads.len(), 1);
    assert!(elsewhere.path().join("leadsync.forgotten").exists());

    // The list that lies there says less.
    let newer = std::fs::read_to_string(house.path("leadsync.forgotten")).unwrap();
    let key_alone = newer.lines().next().unwrap().to_owned() + "\n";
    std::fs::write(house.path("leadsync.forgotten"), key_alone).unwrap();
    assert_eq!(house.restore("old.backup", 61).await.forgotten.leads.len(), 1);
    let joined = std::fs::read_to_string(house.path("leadsync.forgotten")).unwrap();
    assert_eq!(lines(&joined), lines(&newer));
}

/// What a list says, each line once.
fn lines(list: &str) -> BTreeSet<&str> {
    list.lines().filter(|line| !line.is_empty()).collect()
}

#[tokio::test]
async fn a_list_of_another_store_is_kept_beside_it() {
    let mut house = House::new().await;
    house.forget_and_end().await;
    bring_list_along(&house, "old.backup");
    let other = std::fs::read_to_string(house.path("leadsync.forgotten"))
        .unwrap()
        .replace("07", "08");
    std::fs::write(house.path("leadsync.forgotten"), &other).unwrap();
    let restored = house.restore("old.backup", 61).await;
    assert_eq!(restored.forgotten.leads.len(), 1);
    let kept = restored.replaced.unwrap().join("leadsync.forgotten");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), other);
}

#[tokio::test]
async fn what_a_restore_left_that_was_killed_goes_with_the_next() {
    let mut house = House::new().await;
    drop(house.store.take());
    let left = house.path(".leadsync-restore-x");
    std::fs::write(&left, b"a whole store").unwrap();
    house.restore("old.backup", 61).await;
    assert!(!left.exists());
}
