//! `AuthService/IssueToken`.

mod refresh;
