//! Secrets of a development installation: generated once, stored in the data directory, readable by their owner alone.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use aws_lc_rs::rand;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use holdfast_core::private_file;

/// Username of the account that `cargo dev` creates.
pub(super) const ACCOUNT: &str = "demo";

/// The directory that contains the secrets, one file each.
pub(super) struct Secrets {
    directory: PathBuf,
}

/// The account `demo`.
pub(super) struct Account {
    pub(super) password_file: PathBuf,
    pub(super) password: String,
}

impl Secrets {
    /// Generates the secrets that do not exist yet: 32 random bytes each, in base64.
    pub(super) fn create_missing(directory: &Path) -> anyhow::Result<Self> {
        let secrets = Self {
            directory: directory.to_owned(),
        };
        for name in ["key-encryption.key", "service.secret", "web-secret.key"] {
            secrets.create_if_missing(name, || Ok(STANDARD.encode(random()?)))?;
        }
        Ok(secrets)
    }

    pub(super) fn key_encryption_key_file(&self) -> String {
        self.path("key-encryption.key").display().to_string()
    }

    pub(super) fn service_secret_file(&self) -> String {
        self.path("service.secret").display().to_string()
    }

    pub(super) fn web_secret_key_file(&self) -> String {
        self.path("web-secret.key").display().to_string()
    }

    /// Returns the account `demo`, and creates it with a random password if it does not exist.
    pub(super) fn ensure_account(
        &self,
        programs: &Path,
        data_dir: &Path,
    ) -> anyhow::Result<Account> {
        // The password is stored first, so that an interrupted start can be repeated.
        self.create_if_missing("demo.password", || Ok(URL_SAFE_NO_PAD.encode(random()?)))?;
        let password_file = self.path("demo.password");
        let password = std::fs::read_to_string(&password_file)
            .with_context(|| format!("cannot read {}", password_file.display()))?;
        if !has_account(programs, data_dir)? {
            add_account(programs, data_dir, &password)?;
        }
        Ok(Account {
            password_file,
            password,
        })
    }

    /// Writes the file unless it exists.
    fn create_if_missing(
        &self,
        name: &str,
        generate: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let path = self.path(name);
        if !path.exists() {
            private_file::write(&path, generate()?.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Random bytes.
pub(super) fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).context("the system provides no randomness")?;
    Ok(bytes)
}

fn has_account(programs: &Path, data_dir: &Path) -> anyhow::Result<bool> {
    let output = auth_service(programs, data_dir)
        .args(["user", "list"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start auth-service")?;
    ensure!(output.status.success(), "cannot list the accounts");
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(listed
        .lines()
        .any(|line| line.split(' ').nth(1) == Some(ACCOUNT)))
}

fn add_account(programs: &Path, data_dir: &Path, password: &str) -> anyhow::Result<()> {
    let mut child = auth_service(programs, data_dir)
        .args(["user", "add", ACCOUNT, "--admin", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start auth-service")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(password.as_bytes())?;
    }
    ensure!(
        child.wait()?.success(),
        "cannot create the account {ACCOUNT}"
    );
    Ok(())
}

/// The command line of auth-service, on the database in `data_dir`.
pub(super) fn auth_service(programs: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new(programs.join("auth-service"));
    command
        .env_remove("AUTH_DATABASE_URL")
        .env("AUTH_DATA_DIR", data_dir);
    command
}
