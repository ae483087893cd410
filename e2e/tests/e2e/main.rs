//! Both programs with browsers, command-line clients and Redis.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

mod attempts;
mod backchannel_logout;
mod browser;
mod caches;
mod command_line;
mod contract;
mod cost;
mod counters;
mod dashboard;
mod deep_links;
mod dev;
mod device_binding;
mod doctor;
mod drain;
mod grpcurl;
mod integrate;
mod kill_under_load;
mod log;
mod metrics;
mod monitoring;
mod oauth_clients;
mod offline;
mod older_tab;
mod ops_ports;
mod outage;
mod outage_metrics;
mod pages;
mod passkeys;
mod passkeys_two_instances;
mod postgres_restore;
mod postgres_tls;
mod races;
mod redis_group;
mod redis_outage;
mod redis_sessions;
mod redis_tls;
mod revocation_metrics;
mod second_factor;
mod signals;
mod tls;
mod traces;
mod upgrade;
