//! `AuthService/IssueToken`.

mod grant;
mod login_ticket;
mod refresh;
