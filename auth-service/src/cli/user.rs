//! `auth-service user`

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use holdfast_core::{clock::SystemClock, text};
use holdfast_identity::{
    account::{Accounts, Username},
    audit::AuditKind,
};

use crate::{
    app,
    cli::audit::{Subject, record},
    config::Settings,
};

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Create an account
    Add {
        /// The username
        name: String,
        /// Allow the scope `admin`
        #[arg(long)]
        admin: bool,
        /// Read the password as one line from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a password and end all logins of the account
    SetPassword {
        /// The username
        name: String,
        /// Read the password as one line from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Reject sign-in and end all logins of the account
    Disable {
        /// The username
        name: String,
    },
    /// Allow sign-in again
    Enable {
        /// The username
        name: String,
    },
    /// List the accounts
    List,
}

pub(super) async fn run(command: UserCommand, settings: &Settings) -> anyhow::Result<()> {
    let (database, hashing) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let accounts = app::open_accounts(store.clone(), hashing, Arc::new(SystemClock)).await?;
    let (kind, user) = match command {
        UserCommand::Add {
            name,
            admin,
            password_stdin,
        } => {
            let name = name.parse()?;
            let user = accounts
                .create(name, &password(password_stdin)?, admin)
                .await?;
            println!("{} {}", user.id, user.username);
            (AuditKind::UserCreated, user.id)
        }
        UserCommand::SetPassword {
            name,
            password_stdin,
        } => {
            let user = accounts.by_name(&name.parse()?).await?;
            accounts
                .set_password(user.id, &password(password_stdin)?)
                .await?;
            (AuditKind::PasswordSet, user.id)
        }
        UserCommand::Disable { name } => {
            let user = accounts.by_name(&name.parse()?).await?;
            if !accounts.disable(user.id).await?.changed {
                return Ok(());
            }
            (AuditKind::UserDisabled, user.id)
        }
        UserCommand::Enable { name } => {
            let user = accounts.by_name(&name.parse()?).await?;
            if !accounts.enable(user.id).await?.changed {
                return Ok(());
            }
            (AuditKind::UserEnabled, user.id)
        }
        UserCommand::List => return list_users(&accounts).await,
    };
    record(store, kind, Subject::User(user)).await;
    Ok(())
}

async fn list_users(accounts: &Accounts) -> anyhow::Result<()> {
    const PAGE: u32 = 200;
    let mut last: Option<Username> = None;
    loop {
        let page = accounts.list(last.as_ref(), PAGE).await?;
        for user in &page {
            let admin = if user.admin { " admin" } else { "" };
            let disabled = if user.disabled { " disabled" } else { "" };
            println!("{} {}{admin}{disabled}", user.id, user.username);
        }
        match page.last() {
            Some(user) => last = Some(user.username.clone()),
            None => return Ok(()),
        }
    }
}

/// Reads the password from standard input, or twice from a terminal without echo.
fn password(from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return Ok(text::line(&line).to_owned());
    }
    if !io::stdin().is_terminal() {
        bail!("standard input is not a terminal; pass the password with --password-stdin");
    }
    let first = prompt("Password: ")?;
    if first != prompt("Again: ")? {
        bail!("the passwords do not match");
    }
    Ok(first)
}

fn prompt(text: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(text).context("cannot read a password from the terminal")
}
