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
    /// Second factors of an account
    #[command(subcommand)]
    Factors(FactorsCommand),
}

#[derive(Subcommand)]
pub(super) enum FactorsCommand {
    /// List the factors of an account
    List {
        /// The username
        name: String,
    },
    /// Remove all factors of an account but its password, and end all of its logins; one without a password needs `set-password` before
    Reset {
        /// The username
        name: String,
    },
    /// Require a second factor of an account, whatever the policy is
    Require {
        /// The username
        name: String,
    },
    /// Require a second factor of an account only where the policy does
    Optional {
        /// The username
        name: String,
    },
}

pub(super) async fn run(command: UserCommand, settings: &Settings) -> anyhow::Result<()> {
    let (database, hashing, second_factor) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let clock = Arc::new(SystemClock);
    let accounts = app::open_accounts(store, hashing, second_factor, clock).await?;
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
        UserCommand::Factors(command) => factors(command, &accounts).await?,
    }
    Ok(())
}

async fn factors(command: FactorsCommand, accounts: &Accounts) -> anyhow::Result<()> {
    let context = CallContext::operator();
    let find = async |name: String| anyhow::Ok(accounts.by_name(&name.parse()?).await?.id);
    match command {
        FactorsCommand::List { name } => {
            for factor in accounts.credentials(find(name).await?).await? {
                let mark = if factor.is_used_up() { " used" } else { "" };
                println!("{} {}{mark}", factor.id, factor.kind);
            }
        }
        FactorsCommand::Reset { name } => {
            accounts.reset_factors(find(name).await?, &context).await?;
        }
        FactorsCommand::Require { name } => {
            let id = find(name).await?;
            accounts.require_second_factor(id, true, &context).await?;
        }
        FactorsCommand::Optional { name } => {
            let id = find(name).await?;
            accounts.require_second_factor(id, false, &context).await?;
        }
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
            let required = if user.second_factor_required {
                " second-factor-required"
            } else {
                ""
            };
            println!("{} {}{admin}{disabled}{required}", user.id, user.username);
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
