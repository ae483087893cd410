//! Groups of settings that both services have.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use holdfast_core::text::Text;
use holdfast_tls::{IdentityFiles, PemFile, TlsFiles, TlsMaterial};
use url::Url;

use crate::{
    config::Problems,
    telemetry::{TelemetryConfig, traces::TraceConfig},
};

/// Logs and traces.
#[derive(Args)]
pub struct TelemetryArgs {
    /// Log filter, such as `info` or `info,tonic=debug`
    #[arg(long, default_value = "info")]
    log: Text,
    /// Log format: `text` or `json`
    #[arg(long, default_value = "text")]
    log_format: Text,
    /// URL of an OpenTelemetry collector (OTLP over gRPC), such as `http://localhost:4317`. Not set: no traces
    #[arg(long)]
    otlp_endpoint: Option<Text>,
    /// Certificate authorities of the collector in PEM; required with `https://`
    #[arg(long)]
    otlp_ca: Option<PathBuf>,
    /// Part of the requests that is traced, from `0` to `1`, of those that continue no trace
    #[arg(long, default_value = "0.01")]
    trace_ratio: Text,
}

/// The service whose telemetry is configured.
#[derive(Clone, Copy)]
pub struct TelemetryNames {
    /// The prefix of its settings.
    pub prefix: &'static str,
    /// The setting of the certificate authorities of the collector.
    pub otlp_ca: &'static str,
    /// Its name in traces.
    pub service: &'static str,
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

impl TelemetryArgs {
    /// Parses `<prefix>_LOG`, `<prefix>_LOG_FORMAT`, `<prefix>_OTLP_ENDPOINT` and what belongs to it.
    pub fn parse(&self, problems: &mut Problems, names: TelemetryNames) -> Option<TelemetryConfig> {
        let prefix = names.prefix;
        let filter = problems.parse(&format!("{prefix}_LOG"), &self.log);
        let format = problems.parse(&format!("{prefix}_LOG_FORMAT"), &self.log_format);
        let traces = self.traces(problems, names);
        Some(TelemetryConfig::new(&filter?, format?, traces?))
    }

    /// `Some(None)`: traces are off.
    fn traces(
        &self,
        problems: &mut Problems,
        names: TelemetryNames,
    ) -> Option<Option<TraceConfig>> {
        let prefix = names.prefix;
        let ratio = problems.parse(&format!("{prefix}_TRACE_RATIO"), &self.trace_ratio)?;
        let Some(text) = self.otlp_endpoint.as_deref() else {
            return Some(None);
        };
        let setting = format!("{prefix}_OTLP_ENDPOINT");
        let url: Url = problems.parse(&setting, text)?;
        let tls = match (url.scheme(), &self.otlp_ca) {
            ("http", _) => None,
            ("https", Some(file)) => Some(authorities(problems, names.otlp_ca, file)?),
            ("https", None) => {
                problems.add(format!(
                    "{}: not set; it is required with https://",
                    names.otlp_ca
                ));
                return None;
            }
            _ => {
                problems.add(format!("{setting}: must begin with http:// or https://"));
                return None;
            }
        };
        let config = TraceConfig::new(names.service, url.as_str(), tls.as_ref(), ratio);
        problems.check(&setting, config).map(Some)
    }
}

/// Loads a file of certificate authorities.
fn authorities(problems: &mut Problems, setting: &'static str, file: &Path) -> Option<TlsMaterial> {
    let files = TlsFiles {
        authorities: Some(PemFile::new(setting, file)),
        ..TlsFiles::default()
    };
    match TlsMaterial::load(&files) {
        Ok(material) => Some(material),
        Err(reasons) => {
            for reason in reasons {
                problems.add(reason);
            }
            None
        }
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
