//! `leadsync referrals`: what the other side asked for, and how each stands.

use clap::Args;

use super::{Exit, Place, house, reports, screen};
use crate::store::{ReferralFilter, ReferralStore, ReferralStory, StoreError};

/// Which referrals.
#[derive(Debug, Args)]
pub(super) struct ReferralsArgs {
    /// Only those that are not closed
    #[arg(long)]
    open: bool,
    /// Only those whose report was refused and waits for a person
    #[arg(long)]
    refused: bool,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
}

/// Lists referrals, the newest first.
pub(super) fn referrals(place: &Place, args: &ReferralsArgs) -> Result<(), Exit> {
    let filter = ReferralFilter {
        open: args.open,
        refused: args.refused,
        limit: args.limit,
        ..ReferralFilter::default()
    };
    let stories = house::ask(place, |store| async move { Ok(stories(&store, filter).await?) })?;
    if place.json {
        screen::json(&stories.iter().map(reports::as_json).collect());
    } else if stories.is_empty() {
        screen::line("no referrals");
    } else {
        reports::print_table(&stories, house::now());
    }
    Ok(())
}

/// Everything known of these referrals.
pub(super) async fn stories(
    store: &dyn ReferralStore,
    filter: ReferralFilter,
) -> Result<Vec<ReferralStory>, StoreError> {
    let mut stories = Vec::new();
    for row in store.referrals(filter).await? {
        stories.extend(store.referral(&row.referral.id).await?);
    }
    Ok(stories)
}
