//! The secrets of a development installation: made once, kept in the data directory, readable by their owner alone.

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
use service_kit::private_file;

/// The account that `cargo dev` makes.
pub(super) const ACCOUNT: &str = "demo";

const DATABASE: &str = "auth.db";

/// Where each secret is.
pub(super) struct Secrets {
    directory: PathBuf,
}

/// An account to try.
pub(super) struct Account {
    pub(super) password_file: PathBuf,
    pub(super) password: String,
}

impl Secrets {
    /// Makes those that are missing.
    pub(super) fn keep_in(directory: &Path) -> anyhow::Result<Self> {
        let secrets = Self {
            directory: directory.to_owned(),
        };
        for name in ["key-encryption.key", "service.secret", "web-secret.key"] {
            secrets.keep(name, || Ok(STANDARD.encode(random()?)))?;
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

    /// The account to try, made with a random password when the database is new.
    pub(super) fn ensure_account(
        &self,
        programs: &Path,
        data_dir: &Path,
    ) -> anyhow::Result<Account> {
        let is_new = !self.path(DATABASE).exists();
        let password_file = self.path("demo.password");
        if is_new {
            let password = URL_SAFE_NO_PAD.encode(random()?);
            add_account(programs, data_dir, &password)?;
            private_file::write(&password_file, password.as_bytes())?;
        }
        let password = std::fs::read_to_string(&password_file).with_context(|| {
            format!(
                "{} is missing; remove the data directory to begin anew",
                password_file.display()
            )
        })?;
        Ok(Account {
            password_file,
            password,
        })
    }

    fn keep(
        &self,
        name: &str,
        make: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let path = self.path(name);
        if !path.exists() {
            private_file::write(&path, make()?.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).context("there is no randomness")?;
    Ok(bytes)
}

/// Through the same command that an operator uses.
fn add_account(programs: &Path, data_dir: &Path, password: &str) -> anyhow::Result<()> {
    let mut child = Command::new(programs.join("auth-service"))
        .args(["user", "add", ACCOUNT, "--admin", "--password-stdin"])
        .env_remove("AUTH_DATABASE_URL")
        .env("AUTH_DATA_DIR", data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start auth-service")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(password.as_bytes())?;
    }
    ensure!(child.wait()?.success(), "cannot make the account {ACCOUNT}");
    Ok(())
}
