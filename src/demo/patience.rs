//! Waiting until something is so: by looking, and not for ever.

use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::clock::Clock;

use super::DemoError;

/// Longer than any hold of the scenario.
const PATIENCE: TimeDelta = TimeDelta::seconds(20);
/// How often one looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again, until it is so or patience ends. Whoever looks next will see which of the two.
pub(super) async fn until(
    clock: &dyn Clock,
    mut is_so: impl AsyncFnMut() -> Result<bool, DemoError>,
) -> Result<(), DemoError> {
    let end = clock.now() + PATIENCE;
    while !is_so().await? && clock.now() <= end {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
