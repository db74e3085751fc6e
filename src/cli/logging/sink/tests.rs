//! Nobody waits for a reader who does not read, and what is lost is counted.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::*;

/// Takes a line each time it is allowed to.
struct Reader {
    allowed: Receiver<()>,
    read: Arc<Mutex<Vec<String>>>,
}

impl Write for Reader {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.allowed.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
        let text = String::from_utf8_lossy(line).into_owned();
        self.read.lock().unwrap().push(text);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reader() -> (Reader, Sender<()>, Arc<Mutex<Vec<String>>>) {
    let (allow, allowed) = channel();
    let read = Arc::default();
    let reader = Reader {
        allowed,
        read: Arc::clone(&read),
    };
    (reader, allow, read)
}

#[test]
fn a_reader_who_does_not_read_costs_lines_and_no_time() {
    let (reader, allow, read) = reader();
    let sink = Sink::of(4, reader);
    let mut lines = sink.lines();
    for number in 0..100 {
        lines.write_all(format!("{number}").as_bytes()).unwrap();
    }
    // Four wait, and one may be in the reader's hand.
    assert!((95..=96).contains(&sink.dropped()), "{}", sink.dropped());

    (0..200).for_each(|_| allow.send(()).unwrap());
    sink.close();
    let kept = read.lock().unwrap().len() as u64;
    assert_eq!(kept + sink.dropped(), 100);
    let lost = sink.dropped();
    lines.write_all(b"later").unwrap();
    sink.close();
    assert_eq!(read.lock().unwrap().last().unwrap(), "later");
    assert_eq!(sink.dropped(), lost);
}

#[test]
fn lines_that_cannot_be_written_are_counted() {
    let (reader, allow, _) = reader();
    drop(allow);
    let sink = Sink::open(reader);
    sink.lines().write_all(b"to nobody").unwrap();
    sink.close();
    assert_eq!(sink.dropped(), 1);
}

#[test]
fn the_end_waits_until_the_last_line_is_written() {
    let (reader, allow, read) = reader();
    let sink = Sink::open(reader);
    (0..3).for_each(|_| allow.send(()).unwrap());
    for word in ["one", "two", "three"] {
        sink.lines().write_all(word.as_bytes()).unwrap();
    }
    sink.close();
    assert_eq!(*read.lock().unwrap(), ["one", "two", "three"]);
}
