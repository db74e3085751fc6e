//! What [`Source`](crate::Source) promises.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::SourceHarness;
use crate::raw::Checkpoint;
use crate::roles::Source;

/// More pages than any of these little systems needs.
const PAGES: usize = 1_000;

/// Checks every promise of a source.
///
/// # Panics
/// When one is broken.
pub async fn source(harness: &dyn SourceHarness) {
    every_lead_comes_once_on_the_way_through(harness).await;
    polling_again_from_an_older_checkpoint_gives_the_same_references(harness).await;
    an_empty_system_gives_nothing_and_says_so(harness).await;
}

/// Polls until nothing more is said to follow; the references in order, and each checkpoint.
async fn walk(source: &dyn Source, from: Option<Checkpoint>, limit: usize) -> (Vec<String>, Vec<Checkpoint>) {
    let (mut after, mut references, mut checkpoints) = (from, Vec::new(), Vec::new());
    for _ in 0..PAGES {
        let page = source.poll(after.as_ref(), limit).await;
        assert!(page.is_ok(), "a healthy system can be polled: {:?}", page.err());
        let Ok(page) = page else { break };
        for item in page.items {
            assert!(item.reference.is_some(), "every item carries a reference");
            references.extend(item.reference);
        }
        checkpoints.extend(page.next.clone());
        after = page.next.or(after);
        if !page.more {
            return (references, checkpoints);
        }
    }
    panic!("polling comes to an end");
}

async fn every_lead_comes_once_on_the_way_through(harness: &dyn SourceHarness) {
    let source: Arc<dyn Source> = harness.holding(25).await;
    let (references, _) = walk(source.as_ref(), None, 10).await;
    let different: BTreeSet<_> = references.iter().collect();
    assert_eq!(different.len(), 25, "every lead of the system comes");
}

async fn polling_again_from_an_older_checkpoint_gives_the_same_references(harness: &dyn SourceHarness) {
    let source = harness.holding(25).await;
    let (all, checkpoints) = walk(source.as_ref(), None, 10).await;
    let all: BTreeSet<_> = all.into_iter().collect();
    for checkpoint in checkpoints {
        let (again, _) = walk(source.as_ref(), Some(checkpoint), 10).await;
        for reference in again {
            assert!(
                all.contains(&reference),
                "polling again names a lead as before: {reference}"
            );
        }
    }
    let (from_start, _) = walk(source.as_ref(), None, 10).await;
    assert_eq!(
        from_start.into_iter().collect::<BTreeSet<_>>(),
        all,
        "the same from the start"
    );
}

async fn an_empty_system_gives_nothing_and_says_so(harness: &dyn SourceHarness) {
    let source = harness.holding(0).await;
    let (references, _) = walk(source.as_ref(), None, 10).await;
    assert_eq!(references, Vec::<String>::new(), "an empty system holds nothing");
}
