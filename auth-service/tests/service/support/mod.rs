//! A running service, its clients, and a clock that the test controls.

mod assert;
mod calls;
mod config;
mod database;
mod grants;
mod pki;
mod requests;
mod service;
mod time;

pub(crate) use holdfast_core::clock::ManualClock;

pub(crate) use self::{
    assert::{assert_refused, reason},
    config::config,
    database::{Sql, database, execute_sql},
    grants::GrantOf,
    pki::{Pki, port_files},
    requests::{
        bearer, browser_login, change_password, for_browser_use, from_web_service, with_metadata,
        with_refresh, with_ticket,
    },
    service::TestService,
    time::{minutes, rounds, seconds, until},
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const SERVICE_SECRET: &str = "a service secret of good length!!";
