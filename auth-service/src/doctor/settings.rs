//! Settings that contradict each other, or are unusual where a service is deployed.

use std::time::Duration;

use holdfast_identity::policy::Policy;
use holdfast_server_kit::doctor::{Check, Finding, or_ok};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::ServeConfig;

static REFLECTION: Check = Check {
    id: "settings.reflection",
    why: "Reflection describes every call to every client that reaches the gRPC port",
};
static ENCRYPTION: Check = Check {
    id: "settings.encryption",
    why: "Passwords, tokens and the service secret are readable on a gRPC connection without TLS",
};
static SERVICE_SECRET: Check = Check {
    id: "settings.service_secret",
    why: "A client with the service secret can act as web-service; without a secret or a client authority, web-service cannot authenticate",
};
static LIFETIMES: Check = Check {
    id: "settings.lifetimes",
    why: "A lifetime that exceeds the one that ends it has no effect; until an access token expires, programs that verify it offline accept it",
};
static RETENTION: Check = Check {
    id: "settings.audit_retention",
    why: "Most thefts of accounts are noticed after weeks; earlier events are deleted",
};

/// All checks, in the order of their findings.
pub(super) static CHECKS: [&Check; 5] = [
    &REFLECTION,
    &ENCRYPTION,
    &SERVICE_SECRET,
    &LIFETIMES,
    &RETENTION,
];

const LONG_ACCESS_TTL: Duration = Duration::from_hours(1);
const SHORT_RETENTION: Duration = Duration::from_hours(30 * 24);

/// Words of secrets that were copied from an example.
const EXAMPLES: [&str; 5] = ["changeme", "change-me", "example", "password", "secret"];

pub(super) fn assess(config: &ServeConfig) -> Vec<Finding> {
    let tls = config.tls.as_ref();
    let has_client_authority = tls.is_some_and(|tls| tls.files.authorities.is_some());
    let mut findings = vec![
        assess_reflection(config.reflection),
        assess_encryption(tls.is_some(), config.listen.ip().is_loopback()),
        assess_service_secret(config.service_secret.as_ref(), has_client_authority),
    ];
    findings.extend(assess_lifetimes(&config.policy));
    findings.push(assess_retention(config.audit_retention));
    findings
}

fn assess_reflection(is_on: bool) -> Finding {
    if is_on {
        REFLECTION.warning("gRPC reflection is on", "set AUTH_REFLECTION=off")
    } else {
        REFLECTION.ok("gRPC reflection is off")
    }
}

fn assess_encryption(is_encrypted: bool, is_loopback: bool) -> Finding {
    match (is_encrypted, is_loopback) {
        (true, _) => ENCRYPTION.ok("gRPC is encrypted"),
        (false, true) => {
            ENCRYPTION.ok("gRPC is not encrypted, and reachable from this machine only")
        }
        (false, false) => ENCRYPTION.warning(
            "gRPC is not encrypted, and reachable from other machines",
            "set AUTH_TLS_CERT and AUTH_TLS_KEY unless the network is trusted",
        ),
    }
}

fn assess_service_secret(secret: Option<&SecretString>, has_client_authority: bool) -> Finding {
    let Some(secret) = secret else {
        return if has_client_authority {
            SERVICE_SECRET.ok("web-service authenticates by its client certificate")
        } else {
            SERVICE_SECRET.error(
                "there is neither a service secret nor a client authority",
                "set AUTH_SERVICE_SECRET_FILE, or AUTH_TLS_CLIENT_CA",
            )
        };
    };
    let secret = secret.expose_secret().to_lowercase();
    if EXAMPLES.iter().any(|word| secret.contains(word)) {
        let remedy = "generate one with `openssl rand -base64 32`, and set it in both services";
        return SERVICE_SECRET.error("the service secret looks like that of an example", remedy);
    }
    SERVICE_SECRET.ok("the service secret is long and does not look like an example")
}

fn assess_lifetimes(policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut warn = |is_unusual: bool, found: &str, remedy: &str| {
        if is_unusual {
            findings.push(LIFETIMES.warning(found, remedy));
        }
    };
    warn(
        policy.refresh_ttl > policy.login_ttl,
        "AUTH_REFRESH_TTL exceeds AUTH_LOGIN_ABSOLUTE_TTL, which ends the login before",
        "lower AUTH_REFRESH_TTL",
    );
    warn(
        policy.access_ttl > policy.refresh_ttl,
        "AUTH_ACCESS_TTL exceeds AUTH_REFRESH_TTL",
        "lower AUTH_ACCESS_TTL",
    );
    warn(
        policy.access_ttl > LONG_ACCESS_TTL,
        "access tokens are valid for more than an hour",
        "lower AUTH_ACCESS_TTL; clients refresh their tokens",
    );
    or_ok(findings, &LIFETIMES, "the lifetimes fit together")
}

fn assess_retention(retention: Duration) -> Finding {
    let days = retention.as_secs() / (24 * 3600);
    let found = format!("audit events are kept for {days} days");
    if retention < SHORT_RETENTION {
        RETENTION.warning(found, "raise AUTH_AUDIT_RETENTION to 30d or more")
    } else {
        RETENTION.ok(found)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_identity::{authentication::SecondFactorPolicy, oauth::DpopPolicy};
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok, Warning};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn reflection_is_a_warning() {
        let outcome = |is_on| assess_reflection(is_on).outcome();
        assert_eq!(outcome(true), ("settings.reflection", Warning));
        assert_eq!(outcome(false), ("settings.reflection", Ok));
    }

    #[test]
    fn plain_port_for_other_machines_is_a_warning() {
        let outcome =
            |is_encrypted, is_loopback| assess_encryption(is_encrypted, is_loopback).outcome();
        assert_eq!(outcome(true, false), ("settings.encryption", Ok));
        assert_eq!(outcome(false, true), ("settings.encryption", Ok));
        assert_eq!(outcome(false, false), ("settings.encryption", Warning));
    }

    #[test]
    fn missing_and_example_secrets_are_errors_and_not_shown() {
        let outcome = |secret: Option<&str>, has_client_authority| {
            let secret = secret.map(SecretString::from);
            let finding = assess_service_secret(secret.as_ref(), has_client_authority);
            assert!(!finding.found.contains("Me-please"));
            finding.outcome()
        };
        let (fine, error) = (
            ("settings.service_secret", Ok),
            ("settings.service_secret", Error),
        );
        assert_eq!(outcome(None, false), error);
        assert_eq!(outcome(None, true), fine);
        let example = Some("Change-Me-please-1234567890-abcdef");
        assert_eq!(outcome(example, false), error);
        let random = Some("SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u");
        assert_eq!(outcome(random, false), fine);
    }

    fn lifetimes(access: Duration, refresh: Duration, login: Duration) -> (&'static str, Severity) {
        let policy = Policy {
            issuer: "https://id.example".to_owned(),
            audiences: Vec::new(),
            access_ttl: access,
            refresh_ttl: refresh,
            login_ttl: login,
            step_up_max_age: HOUR,
            revocation_max_staleness: HOUR,
            trusted_browser_ttl: HOUR,
            second_factor: SecondFactorPolicy::Optional,
            dpop: DpopPolicy::Allow,
        };
        assess_lifetimes(&policy)[0].outcome()
    }

    #[test]
    fn lifetimes_that_end_before_or_are_long_are_warnings() {
        let usual = lifetimes(HOUR, 30 * HOUR, 90 * HOUR);
        assert_eq!(usual, ("settings.lifetimes", Ok));
        for unusual in [
            lifetimes(HOUR, 91 * HOUR, 90 * HOUR),
            lifetimes(HOUR, HOUR / 2, 90 * HOUR),
            lifetimes(2 * HOUR, 30 * HOUR, 90 * HOUR),
        ] {
            assert_eq!(unusual, ("settings.lifetimes", Warning));
        }
    }

    #[test]
    fn short_retention_is_a_warning() {
        let outcome = |retention| assess_retention(retention).outcome();
        assert_eq!(outcome(SHORT_RETENTION), ("settings.audit_retention", Ok));
        let short = outcome(SHORT_RETENTION / 2);
        assert_eq!(short, ("settings.audit_retention", Warning));
    }
}
