//! What came of a reload is told to whoever asked for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::{ask, office};
use crate::admin::{Changes, NotReloaded, Reload, Reloaded};
use crate::config::Config;

/// Ends every reload alike.
struct Ending(Result<Reloaded, NotReloaded>);

#[async_trait]
impl Reload for Ending {
    async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_reload_is_answered_with_what_came_of_it() {
    let mut office = office();
    assert_eq!(
        ask(&office.desk, "POST", "/v1/reload").await.0,
        404,
        "nothing to read"
    );
    let home = tempfile::tempdir().unwrap();
    let wrong = Config::load(&home.path().join("gone.toml"), &BTreeMap::new()).unwrap_err();
    let reloaded = Reloaded {
        generation: 2,
        duration_ms: 31,
        changes: Changes::default(),
    };
    let table = [
        (Ok(reloaded), 200, "\"generation\":2"),
        (Err(NotReloaded::Refused(wrong)), 422, "\"line\":0"),
        (Err(NotReloaded::Stopping), 503, "stopping"),
        (Err(NotReloaded::Failed), 500, "the old one runs on"),
    ];
    for (result, status, words) in table {
        office.desk.reload = Some(Arc::new(Ending(result)));
        assert_eq!(ask(&office.desk, "GET", "/v1/reload").await.0, 405);
        let answer = ask(&office.desk, "POST", "/v1/reload").await;
        assert_eq!(answer.0, status, "{}", answer.1);
        assert!(answer.1.contains(words), "{}", answer.1);
    }
}
