//! Each instance of auth-service.

use holdfast_client::{
    AuthConfig, Jwks,
    inspection::{ClockReading, InstanceFacts, inspect},
};
use holdfast_core::clock::Clock;
use holdfast_server_kit::doctor::{
    Check, Finding,
    checks::{certificate::assess_expiry, clock::assess_clock},
};
use holdfast_tls::{Expiry, PemFile, TlsMaterial};
use time::OffsetDateTime;
use url::Url;

use super::https;

pub(super) static REACHABLE: Check = Check {
    id: "auth.reachable",
    why: "web-service sends calls to all instances of auth-service; one that does not answer delays the first call, and without any nobody can sign in",
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

/// Adds the identifiers of the published keys to `kids`. `origin` is that of the public URL, where it is known.
pub(super) async fn check(
    config: &AuthConfig,
    origin: Option<&str>,
    clock: &dyn Clock,
    kids: &mut Vec<String>,
) -> Vec<Finding> {
    let instances = match inspect(config, clock).await {
        Ok(instances) => instances,
        Err(error) => {
            let remedy = "correct WEB_AUTH_URL and the settings beside it";
            return vec![REACHABLE.error(error.to_string(), remedy)];
        }
    };
    let mut findings = Vec::new();
    for instance in &instances {
        findings.extend(assess(instance, origin));
        if let Ok(jwks) = &instance.jwks {
            kids.extend(jwks.keys.iter().map(|key| key.kid.clone()));
        }
        if instance.answer.is_ok() {
            findings.extend(check_certificate(config, &instance.url, clock.now()).await);
        }
    }
    findings
}

fn assess(instance: &InstanceFacts, origin: Option<&str>) -> Vec<Finding> {
    let url = &instance.url;
    if let Err(why) = &instance.answer {
        let remedy = "start auth-service, and check WEB_AUTH_URL, WEB_AUTH_CA and the network";
        return vec![REACHABLE.error(format!("{url} does not answer: {why}"), remedy)];
    }
    let mut findings = vec![REACHABLE.ok(format!("{url} answers"))];
    findings.extend(assess_identity(url, &instance.identity));
    if let (Ok(jwks), Some(origin)) = (&instance.jwks, origin) {
        findings.push(assess_issuer(jwks, origin));
    }
    findings
}

fn assess_identity(url: &Url, identity: &Result<Option<ClockReading>, String>) -> Vec<Finding> {
    match identity {
        Ok(reading) => {
            let accepted = IDENTITY.ok(format!("{url} accepts the identity of this service"));
            let clock = reading.map(|(shown, own)| assess_clock(&CLOCK, url.as_str(), shown, own));
            [accepted].into_iter().chain(clock).collect()
        }
        Err(why) => {
            let found = format!("{url} opens no revocation stream: {why}");
            let remedy = "set WEB_AUTH_SECRET to AUTH_SERVICE_SECRET, or WEB_AUTH_CERT to a certificate with AUTH_TLS_WEB_SERVICE_NAME";
            vec![IDENTITY.error(found, remedy)]
        }
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
    let Ok(material) = TlsMaterial::load(&config.tls) else {
        return Vec::new();
    };
    let connected = async {
        let stream = https::connect_tcp(url).await.ok()?;
        https::handshake(url, stream, &material).await.ok()
    };
    let Some(stream) = connected.await else {
        return Vec::new();
    };
    let presented = https::presented_chain(&stream);
    let expiry = Expiry::of(&PemFile::new("WEB_AUTH_URL", url.as_str()), presented);
    assess_expiry(&CERTIFICATE, &[expiry], now)
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok as Fine};

    use super::*;

    fn instance() -> InstanceFacts {
        InstanceFacts {
            url: "http://127.0.0.1:50051".parse().unwrap(),
            answer: Ok(()),
            jwks: Ok(Jwks {
                keys: Vec::new(),
                issuer: "https://id.example".to_owned(),
            }),
            identity: Ok(None),
        }
    }

    fn assessed(instance: &InstanceFacts) -> Vec<(&'static str, Severity)> {
        let findings = assess(instance, Some("https://id.example"));
        let findings = findings.iter();
        findings
            .map(|finding| (finding.check, finding.severity))
            .collect()
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
                keys: Vec::new(),
                issuer: "https://other.example".to_owned(),
            }),
            ..instance()
        };
        assert!(assessed(&other).contains(&("auth.issuer", Error)));
        let now = OffsetDateTime::UNIX_EPOCH;
        let skewed = InstanceFacts {
            identity: Ok(Some((now + time::Duration::minutes(1), (now, now)))),
            ..instance()
        };
        assert!(assessed(&skewed).contains(&("auth.clock", Error)));
    }
}
