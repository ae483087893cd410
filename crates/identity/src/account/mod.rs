//! Accounts: user names, passwords and who may have them.

mod accounts;
mod password;
mod password_strength;
mod user;
mod username;

pub(crate) use self::password_strength::check;
pub use self::{
    accounts::{Accounts, ChangeAccountError, CreateAccountError, Switched},
    password::{
        MAX_LENGTH, MIN_LENGTH, NewPassword, Password, PasswordHash, PasswordRejected,
        PasswordTooLong, PasswordVersion,
    },
    password_strength::WeakPassword,
    user::{Account, User},
    username::{InvalidUsername, Username},
};
