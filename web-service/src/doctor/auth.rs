//! Each instance of auth-service.

use holdfast_client::{
    AuthConfig, Jwks,
    inspection::{InstanceFacts, inspect},
};
use holdfast_core::clock::{Clock, ClockReading};
use holdfast_server_kit::doctor::{
    Check, Finding, blocking,
    checks::{certificate::assess_expiry, clock::assess_clock},
};
use holdfast_tls::{Expiry, PemFile, TlsMaterial};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use url::Url;

use super::https;

pub(super) static REACHABLE: Check = Check {
    id: "auth.reachable",
    why: "web-service sends calls to all instances of auth-service; one that does not answer delays the first call, and without any no sign-in succeeds",
};
static IDENTITY: Check = Check {
    id: "auth.identity",
    why: "Only web-service may receive revocations, and it authenticates by the service secret or its client certificate",
};
static ISSUER: Check = Check {
    id: "auth.issuer",
    why: "Applications look for metadata and keys under the issuer, which has to be the public URL (RFC 8414)",
};
static CERTIFICATE: Check = Check {
    id: "auth.certificate",
    why: "The certificate of auth-service; when it has expired, all connections are refused",
};
static CLOCK: Check = Check {
    id: "auth.clock",
    why: "Tokens and proofs have times: with clocks that differ they are refused, or are valid for too long",
};

/// All checks, in the order of their findings.
pub(super) static CHECKS: [&Check; 5] = [&REACHABLE, &IDENTITY, &ISSUER, &CERTIFICATE, &CLOCK];

/// Adds the findings to `findings`, and the identifiers of the published keys to `kids`. `origin` is that of the public URL, where it is
/// known.
pub(super) async fn check(
    config: &AuthConfig,
    origin: Option<&str>,
    clock: &dyn Clock,
    kids: &mut Vec<String>,
    findings: &mut Vec<Finding>,
) {
    let instances = match inspect(config, clock).await {
        Ok(instances) => instances,
        Err(error) => {
            let remedy = "correct WEB_AUTH_URL and the settings beside it";
            findings.push(REACHABLE.error(error.to_string(), remedy));
            return;
        }
    };
    for instance in &instances {
        findings.extend(assess(instance, origin));
        if let Ok(jwks) = &instance.jwks {
            kids.extend(jwks.keys.iter().map(|key| key.kid.clone()));
        }
    }
    for instance in instances.iter().filter(|instance| instance.answer.is_ok()) {
        findings.extend(check_certificate(config, &instance.url, clock.now()).await);
    }
}

fn assess(instance: &InstanceFacts, origin: Option<&str>) -> Vec<Finding> {
    let url = &instance.url;
    if let Err(why) = &instance.answer {
        let remedy = "start auth-service, and check WEB_AUTH_URL, WEB_AUTH_CA and the network";
        return vec![REACHABLE.error(format!("{url} does not answer: {why}"), remedy)];
    }
    let mut findings = vec![REACHABLE.ok(format!("{url} answers"))];
    findings.push(assess_identity(url, &instance.identity));
    if instance.identity.is_ok() {
        findings.push(assess_peer_clock(url, instance.clock));
    }
    if let (Ok(jwks), Some(origin)) = (&instance.jwks, origin) {
        findings.push(assess_issuer(jwks, origin));
    }
    findings
}

fn assess_identity(url: &Url, identity: &Result<(), String>) -> Finding {
    match identity {
        Ok(()) => IDENTITY.ok(format!("{url} accepts the identity of this service")),
        Err(why) => {
            let found = format!("{url} opens no revocation stream: {why}");
            let remedy = "set WEB_AUTH_SECRET to AUTH_SERVICE_SECRET, or WEB_AUTH_CERT to a certificate with AUTH_TLS_WEB_SERVICE_NAME";
            IDENTITY.error(found, remedy)
        }
    }
}

fn assess_peer_clock(url: &Url, reading: Option<ClockReading>) -> Finding {
    match reading {
        Some(reading) => assess_clock(&CLOCK, url.as_str(), reading),
        None => CLOCK.warning(
            format!("the clock of {url} is not known: its revocations took too long to arrive"),
            "look for clock.skewed in the log of this service, which compares the clocks all the time",
        ),
    }
}

fn assess_issuer(jwks: &Jwks, origin: &str) -> Finding {
    let issuer = &jwks.issuer;
    if issuer == origin {
        ISSUER.ok(format!("the issuer is the public URL, {origin}"))
    } else {
        ISSUER.error(
            format!("the issuer is {issuer}, and the public URL is {origin}"),
            "set AUTH_ISSUER and WEB_PUBLIC_URL to the same URL",
        )
    }
}

/// The expiry of the certificate that an `https` address presents; one that is refused is a matter of [`REACHABLE`].
async fn check_certificate(config: &AuthConfig, url: &Url, now: OffsetDateTime) -> Vec<Finding> {
    if url.scheme() != "https" {
        return Vec::new();
    }
    let files = config.tls.clone();
    let load = move || TlsMaterial::load(&files).ok()?.client_config().ok();
    let connected = async {
        let tls = blocking(load).await?;
        let stream = https::connect(url).await.ok()?;
        https::handshake(url, stream, &tls).await.ok()
    };
    match connected.await {
        Some(stream) => assess_certificate(url, https::presented_chain(&stream), now),
        None => Vec::new(),
    }
}

fn assess_certificate(
    url: &Url,
    chain: &[CertificateDer<'_>],
    now: OffsetDateTime,
) -> Vec<Finding> {
    let expiry = Expiry::of(&PemFile::new("WEB_AUTH_URL", url.as_str()), chain);
    assess_expiry(&CERTIFICATE, &[expiry], now)
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok as Fine, Warning};
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn instance() -> InstanceFacts {
        InstanceFacts {
            url: "http://127.0.0.1:50051".parse().unwrap(),
            answer: Ok(()),
            jwks: Ok(Jwks {
                client_registration: false,
                client_metadata_documents: false,
                keys: Vec::new(),
                issuer: "https://id.example".to_owned(),
            }),
            identity: Ok(()),
            clock: Some(ahead(0)),
        }
    }

    /// A reading of a clock that is ahead by some seconds.
    fn ahead(seconds: i64) -> ClockReading {
        let own = OffsetDateTime::UNIX_EPOCH;
        ClockReading {
            peer: own + time::Duration::seconds(seconds),
            sent_at: own,
            received_at: own,
        }
    }

    fn assessed(instance: &InstanceFacts) -> Vec<(&'static str, Severity)> {
        let findings = assess(instance, Some("https://id.example"));
        findings.iter().map(Finding::outcome).collect()
    }

    #[test]
    fn instance_without_an_answer_is_an_error() {
        let dead = InstanceFacts {
            answer: Err("connection refused".to_owned()),
            ..instance()
        };
        assert_eq!(assessed(&dead), [("auth.reachable", Error)]);
        assert!(
            assessed(&instance())
                .iter()
                .all(|(_, severity)| *severity == Fine)
        );
    }

    #[test]
    fn refused_identity_other_issuer_and_skewed_clock_are_errors() {
        let stranger = InstanceFacts {
            identity: Err("the service secret is wrong".to_owned()),
            jwks: Err("the service secret is wrong".to_owned()),
            ..instance()
        };
        assert_eq!(
            assessed(&stranger),
            [("auth.reachable", Fine), ("auth.identity", Error)]
        );
        let other = InstanceFacts {
            jwks: Ok(Jwks {
                client_registration: false,
                client_metadata_documents: false,
                keys: Vec::new(),
                issuer: "https://other.example".to_owned(),
            }),
            ..instance()
        };
        assert!(assessed(&other).contains(&("auth.issuer", Error)));
        let skewed = InstanceFacts {
            clock: Some(ahead(60)),
            ..instance()
        };
        assert!(assessed(&skewed).contains(&("auth.clock", Error)));
        let unknown = InstanceFacts {
            clock: None,
            ..instance()
        };
        assert!(assessed(&unknown).contains(&("auth.clock", Warning)));
    }

    #[test]
    fn certificate_that_expires_or_has_expired_is_found() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let severity = |days| {
            let mut params = CertificateParams::new(["auth.example".to_owned()]).unwrap();
            params.not_after = now + time::Duration::days(days);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let chain = [certificate.der().clone()];
            let url = "https://auth.example".parse().unwrap();
            let findings = assess_certificate(&url, &chain, now);
            findings[0].outcome()
        };
        assert_eq!(severity(15), ("auth.certificate", Fine));
        assert_eq!(severity(13), ("auth.certificate", Warning));
        assert_eq!(severity(-1), ("auth.certificate", Error));
    }
}
