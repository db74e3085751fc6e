//! Reading beside the writer, on connections of its own.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::file::{self, Purpose};
use super::names::Names;
use super::trouble::{Trouble, to_store_error};
use crate::store::StoreError;

/// A connection that reads, and the names it knows.
pub(super) struct Shelf {
    pub(super) connection: Connection,
    pub(super) names: Names,
}

impl Shelf {
    /// Opens a reading connection.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = file::open(path, Purpose::Read)
            .map_err(|error| to_store_error(&Trouble::Sqlite(error), false))?;
        Ok(Self {
            connection,
            names: Names::default(),
        })
    }
}

type Question = Box<dyn FnOnce(&mut Shelf) + Send>;

/// Threads that answer questions.
pub(super) struct Readers {
    questions: Option<Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts `count` threads, each with its own connection.
    pub(super) fn start(path: &Path, count: usize) -> Result<Self, StoreError> {
        let (questions, line) = channel();
        let line = Arc::new(Mutex::new(line));
        let mut threads = Vec::new();
        for number in 0..count {
            let mut shelf = Shelf::open(path)?;
            let line = Arc::clone(&line);
            let thread = std::thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || answer_all(&line, &mut shelf))
                .map_err(|error| StoreError::Failed(error.to_string()))?;
            threads.push(thread);
        }
        Ok(Self {
            questions: Some(questions),
            threads,
        })
    }

    /// Asks; the answer comes from one state of the store.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Shelf) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let closed = || StoreError::Failed("the store is closed".into());
        let (reply, answer) = oneshot::channel();
        let ask: Question = Box::new(move |shelf| {
            let _ = reply.send(one_state(shelf, question));
        });
        self.questions
            .as_ref()
            .ok_or_else(closed)?
            .send(ask)
            .map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.questions = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn answer_all(line: &Mutex<Receiver<Question>>, shelf: &mut Shelf) {
    loop {
        let next = line.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(question) => question(shelf),
            Err(_) => break,
        }
    }
}

/// Runs the question inside one read transaction.
pub(super) fn one_state<T>(
    shelf: &mut Shelf,
    question: impl FnOnce(&mut Shelf) -> Result<T, Trouble>,
) -> Result<T, StoreError> {
    let told = |trouble: Trouble| to_store_error(&trouble, false);
    shelf
        .connection
        .execute_batch("BEGIN")
        .map_err(|error| told(error.into()))?;
    let answer = question(shelf);
    let ended = shelf.connection.execute_batch("COMMIT");
    let answer = answer.map_err(told)?;
    ended.map_err(|error| told(error.into()))?;
    Ok(answer)
}
