//! Accounts: usernames, passwords, and the operations on accounts.

mod accounts;
mod password;
mod password_hasher;
mod password_strength;
mod user;
mod username;

pub use self::{
    accounts::{Accounts, ChangeAccountError, CreateAccountError, StatusChange},
    password::{
        MAX_LENGTH, MIN_LENGTH, NewPassword, Password, PasswordHash, PasswordRejected,
        PasswordTooLong, PasswordVersion,
    },
    password_hasher::{HasherError, PasswordHasher},
    password_strength::WeakPassword,
    user::{Account, User},
    username::{InvalidUsername, Username},
};
