//! Logins of many clients, with the refresh tokens that a file keeps from one run to the next.

use std::{fs, path::PathBuf};

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

#[derive(Args)]
pub(crate) struct ClientLogins {
    /// Number of concurrent clients; each has its own account (`load0`, `load1`, …)
    #[arg(long)]
    clients: u8,
    /// Number of logins of each client
    #[arg(long)]
    logins: usize,
    /// A file with the refresh tokens of the logins. Without it the clients sign in first
    #[arg(long)]
    tokens: PathBuf,
}

impl ClientLogins {
    /// The refresh tokens of each client, of the file or of new logins. `sign_in` takes the number of the client.
    pub(crate) async fn refresh_tokens(
        &self,
        sign_in: impl AsyncFn(u8) -> anyhow::Result<SecretString>,
    ) -> anyhow::Result<Vec<Vec<SecretString>>> {
        if let Ok(kept) = fs::read_to_string(&self.tokens) {
            let tokens: Vec<_> = kept.lines().map(SecretString::from).collect();
            let of_clients = tokens.chunks(self.logins.max(1));
            return Ok(of_clients.map(<[_]>::to_vec).collect());
        }
        let mut of_clients = Vec::new();
        for number in 0..self.clients {
            let mut tokens = Vec::new();
            for _ in 0..self.logins {
                tokens.push(sign_in(number).await?);
            }
            of_clients.push(tokens);
        }
        self.keep(&of_clients)?;
        Ok(of_clients)
    }

    /// Replaces the file.
    pub(crate) fn keep(&self, of_clients: &[Vec<SecretString>]) -> anyhow::Result<()> {
        let mut kept = String::new();
        for token in of_clients.iter().flatten() {
            kept += token.expose_secret();
            kept.push('\n');
        }
        Ok(fs::write(&self.tokens, kept)?)
    }
}
