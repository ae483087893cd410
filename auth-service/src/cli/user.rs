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
    call_context::CallContext,
};

use crate::{app, config::Settings};

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
    let accounts = app::open_accounts(store, hashing, Arc::new(SystemClock)).await?;
    let context = CallContext::operator();
    match command {
        UserCommand::Add {
            name,
            admin,
            password_stdin,
        } => {
            let (name, password) = (name.parse()?, password(password_stdin)?);
            let user = accounts.create(name, &password, admin, &context).await?;
            println!("{} {}", user.id, user.username);
        }
        UserCommand::SetPassword {
            name,
            password_stdin,
        } => {
            let user = accounts.by_name(&name.parse()?).await?;
            let password = password(password_stdin)?;
            accounts.set_password(user.id, &password, &context).await?;
        }
        UserCommand::Disable { name } => {
            let user = accounts.by_name(&name.parse()?).await?;
            accounts.disable(user.id, &context).await?;
        }
        UserCommand::Enable { name } => {
            let user = accounts.by_name(&name.parse()?).await?;
            accounts.enable(user.id, &context).await?;
        }
        UserCommand::List => list_users(&accounts).await?,
    }
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
