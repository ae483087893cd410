//! Histories: clients record what they asked and what the answer was, and a checker finds what must not be in a history.

mod checker;
mod clients;
mod events;
mod report;
mod summary;

pub use self::{
    checker::{violations, without_lost_sessions},
    clients::{Clients, Crowd, Door, present},
    events::{Answer, Credential, Event, History, Request},
    report::Report,
    summary::Summary,
};
