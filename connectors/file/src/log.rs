//! A file that only grows, whole lines only, flushed before anybody is told.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The open file and what is known of it.
pub(crate) struct Log {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    open: Option<Open>,
}

struct Open {
    file: File,
    /// Where its whole lines end; none before anybody looked.
    size: Option<u64>,
}

impl Log {
    pub(crate) fn new(path: PathBuf, max_bytes: u64, keep: u32) -> Self {
        Self {
            path,
            max_bytes,
            keep,
            open: None,
        }
    }

    /// Appends whole lines and flushes them to disk, once.
    ///
    /// When it fails, nothing is known of the lines; the next call opens the file anew and cuts off
    /// what is no whole line.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let (mut open, mut size) = self.lock()?;
        let more = lines.len() as u64;
        if size > 0 && size + more > self.max_bytes {
            self.rotate()?;
            (open, size) = self.lock()?;
        }
        open.file.write_all(lines)?;
        open.file.sync_data()?;
        open.size = Some(size + more);
        self.unlock(open)
    }

    /// Opens the file as a writer would, and repairs it; its size.
    pub(crate) fn check(&mut self) -> io::Result<u64> {
        let (open, size) = self.lock()?;
        self.unlock(open)?;
        Ok(size)
    }

    /// The file at `path`, for this writer alone, ending in a whole line.
    fn lock(&mut self) -> io::Result<(Open, u64)> {
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => begin(&self.path)?,
            };
            open.file.lock()?;
            // While we waited, somebody may have moved the file away: then the next one is ours.
            if !is_still(&open.file, &self.path) {
                continue;
            }
            let length = open.file.metadata()?.len();
            let size = match open.size {
                Some(size) if size == length => size,
                _ => repair(&mut open.file, &self.path, length)?,
            };
            return Ok((open, size));
        }
    }

    fn unlock(&mut self, open: Open) -> io::Result<()> {
        open.file.unlock()?;
        self.open = Some(open);
        Ok(())
    }

    /// `leads.jsonl` becomes `leads.jsonl.1`, that becomes `.2`, and so on; the last is dropped.
    fn rotate(&self) -> io::Result<()> {
        for number in (1..self.keep).rev() {
            rename_if_there(&self.aside(number), &self.aside(number + 1))?;
        }
        rename_if_there(&self.path, &self.aside(1))?;
        sync_directory(&self.path)
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

fn begin(path: &Path) -> io::Result<Open> {
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    if is_new {
        sync_directory(path)?;
    }
    Ok(Open { file, size: None })
}

/// Cuts off the unfinished last line of a crash.
fn repair(file: &mut File, path: &Path, length: u64) -> io::Result<u64> {
    let size = end_of_whole_lines(file, length)?;
    if size < length {
        file.set_len(size)?;
        file.sync_data()?;
        tracing::warn!(event = "line_cut_off", path = %path.display(), "cut off an unfinished line that a crash left behind");
    }
    Ok(size)
}

/// One past the last line end; read backwards, for the file may be large.
fn end_of_whole_lines(file: &mut File, length: u64) -> io::Result<u64> {
    const STEP: u64 = 64 * 1024;
    let mut end = length;
    let mut piece = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        piece.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut piece)?;
        if let Some(place) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        _ => false,
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A new name is on disk only when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn log(directory: &tempfile::TempDir) -> Log {
        Log::new(directory.path().join("leads.jsonl"), 4096, 2)
    }

    fn text(log: &Log) -> String {
        fs::read_to_string(&log.path).unwrap()
    }

    #[test]
    fn an_unfinished_last_line_is_cut_off_wherever_the_crash_cut_it() {
        let whole = "{\"a\":1}\n{\"b\":2}\n";
        for length in 0..=whole.len() {
            let directory = tempfile::tempdir().unwrap();
            let mut log = log(&directory);
            fs::write(&log.path, &whole[..length]).unwrap();
            log.append(b"{\"c\":3}\n").unwrap();
            let kept = whole[..length].rfind('\n').map_or(0, |place| place + 1);
            assert_eq!(
                text(&log),
                format!("{}{{\"c\":3}}\n", &whole[..kept]),
                "cut at {length}"
            );
        }
    }

    #[test]
    fn an_unfinished_line_longer_than_a_step_is_cut_off_too() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(&directory);
        fs::write(&log.path, format!("first\n{}", "x".repeat(200_000))).unwrap();
        assert_eq!(log.check().unwrap(), 6);
        assert_eq!(text(&log), "first\n");
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(&directory);
        log.append(b"1\n").unwrap();
        assert_eq!(
            fs::metadata(&log.path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_second_writer_waits_its_turn_and_no_line_is_lost_or_mixed_over_a_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let line = |writer: char| format!("{}\n", writer.to_string().repeat(99));
        std::thread::scope(|scope| {
            for writer in ['a', 'b'] {
                let mut log = Log::new(directory.path().join("leads.jsonl"), 4096, 100);
                scope.spawn(move || (0..200).for_each(|_| log.append(line(writer).as_bytes()).unwrap()));
            }
        });
        let files = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
        let lines: Vec<String> = files
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        for writer in ['a', 'b'] {
            assert_eq!(
                lines
                    .iter()
                    .filter(|found| **found == line(writer).trim_end())
                    .count(),
                200
            );
        }
        assert_eq!(lines.len(), 400);
    }

    #[test]
    fn a_full_file_is_set_aside_and_the_oldest_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(&directory);
        for number in 1..=4 {
            log.append(format!("{number}{}\n", "x".repeat(3000)).as_bytes())
                .unwrap();
        }
        let begins = |path: PathBuf| fs::read_to_string(path).ok().and_then(|text| text.chars().next());
        assert_eq!(begins(log.path.clone()), Some('4'));
        assert_eq!(
            (begins(log.aside(1)), begins(log.aside(2)), begins(log.aside(3))),
            (Some('3'), Some('2'), None)
        );
    }

    #[test]
    fn a_file_moved_away_by_others_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(&directory);
        log.append(b"1\n").unwrap();
        fs::rename(&log.path, directory.path().join("moved")).unwrap();
        log.append(b"2\n").unwrap();
        assert_eq!(text(&log), "2\n");
    }

    #[test]
    fn after_a_failure_the_next_append_begins_with_whole_lines() {
        let directory = tempfile::tempdir().unwrap();
        let nested = directory.path().join("later");
        let mut log = Log::new(nested.join("leads.jsonl"), 4096, 2);
        assert_eq!(log.append(b"1\n").unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(&nested).unwrap();
        log.append(b"1\n").unwrap();
        assert_eq!(text(&log), "1\n");
    }
}
