//! What `doctor` of both services has before and after the checks of its own.

use std::{net::SocketAddr, process::ExitCode};

use clap::Args;

use crate::{
    config::Problems,
    doctor::{
        Finding, Report,
        checks::{
            files::{SecretFile, check_permissions},
            service,
        },
    },
    telemetry::TelemetryConfig,
};

/// The arguments of `doctor`, besides the settings.
#[derive(Args, Clone, Copy, Debug)]
pub struct DoctorArgs {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// The settings that both services have.
#[derive(Debug)]
pub struct CommonSettings {
    /// The files with secrets.
    pub secret_files: Vec<SecretFile>,
    /// The address of the ops port; `None` where it is invalid.
    pub ops_listen: Option<SocketAddr>,
    /// The log; why the settings cannot be used, where they cannot.
    pub log: Result<TelemetryConfig, Problems>,
    /// The name of the setting of its filter.
    pub log_setting: &'static str,
}

impl CommonSettings {
    /// The findings about the settings and the files, those of `checks`, and the readiness of the service, in this order. `own_settings` are the
    /// findings about further settings. Where the settings cannot be used, there are no others than those about the settings and the files.
    pub async fn check(
        self,
        own_settings: Vec<Finding>,
        checks: impl Future<Output = Vec<Finding>>,
    ) -> Vec<Finding> {
        let log = match &self.log {
            Ok(log) => service::assess_log(log, self.log_setting),
            Err(problems) => {
                let settings = vec![service::assess_settings(problems)];
                return [settings, check_permissions(self.secret_files).await].concat();
            }
        };
        let readiness = async {
            match self.ops_listen {
                Some(ops) => service::check_readiness(ops).await,
                None => Vec::new(),
            }
        };
        let (files, checks, readiness) =
            tokio::join!(check_permissions(self.secret_files), checks, readiness);
        let valid = vec![service::VALID.ok("the service can use its settings")];
        [valid, own_settings, vec![log], files, checks, readiness].concat()
    }
}

/// Prints what `checks` find; the exit code is that of the most serious finding. `version` is that of the program.
///
/// # Errors
/// JSON cannot represent the report, which does not occur.
#[expect(clippy::print_stdout, reason = "this is the command line")]
pub async fn print_report(
    (service, version): (&'static str, &'static str),
    arguments: DoctorArgs,
    checks: impl Future<Output = Vec<Finding>>,
) -> anyhow::Result<ExitCode> {
    let report = Report::new(service, version, checks.await);
    print!("{}", report.render(arguments.json)?);
    Ok(report.exit_code())
}
