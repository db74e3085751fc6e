//! A piece of writing work and the answer it owes.

use tokio::sync::oneshot;

use super::desk::Desk;
use super::trouble::{Trouble, to_store_error};
use crate::store::StoreError;

/// Work that goes into a transaction with others.
///
/// It may run twice: when one member of a group fails, the group is rolled back and each member
/// runs again alone, so that only the one at fault fails.
pub(super) trait Order: Send {
    /// Does the work inside the open transaction.
    fn run(&mut self, desk: &mut Desk) -> Result<(), Trouble>;

    /// Tells the caller, after the commit or after what prevented it.
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

/// A closure, what it gave, and who waits for it.
struct Errand<F, T> {
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Order for Errand<F, T>
where
    F: FnMut(&mut Desk) -> Result<T, Trouble> + Send,
    T: Send,
{
    fn run(&mut self, desk: &mut Desk) -> Result<(), Trouble> {
        self.result = Some((self.work)(desk)?);
        Ok(())
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let answer = match (fate, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Ok(()), None) => Err(StoreError::Failed("the work never ran".into())),
            (Err(error), _) => Err(error),
        };
        // The caller may have gone; what was written stays written.
        let _ = self.reply.send(answer);
    }
}

/// Wraps a closure as an order and gives the place its answer will arrive.
pub(super) fn errand<F, T>(work: F) -> (Box<dyn Order>, oneshot::Receiver<Result<T, StoreError>>)
where
    F: FnMut(&mut Desk) -> Result<T, Trouble> + Send + 'static,
    T: Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (
        Box::new(Errand {
            work,
            result: None,
            reply,
        }),
        answer,
    )
}

/// Answers every order with the same error.
pub(super) fn refuse(orders: Vec<Box<dyn Order>>, trouble: &Trouble, committing: bool) {
    let error = to_store_error(trouble, committing);
    for order in orders {
        order.answer(Err(error.clone()));
    }
}
