//! What is felt under the daemon is told once, and nobody counts as dead for it who is not.

use tracing::Level;

use super::*;
use crate::log::Log;
use crate::runtime::Ticks;
use crate::runtime::ticks::Crank;
use crate::store::faulty::{Failing, FaultyStore};
use crate::store::sqlite::{Options, SpaceFloor, SqliteStore};

/// How long the writer may be silent.
const SILENCE: Duration = Duration::from_secs(20);

struct House {
    ground: Ground,
    health: Arc<Health>,
    crank: Crank,
    _home: tempfile::TempDir,
}

/// The store fails the call of this number.
fn house(failing: u64) -> House {
    let home = tempfile::tempdir().unwrap();
    let mut options = Options::at(home.path().join("leads.db"));
    options.floor = SpaceFloor { bytes: 0, percent: 0 };
    let store = SqliteStore::open_inline(&options).unwrap();
    let store = FaultyStore::failing(Arc::new(store), failing, Failing::Before);
    let (ticks, crank) = Ticks::by_hand();
    let health = Arc::new(Health::new(ticks));
    let pulse = health.watch("store writer", SILENCE);
    House {
        ground: Ground::new(Arc::new(store), Arc::clone(&health), pulse),
        health,
        crank,
        _home: home,
    }
}

#[tokio::test]
async fn a_write_that_ends_with_an_error_is_trouble_and_a_sign_of_life() {
    let mut house = house(1);
    house.crank.advance(SILENCE + Duration::from_secs(1));
    assert_eq!(house.health.silent().len(), 1);
    house.ground.feel_once().await;
    assert_eq!(house.health.silent(), [], "the writer came back");
    let troubles = house.health.troubles();
    assert!(
        matches!(&troubles[..], [(Trouble::StoreFailing, _)]),
        "{troubles:?}"
    );

    house.crank.advance(FAILING_FOR);
    house.ground.feel_once().await;
    assert_eq!(house.health.troubles(), [], "it writes again");
}

#[test]
fn a_full_disk_is_told_once_although_the_door_met_it_first() {
    let mut house = house(0);
    let door = Duration::from_secs(5);
    house
        .health
        .raise_for(Trouble::StoreFull, "the disk is full", door);
    let log = Log::listen(Level::INFO);
    let full = Footprint {
        disk: 1000,
        free: 10,
        floor: 100,
        ..Footprint::default()
    };
    house.ground.judge_disk(&full);
    house.ground.judge_disk(&full);
    house.ground.judge_disk(&Footprint { free: 200, ..full });
    let told = (log.count("store_full"), log.count("store_has_room"));
    assert_eq!(told, (1, 1), "{}", log.text());
}
