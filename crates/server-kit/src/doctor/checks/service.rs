//! Whether the settings can be used, and whether the service is ready.

use std::{io, net::SocketAddr};

use crate::{
    config::Problems,
    doctor::{Check, Finding},
    healthcheck,
    telemetry::TelemetryConfig,
};

/// Whether the settings can be parsed.
pub static VALID: Check = Check {
    id: "settings.valid",
    why: "A service whose settings cannot be used does not start; checks that need the settings are left out",
};

/// The log filter.
pub static LOG: Check = Check {
    id: "settings.log",
    why: "Filters below `info` write a line for each request, which costs time and disk space",
};

/// Readiness of the running service.
pub static READY: Check = Check {
    id: "service.ready",
    why: "`/readyz` of the service on this machine; load balancers send no requests to a service that is not ready",
};

/// What cannot be parsed, as at the start of the service.
#[must_use]
pub fn assess_settings(problems: &Problems) -> Finding {
    let remedy = "correct the settings; the service prints the same message and exits";
    VALID.error(problems.to_string(), remedy)
}

/// Assesses the filter of the log. `setting` is its name.
#[must_use]
pub fn assess_log(log: &TelemetryConfig, setting: &str) -> Finding {
    if log.is_verbose() {
        let remedy = format!("set {setting}=info unless a problem is being investigated");
        LOG.warning(
            "the filter selects events of the level debug or trace",
            remedy,
        )
    } else {
        LOG.ok("the filter selects no events below info")
    }
}

/// Queries the readiness of the service at this ops address.
pub async fn check_readiness(ops: SocketAddr) -> Vec<Finding> {
    if ops.port() == 0 {
        return vec![READY.ok("not known: the ops port is selected at the start")];
    }
    vec![assess_readiness(healthcheck::probe(ops).await)]
}

fn assess_readiness(readiness: anyhow::Result<()>) -> Finding {
    let Err(error) = readiness else {
        return READY.ok("the service is ready");
    };
    let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
    if io == Some(io::ErrorKind::ConnectionRefused) {
        return READY.warning("the service does not run", "start the service");
    }
    READY.error(
        format!("the service is not ready: {error:#}"),
        "see the other findings, and the log of the service",
    )
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;
    use crate::{doctor::Severity, telemetry::LogFormat};

    #[test]
    fn settings_that_cannot_be_parsed_are_an_error() {
        let mut problems = Problems::default();
        problems.parse::<u16>("AUTH_PORT", "any");
        let finding = assess_settings(&problems);
        assert_eq!(finding.outcome(), ("settings.valid", Severity::Error));
        assert!(finding.found.contains("AUTH_PORT"), "{}", finding.found);
    }

    #[test]
    fn verbose_log_filter_is_a_warning() {
        let outcome = |filter: &str| {
            let log = TelemetryConfig::new(&filter.parse().unwrap(), LogFormat::Text, None);
            assess_log(&log, "AUTH_LOG").outcome()
        };
        for filter in ["info", "warn,auth_service=info"] {
            assert_eq!(outcome(filter), ("settings.log", Severity::Ok));
        }
        for filter in ["debug", "info,tonic=trace"] {
            assert_eq!(outcome(filter), ("settings.log", Severity::Warning));
        }
    }

    #[test]
    fn unready_service_is_an_error_and_a_stopped_one_a_warning() {
        let stopped: Result<(), _> = Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        let stopped = stopped.context("nothing listens on 127.0.0.1:9051");
        let stopped = assess_readiness(stopped);
        assert_eq!(stopped.outcome(), ("service.ready", Severity::Warning));
        assert_eq!(assess_readiness(Ok(())).severity, Severity::Ok);
        let unready = assess_readiness(Err(anyhow!("the database is locked")));
        assert_eq!(unready.outcome(), ("service.ready", Severity::Error));
        assert!(unready.found.contains("the database is locked"));
    }
}
