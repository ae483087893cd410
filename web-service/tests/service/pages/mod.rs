//! The pages that a browser shows.

mod login;
mod logins;
mod logout;
mod password;
mod trailing_slash;
