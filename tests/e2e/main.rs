//! Scenarios: the daemon's rooms together, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a scenario that cannot go on has failed"
)]
#![expect(
    clippy::print_stdout,
    reason = "what a scenario measures stands in its output"
)]

mod collectors;
mod log;
mod process;
mod process_audit;
mod process_authorize;
mod process_backup;
mod process_by_hand;
mod process_canaries;
mod process_canary;
mod process_disk;
mod process_doctor;
mod process_dynamics365;
mod process_forget;
mod process_init;
mod process_journal;
mod process_kill;
mod process_log_flow;
mod process_manager;
mod process_marketo;
mod process_metrics;
mod process_operator;
mod process_order;
mod process_overload;
mod process_package;
mod process_partner_center;
mod process_plan;
mod process_readiness;
mod process_referrals;
mod process_reload;
mod process_reload_refused;
mod process_reload_tls;
mod process_reprocess;
mod process_resync;
mod process_salesforce;
mod process_secrecy;
mod process_service;
mod process_status;
mod process_stop;
mod process_traces;
mod process_typos;
mod systemd;

mod demo;
mod documents;
mod intake_custody;
mod intake_descriptors;
mod intake_house;
mod intake_secrecy;
mod monitoring;

// In process: the pipeline under a hand-turned clock.
mod world;

mod batches;
mod budgets;
mod bulk;
mod chaos;
mod closed_records;
mod crms;
mod delivery_answers;
mod delivery_storms;
mod do_not_contact;
mod duplicates;
mod exhaustion;
mod forgotten;
mod histories;
mod leases;
mod poison;
mod polling;
mod referrals;
mod routing;

// What a machine can check of how the house is kept.
mod house_rules;
