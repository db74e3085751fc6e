//! What a connector is given when it is built.

use std::path::PathBuf;
use std::sync::Arc;

use crate::calls::CallBook;
use crate::clock::Clock;
use crate::dice::Dice;
use crate::http::TransportFactory;
use crate::secret::SecretReader;

/// Time, dice, secrets and the way to the network: all from outside.
#[derive(Clone)]
pub struct ConnectorContext {
    /// The connector's configured name.
    pub name: String,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives chance.
    pub dice: Dice,
    /// Reads secrets.
    pub secrets: SecretReader,
    /// Opens the way to the network.
    pub transports: Arc<dyn TransportFactory>,
    /// Where the connector notes its requests and what the other side says is left.
    pub calls: CallBook,
    /// Where the connector may keep files of its own, such as a sign-in; none: it may keep nothing.
    pub state_dir: Option<PathBuf>,
}
