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
use holdfast_core::private_file;

/// The account that `cargo dev` makes.
pub(super) const ACCOUNT: &str = "demo";

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

    /// The account to try, made with a random password when it is not there.
    pub(super) fn ensure_account(
        &self,
        programs: &Path,
        data_dir: &Path,
    ) -> anyhow::Result<Account> {
        // The password is kept first, so that a start that is broken off here can be repeated.
        self.keep("demo.password", || Ok(URL_SAFE_NO_PAD.encode(random()?)))?;
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
    ensure!(child.wait()?.success(), "cannot make the account {ACCOUNT}");
    Ok(())
}

/// The same command line that an operator uses.
fn auth_service(programs: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new(programs.join("auth-service"));
    command
        .env_remove("AUTH_DATABASE_URL")
        .env("AUTH_DATA_DIR", data_dir);
    command
}
