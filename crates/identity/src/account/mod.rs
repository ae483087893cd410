//! Accounts: usernames, credentials, and the operations on accounts.

mod accounts;
mod authentication_version;
mod credential;
mod factors;
mod password;
mod password_hasher;
mod password_strength;
mod user;
mod username;

pub use self::{
    accounts::{Accounts, ChangeAccountError, CreateAccountError, StatusChange},
    authentication_version::AuthenticationVersion,
    credential::{
        CredentialChange, CredentialKind, CredentialKinds, CredentialRecord, NewCredential,
        UnknownCredentialKind,
    },
    password::{
        MAX_LENGTH, NewPassword, Password, PasswordHash, PasswordRejected, PasswordRole,
        PasswordTooLong,
    },
    password_hasher::{HasherError, PasswordHasher},
    password_strength::WeakPassword,
    user::{Account, User},
    username::{InvalidUsername, Username},
};
