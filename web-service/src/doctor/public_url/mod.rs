//! This installation at its public URL, as clients reach it.

mod answers;
mod authorities;
mod forwarding;

use std::fmt::Display;

use anyhow::Context as _;
use axum::http::{Method, StatusCode};
use holdfast_crypto::random::SystemRandom;
use holdfast_server_kit::doctor::{Check, Finding, blocking, checks::certificate::assess_expiry};
use holdfast_tls::{Expiry, PemFile, TlsMaterial};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use tokio::net::TcpStream;
use url::Url;

use super::{
    certificate::own_files,
    https::{self, Answer},
};
use crate::{
    config::{PublicUrl, ServeConfig, TlsConfig},
    http::dbsc,
    request::probe::{self, Probes},
};

pub(super) static REACHABLE: Check = Check {
    id: "public_url.reachable",
    why: "Browsers and clients reach the service by its public URL; a proxy in front of it may answer in its place",
};
static CERTIFICATE: Check = Check {
    id: "public_url.certificate",
    why: "Clients refuse a certificate that has expired, is for other names, or whose chain is incomplete",
};

/// All checks, in the order of their findings.
pub(super) static CHECKS: [&Check; 8] = [
    &REACHABLE,
    &CERTIFICATE,
    &answers::METADATA,
    &answers::DPOP,
    &answers::HSTS,
    &answers::COOKIES,
    &answers::DEVICE_BINDING,
    &forwarding::PROXIES,
];

const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
const JWKS_PATH: &str = "/.well-known/jwks.json";
/// A resource that needs an access token.
const PROFILE_PATH: &str = "/api/profile";

/// What the findings about the public URL depend on.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) config: &'a ServeConfig,
    pub(super) public_url: &'a PublicUrl,
    /// The keys that auth-service publishes; empty where it did not answer.
    pub(super) kids: &'a [String],
    pub(super) probes: &'a Probes,
    pub(super) now: OffsetDateTime,
}

/// Adds the findings to `findings`.
pub(super) async fn check(subject: Subject<'_>, findings: &mut Vec<Finding>) {
    let origin = &subject.public_url.origin;
    let url = match origin.parse::<Url>() {
        Ok(url) => url,
        Err(why) => return findings.push(unreachable(origin, &why)),
    };
    let tls = match authorities::client_config(&subject.config.tls).await {
        Ok(Some(tls)) => tls,
        Ok(None) => return findings.push(no_authorities()),
        Err(why) => return findings.push(unreachable(origin, &why)),
    };
    let stream = match https::connect(&url).await {
        Ok(stream) => stream,
        Err(why) => return findings.push(unreachable(origin, &why)),
    };
    let Some(presented) = check_certificate(subject, (&url, stream, &tls), findings).await else {
        return;
    };
    let own = own_certificate(&subject.config.tls).await;
    let is_behind_proxy = own.is_none_or(|own| presented.first() != Some(&own));
    match Box::pin(query(&url, &tls, subject.probes)).await {
        Ok(answers) => findings.extend(assess(&answers, subject, is_behind_proxy)),
        Err(why) => findings.push(unreachable(origin, &format!("{why:#}"))),
    }
}

fn unreachable(origin: &str, why: &dyn Display) -> Finding {
    let remedy = "start the service; where only other machines reach the public URL, run a request from one of them";
    let found = format!("{origin} cannot be reached from this machine: {why}");
    REACHABLE.warning(found, remedy)
}

fn no_authorities() -> Finding {
    let remedy = "install the package ca-certificates, or set SSL_CERT_FILE";
    CERTIFICATE.warning(
        "not checked: this machine trusts no certificate authorities",
        remedy,
    )
}

/// The certificates that the public URL presents; `None` where they are refused.
async fn check_certificate(
    subject: Subject<'_>,
    (url, stream, tls): (&Url, TcpStream, &ClientConfig),
    findings: &mut Vec<Finding>,
) -> Option<Vec<CertificateDer<'static>>> {
    let origin = &subject.public_url.origin;
    match https::handshake(url, stream, tls).await {
        Ok(stream) => {
            let chain = https::presented_chain(&stream).to_vec();
            let presented = PemFile::new("WEB_PUBLIC_URL", origin.as_str());
            let expiry = Expiry::of(&presented, &chain);
            findings.extend(assess_expiry(&CERTIFICATE, &[expiry], subject.now));
            Some(chain)
        }
        Err(why) if https::is_certificate_refused(&why) => {
            findings.push(refused(origin, &why));
            None
        }
        Err(why) => {
            let remedy = "check that a server for TLS is at the port of the public URL";
            let found = format!("{origin} does not complete a TLS handshake: {why}");
            findings.push(REACHABLE.error(found, remedy));
            None
        }
    }
}

fn refused(origin: &str, why: &dyn Display) -> Finding {
    CERTIFICATE.error(
        format!("the certificate of {origin} is refused: {why}"),
        "replace the certificate; the chain has to lead to an authority that this machine trusts (SSL_CERT_FILE names others)",
    )
}

/// The certificate of the own port; `None` where there is none, or it cannot be read.
async fn own_certificate(tls: &TlsConfig) -> Option<CertificateDer<'static>> {
    let files = own_files(tls)?;
    blocking(move || {
        let material = TlsMaterial::load(&files).ok()?;
        material.identity?.chain().first().cloned()
    })
    .await
}

/// The responses of the public URL.
struct Answers {
    metadata: Answer,
    jwks: Answer,
    login: Answer,
    /// Without credentials, `POST` of a device key, and of its proof.
    binding: [Answer; 2],
    /// A request with a `DPoP` proof that is none.
    dpop: Answer,
    probe: Answer,
}

async fn query(url: &Url, tls: &ClientConfig, probes: &Probes) -> anyhow::Result<Answers> {
    let get = async |path, headers: &[(&str, &str)]| {
        https::send(url, tls, (Method::GET, path), headers).await
    };
    let post = async |path| https::send(url, tls, (Method::POST, path), &[]).await;
    let forged = forwarding::FORGED.to_string();
    let header = probes.header(&SystemRandom);
    let probe = [(probe::HEADER, &*header), ("x-forwarded-for", &*forged)];
    let dpop = [("authorization", "DPoP doctor"), ("dpop", "doctor")];
    let (metadata, jwks, login, bind, refresh, dpop, probe) = tokio::try_join!(
        get(METADATA_PATH, &[]),
        get(JWKS_PATH, &[]),
        get("/login", &[]),
        post(dbsc::BIND),
        post(dbsc::REFRESH),
        get(PROFILE_PATH, &dpop),
        get(probe::PATH, &probe),
    )
    .context("a request failed")?;
    Ok(Answers {
        metadata,
        jwks,
        login,
        binding: [bind, refresh],
        dpop,
        probe,
    })
}

fn assess(answers: &Answers, subject: Subject<'_>, is_behind_proxy: bool) -> Vec<Finding> {
    let origin = &subject.public_url.origin;
    let metadata = &answers.metadata;
    if metadata.status != StatusCode::OK {
        return vec![REACHABLE.error(
            format!(
                "{origin}{METADATA_PATH} is answered with {}",
                metadata.status
            ),
            "see auth.reachable, and check that the proxy passes all paths to this service",
        )];
    }
    let [document, keys] = [metadata, &answers.jwks].map(answers::json);
    let is_loopback = subject.public_url.is_loopback;
    vec![
        REACHABLE.ok(format!("{origin} answers")),
        answers::assess_metadata(&document, &keys, origin, subject.kids),
        answers::assess_dpop(&document, &answers.dpop),
        answers::assess_hsts(&metadata.headers, is_loopback),
        answers::assess_cookies(&answers.login.headers, &subject.config.cookie_names.login),
        answers::assess_device_binding(&answers.binding),
        forwarding::assess(&answers.probe, is_behind_proxy),
    ]
}

#[cfg(test)]
mod tests;
