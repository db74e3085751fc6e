//! `leadsync release`: the operator has done their part; the destination or sink is called again.

use clap::Args;
use connector_kit::DestinationName;

use super::{Exit, Place, house, screen};
use crate::store::Store;

#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// The connector's name, as in `leadsync status`
    destination: String,
}

/// Opens the destination.
pub(super) fn release(place: &Place, args: &ReleaseArgs) -> Result<(), Exit> {
    let name = DestinationName::new(&args.destination);
    let known = house::act(place, |store| async move {
        Ok(store.release(&name, house::now()).await?)
    })?;
    if !known {
        let names: Vec<_> = house::config(place)?
            .connectors
            .iter()
            .map(|file| file.name.clone())
            .collect();
        return Err(Exit::missing(format!(
            "nothing was ever delivered or reported to {:?}; connectors in the config: {}",
            args.destination,
            names.join(", "),
        )));
    }
    if place.json {
        screen::json(&serde_json::json!({ "released": args.destination }));
    } else {
        screen::line(format_args!(
            "{} is open; what waited goes now",
            screen::clean(&args.destination)
        ));
    }
    Ok(())
}
