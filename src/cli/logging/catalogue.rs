//! Every event of the log by its name: the id it has in the journal, and whether it may give way.
//!
//! What each means and what to do stands in `docs/logs.md`; a test holds both against the code.

use std::fmt;

use tracing::Event;
use tracing::field::{Field, Visit};

/// What is fixed about an event.
#[derive(Debug)]
pub(super) struct Entry {
    /// The field `event` of its lines.
    pub(super) name: &'static str,
    /// The `MESSAGE_ID` of its lines in the journal; it never changes and is never used again.
    pub(super) id: &'static str,
    /// It tells of one lead among many: beyond a rate such lines are counted instead of told.
    pub(super) gives_way: bool,
}

const fn rare(name: &'static str, id: &'static str) -> Entry {
    Entry {
        name,
        id,
        gives_way: false,
    }
}

const fn thick(name: &'static str, id: &'static str) -> Entry {
    Entry {
        name,
        id,
        gives_way: true,
    }
}

/// By name. A new event gets an id from `systemd-id128 new`.
const EVENTS: &[Entry] = &[
    rare("accept_failed", "a489fa883558e240af5e479398c7b8c8"),
    rare("access_ended", "9db13bc70934d6817b2b72b09ab26178"),
    rare("access_ends_soon", "dede691bb695f613ec166d81fc2ea6e3"),
    rare("admin_ended", "90771634df52eeee0911d6743db15973"),
    rare("alert_failed", "888f0c8121511d414c957d4424ac2c9e"),
    rare("applied_not_kept", "d44bfaa5cc1f1f6369f8944649625770"),
    rare("arrival_forgotten", "be2c0e5a67218dc79da99562ae025f50"),
    rare("batch_failed", "102261bf5786a25c4c66cf6ef9708224"),
    rare("batch_way_unknown", "90c46790b96ed8cda0cd98d26d534481"),
    rare("bulk_failed", "5a517264dbcf831a95b5e25297a807f3"),
    rare("checkpoint_unreadable", "99eddf87609e5c8949f0e954a6b1e2f0"),
    rare("clock", "87ee75f3b7fb1fc9c8fbcf5a6ff2724c"),
    thick("closed", "372b60bcf9ceb2a862d456a360c0e161"),
    rare("contacts_unmarked", "2d5700ef1cab6b66095bef4adebe57bf"),
    rare("currencies_unreadable", "91e8346265eda18aac4ea656ede97299"),
    rare("currency_unknown", "4e5d5397d7683384c7d5205e66ebfb89"),
    rare("custody_failed", "ebea9081c12e87c563107225ef6151e7"),
    rare("dead_letter", "211cfa5314d574c82cd5798b68b8f8ed"),
    thick("delivered", "5792f388c8275a43d463a74ebd159fe6"),
    rare("destination_held", "a58ca9b1d4ccb649dc59a00c63f3876e"),
    rare("destination_open", "290b38a720e183cc6fafc3dd915d76a0"),
    rare("destination_parked", "a7e60afb0a994d35c7d5fdbb12330368"),
    rare("destination_slower", "40eefdbd135852f2eef8139911754c3c"),
    rare("environment_changed", "ccfe46e7c83ae7c2c49abf2843662018"),
    rare("event_refused", "8d04489f440a0ddeeeaeaf6e9f7dedf9"),
    rare("filter_ignored", "30a71d3784fdd87f1e427dbc29faaa6c"),
    rare("follow_failed", "9311da253e1b0f8141d7750ed0dbcba6"),
    rare("follow_given_up", "0fa388fb905047a1b45543668180bacb"),
    thick("followed", "06a1a909ed55e6f4568c29266c88251e"),
    rare("forgotten_in_flight", "d54fef8efdd1f291be21799d95fb6898"),
    rare("forward_given_up", "356046afd498666e52e2a29623f251d2"),
    thick("lead_merged", "f2c5c502efcff9fd5dcdfadd563396fe"),
    thick("lead_new", "0e7b80a0b5f633aa9eaf21597029e49b"),
    thick("lead_repeat", "99891158edb478fa5bc8c62d0f43b78b"),
    rare("line_cut_off", "c90fb4c79db56b106294f7e70e787573"),
    rare("listen_elsewhere", "b93f041c80798f706e728df9faab946e"),
    rare("log_lines_dropped", "7a88492f094241a7f633964c1c99078b"),
    rare("manager_unreachable", "7549fa54e5613a8fa627ce7fcf0aa57c"),
    rare("merges_beyond_count", "528efaf1443df1e59726bb32424aa4f5"),
    thick("outcome", "70240a33e447438bf294819e4eee4940"),
    rare("page_lost", "a06b00900d5a3577d36e437bfc0d2f0e"),
    rare("panic", "446a91b6187887966f4902ba34f7c22c"),
    thick("picklist_value_left_out", "018ba009837a4148fe0d77af86ed690d"),
    thick("polled", "20905589bb1c125206018079d7447feb"),
    rare("position_lost", "7a3c697e7ef12a6723b21b98dc08c5b7"),
    rare("proxy_resolves", "7f46ac5c6ae6573252eeeaa7fe5bf4e7"),
    rare("quarantined", "367ed46e21af05d3918268fa3f63c0a1"),
    rare("read_anew", "8c80a64db80d5dacd085c727189d925d"),
    rare("ready", "d6249c11ea1fb38f802240492d7f8cfa"),
    thick("referral_changed", "a8d900a7e6fc4ce87fdcca1c58aa72c7"),
    thick("referral_new", "7d0ff222b72e9757b7133b59b77b3d07"),
    thick("referral_reported", "050ea9a803e7800d841ddf27de966ccd"),
    rare("referral_step_failed", "598ac77936be070a1eb55f80996f7c05"),
    rare("referral_unreadable", "707caba14887186f7930e7bdbb4c227a"),
    rare("reload_refused", "d6c6839e3ccf9accc21d72a2b088ad49"),
    rare("reloaded", "33f2793c2405f1fc4e7515d34aca1489"),
    rare("report_lease_lost", "e5c48d021912fbc0ac7cb36c3382e344"),
    rare("report_refused", "95d73fc57b543b4a1bb530244673e9fa"),
    rare("report_retry", "9d7596917d0701d8a3c34ecc1bfc602c"),
    thick("report_waits", "8fdf5520a5366038ddb9f738df35816c"),
    rare("retention_pruned", "8bef2b7aab819b945c90311a79319962"),
    rare("route_failed", "93684d41242f9e6d011faaecf0fecc69"),
    thick("settled", "a43325e5f27a7ba3b039dc9e0c97318d"),
    rare("sink_parked", "c155b934714f0c2e0db1e83eaad59872"),
    rare("sink_rests", "1fe84d16e7f4f66695a35eb4a0d14105"),
    rare("source_failed", "6fc8b313cb4a4d9aca81f60dcfd96b05"),
    rare("source_heard_again", "ca2b1f7f39c4f54af13854beeb7b5bff"),
    rare("source_silent", "cd8f13fd0f938e003cd56541b65f57a3"),
    rare("stop_forced", "d57d6f1505b0b2583334bb1680329b16"),
    rare("stop_late", "d3ca8c8f26f440d507a13983812043eb"),
    rare("stopping", "0888396ff646bf3e98429cf5884c73c3"),
    rare("store_full", "c9849cc37243017a9449df6b43c1fc4a"),
    rare("store_has_room", "a2d1618d7e355b9dbada818934a75a8c"),
    rare("store_log_long", "7627e90cd074ffa1ca801dabc0bb335c"),
    rare("store_log_short", "c4e4b06745b833abf538aa21608337a0"),
    rare("store_lost", "214c032bf590330bd8fb0a241149aeda"),
    rare("store_silent", "9d6dde4da7a2c1d965cf4320dc930421"),
    rare("summed_up", "3ab311cc647f23f6640ca54294359e9d"),
    rare("table_created", "5c3c0d7bdb35ecf862b5f29580b48ebc"),
    rare("target_forbidden", "d608239e106f11576b53fe1883f90c38"),
    rare("traces_not_taken", "4360869c6099d753c6c1c51a94586cbd"),
    rare("unclean_end", "fce798723fc231f332cf099e7dccbd2c"),
    rare("upkeep", "38c233b91e685522cd98ae8f11847885"),
    rare("watch_failed", "aa1bd79689dcf64ddb193cb7805f4438"),
    rare("webhook_taken_over", "ab42550a2aa5d5ac563895fea07584fd"),
    rare("withdrawn", "8628e688512eceee0cd85967e586584c"),
    thick("withheld", "96b04ad7abf592c0f809fa479db36551"),
    rare("worker_stuck", "95593c6a1efb0a61925dd011397e2bba"),
    rare("writer_stuck", "def878d4c38d4badf6f88972508477a5"),
];

/// The entry of an event, if its line carries a name.
pub(super) fn named_by(event: &Event<'_>) -> Option<&'static Entry> {
    let mut named = Named(None);
    event.record(&mut named);
    named.0
}

struct Named(Option<&'static Entry>);

impl Visit for Named {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event" {
            self.0 = find(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

fn find(name: &str) -> Option<&'static Entry> {
    let place = EVENTS.binary_search_by_key(&name, |entry| entry.name).ok()?;
    EVENTS.get(place)
}

#[cfg(test)]
mod tests;
