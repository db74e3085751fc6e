//! What is kept stays readable for us alone, whatever happens to the disk and whoever else writes.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::*;
use crate::calls::CallBook;
use crate::clock::{ManualClock, SystemClock};
use crate::error::{ConnectorError, ErrorKind};
use crate::http::ReqwestFactory;
use crate::secret::SecretReader;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const CANARY: &str = "canary-5f2c1d";
const NAME: RecordName = RecordName::new("sign-in");
const OTHER: RecordName = RecordName::new("other");

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
    count: u32,
}

fn note(text: &str) -> Note {
    Note {
        text: text.to_owned(),
        count: 0,
    }
}

fn context(dir: &Path, name: &str, clock: Arc<dyn Clock>) -> ConnectorContext {
    ConnectorContext {
        name: name.to_owned(),
        clock,
        dice: Dice::seeded(7),
        secrets: SecretReader::default(),
        transports: Arc::new(ReqwestFactory::new("leadsync/test")),
        calls: CallBook::default(),
        state_dir: Some(dir.to_owned()),
    }
}

fn vault_of(dir: &Path, name: &str, secret: &str) -> Vault {
    let clock = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
    Vault::of(&context(dir, name, Arc::new(clock)), &Secret::new(secret)).unwrap()
}

fn vault(dir: &Path) -> Vault {
    vault_of(dir, "desk", SECRET)
}

async fn keep(vault: &Vault, name: RecordName, note: &Note) {
    vault.hold(name).await.unwrap().write(note).unwrap();
}

fn fault(vault: &Vault, name: RecordName) -> VaultFault {
    vault.read::<Note>(name).unwrap_err().fault()
}

/// Every file below, with what it holds.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn what_is_kept_is_read_again_also_by_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(vault(dir.path()).read::<Note>(NAME).unwrap(), None);
    keep(&vault(dir.path()), NAME, &note("one")).await;
    keep(&vault(dir.path()), NAME, &note("two")).await;
    assert_eq!(vault(dir.path()).read(NAME).unwrap(), Some(note("two")));
}

#[tokio::test]
async fn no_byte_of_it_lies_open_on_disk_and_the_same_text_never_looks_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let mut seen = Vec::new();
    for _ in 0..3 {
        keep(&vault, NAME, &note(CANARY)).await;
        for (name, content) in files(dir.path()) {
            for piece in CANARY.as_bytes().windows(4) {
                assert!(!content.windows(4).any(|part| part == piece), "{name}");
            }
        }
        let sealed = files(dir.path())["sign-in.sealed"].clone();
        assert!(!seen.contains(&sealed));
        seen.push(sealed);
    }
    assert!(!format!("{vault:?}").contains(SECRET));
}

#[tokio::test]
async fn only_its_owner_may_look_even_where_the_directory_was_open_to_all() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("connectors/desk");
    keep(&vault(&place), NAME, &note("one")).await;
    assert_eq!(mode(&dir.path().join("connectors")), 0o700);
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    keep(&vault(&place), NAME, &note("two")).await;
    assert_eq!(mode(&place), 0o700);
    for name in files(&place).keys() {
        assert_eq!(mode(&place.join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn another_secret_or_another_connector_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    keep(&vault(dir.path()), NAME, &note("one")).await;
    let other_secret = vault_of(dir.path(), "desk", "another secret of thirty-two letters");
    assert_eq!(fault(&other_secret, NAME), VaultFault::WrongKey);
    let other_connector = vault_of(dir.path(), "till", SECRET);
    assert_eq!(fault(&other_connector, NAME), VaultFault::WrongKey);
}

#[tokio::test]
async fn a_file_put_in_the_place_of_another_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    keep(&vault, NAME, &note("one")).await;
    keep(&vault, OTHER, &note("two")).await;
    let path = |name: &str| dir.path().join(format!("{name}.sealed"));
    std::fs::copy(path("other"), path("sign-in")).unwrap();
    assert_eq!(fault(&vault, NAME), VaultFault::Damaged);
    assert_eq!(vault.read(OTHER).unwrap(), Some(note("two")));
}

#[tokio::test]
async fn a_torn_or_changed_file_is_refused_at_every_byte_and_can_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    keep(&vault, NAME, &note(CANARY)).await;
    let path = dir.path().join("sign-in.sealed");
    let whole = std::fs::read(&path).unwrap();
    for end in 0..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        assert_eq!(fault(&vault, NAME), VaultFault::Damaged, "{end}");
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        assert!(vault.read::<Note>(NAME).is_err(), "{at}");
    }
    keep(&vault, NAME, &note("again")).await;
    assert_eq!(vault.read(NAME).unwrap(), Some(note("again")));
}

#[tokio::test]
async fn what_a_dying_process_left_half_written_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    keep(&vault, NAME, &note("one")).await;
    let elsewhere = dir.path().join("elsewhere");
    std::fs::write(&elsewhere, "untouched").unwrap();
    symlink(&elsewhere, dir.path().join("sign-in.new")).unwrap();
    assert_eq!(vault.read(NAME).unwrap(), Some(note("one")));
    keep(&vault, NAME, &note("two")).await;
    assert_eq!(vault.read(NAME).unwrap(), Some(note("two")));
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"untouched");
    assert!(!dir.path().join("sign-in.new").exists());
}

#[tokio::test]
async fn a_rehearsal_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    keep(&vault, NAME, &note("one")).await;
    let before = files(dir.path());
    vault.hold(NAME).await.unwrap().rehearse().unwrap();
    assert_eq!(files(dir.path()), before);
}

/// Two vaults over one directory share no memory, like two processes: only the file stands between them.
#[test]
fn those_who_change_a_record_at_once_lose_nothing() {
    const EACH: u32 = 20;
    let dir = tempfile::tempdir().unwrap();
    let counting = || {
        let vault = Vault::of(
            &context(dir.path(), "desk", Arc::new(SystemClock)),
            &Secret::new(SECRET),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let vault = vault.unwrap();
            for _ in 0..EACH {
                let held = vault.hold(NAME).await.unwrap();
                let mut note: Note = held.read().unwrap().unwrap_or_default();
                note.count += 1;
                held.write(&note).unwrap();
            }
        });
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(counting);
        }
    });
    let kept: Option<Note> = vault(dir.path()).read(NAME).unwrap();
    assert_eq!(kept.unwrap().count, 4 * EACH);
}

#[tokio::test]
async fn whoever_never_lets_go_is_not_waited_for_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (vault(dir.path()), vault(dir.path()));
    let held = theirs.hold(NAME).await.unwrap();
    let Err(refused) = ours.hold(NAME).await else {
        panic!("held twice");
    };
    assert_eq!(
        (refused.fault(), refused.kind()),
        (VaultFault::Busy, ErrorKind::Unreachable)
    );
    drop(held);
    assert!(ours.hold(NAME).await.is_ok());
}

#[tokio::test]
async fn a_place_that_cannot_be_used_names_it_and_who_has_to_change() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let vault = vault(&file.join("below"));
    let Err(refused) = vault.hold(NAME).await else {
        panic!("a directory below a file");
    };
    assert_eq!(refused.fault(), VaultFault::Unwritable);
    let told = ConnectorError::from(refused);
    assert_eq!(told.kind(), ErrorKind::Misconfigured);
    assert!(told.to_string().contains("file/below/sign-in.sealed: "), "{told}");
    assert!(told.hint_text().unwrap().ends_with("then release"), "{told:?}");
}

#[tokio::test]
async fn no_error_holds_anything_of_the_content() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    keep(&vault, NAME, &note(CANARY)).await;
    // It opens, but is of another kind: whoever complains about that could quote it.
    let refused = vault.read::<u64>(NAME).unwrap_err();
    assert_eq!(refused.fault(), VaultFault::Damaged);
    let torn = files(dir.path())["sign-in.sealed"].len() - 1;
    let file = File::options()
        .write(true)
        .open(dir.path().join("sign-in.sealed"))
        .unwrap();
    file.set_len(torn as u64).unwrap();
    let damaged = vault.read::<Note>(NAME).unwrap_err();
    for error in [refused, damaged] {
        let told = ConnectorError::from(error.clone());
        let words = format!("{error:?} {error} {} {told:?} {told}", error.remedy());
        assert!(!words.contains(CANARY) && !words.contains(SECRET), "{words}");
    }
}

#[test]
fn a_connector_without_a_place_or_with_a_short_secret_has_no_vault() {
    let clock = Arc::new(SystemClock);
    let mut nowhere = context(Path::new("/nowhere"), "desk", clock);
    let short = Vault::of(&nowhere, &Secret::new("correct horse")).unwrap_err();
    assert!(short.message.contains("13 characters"), "{short}");
    nowhere.state_dir = None;
    assert!(Vault::of(&nowhere, &Secret::new(SECRET)).is_err());
}
