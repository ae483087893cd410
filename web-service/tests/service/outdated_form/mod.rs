//! Forms of tabs that were loaded before the session changed.

mod login;
