//! Groups of settings that both services have.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use holdfast_core::text::Text;
use holdfast_tls::IdentityFiles;

use crate::{config::Problems, telemetry::LogConfig};

/// Logging.
#[derive(Args)]
pub struct LogArgs {
    /// Log filter, such as `info` or `info,tonic=debug`
    #[arg(long, default_value = "info")]
    log: Text,
    /// Log format: `text` or `json`
    #[arg(long, default_value = "text")]
    log_format: Text,
}

/// The ops port, which is `PORT` on loopback by default.
#[derive(Args)]
pub struct OpsArgs<const PORT: u16> {
    /// Address and port of health probes (`/livez` and `/readyz`) and metrics (`/metrics`)
    #[arg(long, default_value = format!("127.0.0.1:{PORT}"))]
    ops_listen: Text,
}

/// The certificate that a port presents.
#[derive(Args)]
pub struct TlsArgs {
    /// Certificate chain in PEM. Reloaded when the file changes
    #[arg(long)]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM. Reloaded when the file changes
    #[arg(long)]
    tls_key: Option<PathBuf>,
}

impl LogArgs {
    /// Parses `<prefix>_LOG` and `<prefix>_LOG_FORMAT`.
    pub fn parse(&self, problems: &mut Problems, prefix: &str) -> Option<LogConfig> {
        let filter = problems.parse(&format!("{prefix}_LOG"), &self.log);
        let format = problems.parse(&format!("{prefix}_LOG_FORMAT"), &self.log_format);
        Some(LogConfig::new(&filter?, format?))
    }
}

impl<const PORT: u16> OpsArgs<PORT> {
    /// Parses `<prefix>_OPS_LISTEN`.
    pub fn parse(&self, problems: &mut Problems, prefix: &str) -> Option<SocketAddr> {
        problems.listen(&format!("{prefix}_OPS_LISTEN"), &self.ops_listen)
    }

    /// Parses `<prefix>_OPS_LISTEN` alone, for a command that needs no other setting.
    ///
    /// # Errors
    /// When it is not an address with a port.
    pub fn parse_alone(&self, prefix: &str) -> Result<SocketAddr, Problems> {
        let mut problems = Problems::default();
        let address = self.parse(&mut problems, prefix);
        problems.finish(|| address)
    }
}

impl TlsArgs {
    /// The two files, where both are set. `Some(None)`: neither is. The names are those of the settings, for messages.
    pub fn identity(
        &self,
        problems: &mut Problems,
        names: [&'static str; 2],
    ) -> Option<Option<IdentityFiles>> {
        problems.identity_files(names, [self.tls_cert.as_ref(), self.tls_key.as_ref()])
    }

    /// The file of the private key.
    #[must_use]
    pub fn key_file(&self) -> Option<&Path> {
        self.tls_key.as_deref()
    }

    /// Whether at least one of the two is set.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.tls_cert.is_some() || self.tls_key.is_some()
    }
}
