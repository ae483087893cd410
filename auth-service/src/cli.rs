//! The command line: `serve`, and the care of accounts and keys beside a running service.
#![expect(clippy::print_stdout, reason = "this is the command line")]

use std::{
    fs::{self, File},
    io::{self, BufRead as _, IsTerminal as _},
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;
use service_kit::{
    exit, healthcheck, shutdown,
    system::{Clock as _, SystemClock, SystemRandom},
    telemetry,
};

use crate::{
    app::{
        self, App,
        keys::{KeyPolicy, Keys},
    },
    config::{HashingConfig, KeyConfig, Settings},
    crypto::{argon2id::Argon2id, client_proof::Proofs, seal::Sealer},
    domain::{
        accounts::Accounts,
        audit::{AuditEvent, AuditKind, AuditTrail as _, Origin},
        client::{ClientId, Registered},
        clients::{Clients, NewClient, ProvesBy},
        id::UserId,
        login::EndReason,
        ports::{Logins as _, Revocations as _},
        username::Username,
    },
    storage::sqlite::{SqliteStore, audit::SqliteAudit},
};

/// Accounts, logins and tokens over gRPC.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve gRPC until SIGTERM or SIGINT (the default)
    Serve,
    /// Accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Logins
    #[command(subcommand)]
    Login(LoginCommand),
    /// Programs that ask for tokens in their own name (OAuth clients)
    #[command(subcommand)]
    Client(ClientCommand),
    /// Signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Copy the database, without logins, into a new file; `-` is standard output
    Backup {
        /// Where to
        file: PathBuf,
    },
    /// Ask the ops port of the service beside this whether it is ready
    Healthcheck,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Create an account
    Add {
        /// The name to sign in with
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
        /// Whose
        name: String,
        /// Read the password as one line from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Refuse sign-in and end all logins of the account
    Disable {
        /// Whose
        name: String,
    },
    /// Allow sign-in again
    Enable {
        /// Whose
        name: String,
    },
    /// List the accounts
    List,
}

#[derive(Subcommand)]
enum LoginCommand {
    /// End every login of everybody
    EndAll {
        /// The database is a copy that was not made by `backup`, and the service is stopped: end also those that began after
        /// it was made
        #[arg(long)]
        restored: bool,
    },
}

#[derive(Subcommand)]
enum ClientCommand {
    /// Register a client and print its secret, which is told this once
    Add {
        /// Its name
        id: String,
        /// What it may ask for, such as `orders:read`; as often as needed
        #[arg(long)]
        scope: Vec<String>,
        /// Whom its tokens may be for; as often as needed
        #[arg(long, required = true)]
        audience: Vec<String>,
        /// It proves itself with this public key, a JWK in a file, instead of a secret
        #[arg(long, value_name = "FILE", conflicts_with = "public")]
        jwk: Option<PathBuf>,
        /// It cannot prove itself, and gets no tokens in its own name
        #[arg(long)]
        public: bool,
        /// It gets no tokens, and only asks what those of others are worth
        #[arg(long)]
        introspection_only: bool,
        /// Its tokens have to be bound to a key (`DPoP`)
        #[arg(long)]
        dpop_required: bool,
    },
    /// List the clients
    List,
    /// End a client for good: its tokens die at once
    Disable {
        /// Which
        id: String,
    },
    /// Give a client another secret and print it
    RotateSecret {
        /// Which
        id: String,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// List the signing keys, in the order in which they sign
    List,
    /// Publish a new key, which signs ten minutes later; the old one goes when its last token is dead
    Rotate,
    /// Refuse every token that a key signed, at once, and never use it again
    Revoke {
        /// Which key
        kid: String,
    },
}

/// Runs the command that the process was started with.
pub async fn main() -> ExitCode {
    let Cli { command, settings } = Cli::parse();
    let outcome = match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings).await,
        Command::User(command) => user(command, &settings).await,
        Command::Login(LoginCommand::EndAll { restored }) => {
            end_all_logins(&settings, restored).await
        }
        Command::Client(command) => client(command, &settings).await,
        Command::Key(command) => key(command, settings).await,
        Command::Backup { file } => back_up(&file, &settings).await,
        Command::Healthcheck => check_health(&settings).await,
    };
    exit::code("auth-service", outcome)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let (log, config) = settings.serve()?;
    telemetry::init(log);
    app::install_crypto_providers();
    let shutdown = shutdown::on_signal()?;
    App::build(config, Arc::new(SystemClock))
        .await?
        .run(shutdown)
        .await
}

async fn user(command: UserCommand, settings: &Settings) -> anyhow::Result<()> {
    let (database, hashing) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let accounts = accounts(store.clone(), hashing).await?;
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
            accounts.disable(user.id).await?;
            (AuditKind::UserDisabled, user.id)
        }
        UserCommand::Enable { name } => {
            let user = accounts.by_name(&name.parse()?).await?;
            accounts.enable(user.id).await?;
            (AuditKind::UserEnabled, user.id)
        }
        UserCommand::List => return list_users(&accounts).await,
    };
    record(store, kind, Some(user)).await;
    Ok(())
}

async fn client(command: ClientCommand, settings: &Settings) -> anyhow::Result<()> {
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let clients = Clients {
        store: Arc::new(store.clone()),
        revocations: Arc::new(app::open_feed(&store, Arc::new(SystemClock)).await?),
        proofs: Arc::new(Proofs::new(Arc::new(SystemRandom))),
        clock: Arc::new(SystemClock),
        audiences: Vec::new(),
    };
    let (kind, id) = match command {
        ClientCommand::Add {
            id,
            scope,
            audience,
            jwk,
            public,
            introspection_only,
            dpop_required,
        } => {
            let proves_by = match jwk {
                Some(file) => ProvesBy::Key(
                    fs::read_to_string(&file)
                        .with_context(|| format!("cannot read {}", file.display()))?,
                ),
                None if public => ProvesBy::Nothing,
                None => ProvesBy::Secret,
            };
            let new = NewClient {
                id: id.parse()?,
                proves_by,
                scopes: scope.join(" ").parse()?,
                audiences: audience,
                introspection_only,
                dpop_required,
            };
            let (client, secret) = clients.register(new).await?;
            match secret {
                Some(secret) => println!("{} {}", client.id, secret.expose_secret()),
                None => println!("{}", client.id),
            }
            (AuditKind::ClientCreated, client.id)
        }
        ClientCommand::List => return list_clients(&clients).await,
        ClientCommand::Disable { id } => {
            let id = id.parse()?;
            clients.disable(&id).await?;
            (AuditKind::ClientDisabled, id)
        }
        ClientCommand::RotateSecret { id } => {
            let id = id.parse()?;
            let secret = clients.rotate_secret(&id).await?;
            println!("{id} {}", secret.expose_secret());
            (AuditKind::ClientSecretRotated, id)
        }
    };
    record_event(store, kind, None, Some(id)).await;
    Ok(())
}

async fn list_clients(clients: &Clients) -> anyhow::Result<()> {
    for client in clients.list().await? {
        let proof = match client.registered {
            Registered::Public => "public",
            Registered::Secret(_) => "secret",
            Registered::Key(_) => "key",
        };
        let disabled = if client.disabled { " disabled" } else { "" };
        let dpop = if client.dpop_required { " dpop" } else { "" };
        let grants = client.grant_types.iter().map(|one| one.as_str());
        let grants = grants.collect::<Vec<_>>().join(" ");
        println!(
            "{} {proof}{dpop}{disabled} ({grants}) {}",
            client.id, client.scopes
        );
    }
    Ok(())
}

/// Notes in the audit trail what the operator did.
async fn record(store: SqliteStore, kind: AuditKind, user: Option<UserId>) {
    record_event(store, kind, user, None).await;
}

async fn record_event(
    store: SqliteStore,
    kind: AuditKind,
    user: Option<UserId>,
    client: Option<ClientId>,
) {
    let (trail, writer) = SqliteAudit::start(store);
    trail.record(AuditEvent {
        at: SystemClock.now(),
        kind,
        user,
        client,
        sid: None,
        actor: None,
        origin: Origin::default(),
    });
    drop(trail);
    let _ = writer.await;
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

async fn key(command: KeyCommand, settings: Settings) -> anyhow::Result<()> {
    if matches!(command, KeyCommand::List) {
        return list_keys(&settings).await;
    }
    let config = settings.keys()?;
    app::install_crypto_providers();
    let store = app::open_store(&config.database).await?;
    let keys = keys(store.clone(), config).await?;
    let kind = match command {
        KeyCommand::List => return Ok(()),
        KeyCommand::Rotate => {
            let kid = keys.rotate().await?;
            let kid = kid.context("a key was published that does not sign yet; wait for it")?;
            println!("{kid}");
            AuditKind::KeyRotated
        }
        KeyCommand::Revoke { kid } => {
            if !keys.revoke(&kid).await? {
                bail!("there is no such key");
            }
            AuditKind::KeyRevoked
        }
    };
    record(store, kind, None).await;
    Ok(())
}

async fn keys(store: SqliteStore, config: KeyConfig) -> anyhow::Result<Keys> {
    let policy = KeyPolicy {
        algorithm: config.algorithm,
        max_age: config.max_age,
        access_ttl: config.access_ttl,
    };
    let keys = Keys::new(
        store,
        Sealer::new(&config.key_encryption_key),
        Arc::new(SystemClock),
        policy,
    );
    // A wrong key-encryption key is found here, before anything is sealed with it.
    keys.open().await?;
    Ok(keys)
}

async fn list_keys(settings: &Settings) -> anyhow::Result<()> {
    let (database, _) = settings.accounts()?;
    for key in app::open_store(&database).await?.signing_keys().await? {
        let algorithm = key.public_key.algorithm();
        println!("{} {algorithm} signs from {}", key.kid, key.signs_from);
    }
    Ok(())
}

async fn end_all_logins(settings: &Settings, restored: bool) -> anyhow::Result<()> {
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let ended = store
        .end_every_login(EndReason::Operator, SystemClock.now())
        .await?;
    if restored {
        store.end_epoch().await?;
    }
    record(store, AuditKind::AllLoginsEnded, None).await;
    println!("{ended} logins ended");
    Ok(())
}

async fn back_up(file: &Path, settings: &Settings) -> anyhow::Result<()> {
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    if file != Path::new("-") {
        return store
            .back_up(file)
            .await
            .with_context(|| format!("cannot make the backup {}", file.display()));
    }
    if io::stdout().is_terminal() {
        bail!("a database is nothing for a terminal; redirect the output, or name a file");
    }
    // One name: what an earlier one left behind does not stay.
    let draft = database.with_added_extension("backup");
    let _ = fs::remove_file(&draft);
    let copied = match store.back_up(&draft).await {
        Ok(()) => File::open(&draft).and_then(|copy| pour(copy, io::stdout())),
        Err(error) => Err(io::Error::other(error)),
    };
    let _ = fs::remove_file(&draft);
    copied.context("cannot make the backup")
}

fn pour(mut from: impl io::Read, mut to: impl io::Write) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.flush()
}

async fn check_health(settings: &Settings) -> anyhow::Result<()> {
    healthcheck::probe(settings.ops_listen()?).await
}

async fn accounts(store: SqliteStore, hashing: HashingConfig) -> anyhow::Result<Accounts> {
    let random = Arc::new(SystemRandom);
    let hasher = Argon2id::start(hashing.params, NonZero::<u32>::MIN, random.clone())?;
    let feed = app::open_feed(&store, Arc::new(SystemClock)).await?;
    Ok(Accounts::new(
        Arc::new(store),
        Arc::new(feed),
        Arc::new(hasher),
        Arc::new(SystemClock),
        random,
    ))
}

/// Asks twice at a terminal without showing it; anything else must say `--password-stdin`.
fn password(from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask at; give the password with --password-stdin");
    }
    let first = ask("Password: ")?;
    if first != ask("Again: ")? {
        bail!("the two do not match");
    }
    Ok(first)
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(prompt).context("cannot ask for a password")
}
