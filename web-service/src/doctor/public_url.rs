//! This installation at its public URL, as clients reach it.

use anyhow::Context as _;
use axum::http::{HeaderMap, Method, StatusCode, header};
use holdfast_server_kit::doctor::{Check, Finding, checks::certificate::assess_expiry};
use holdfast_tls::{Expiry, PemFile, TlsFiles, TlsMaterial};
use serde_json::Value;
use time::OffsetDateTime;
use url::Url;

use super::https::{self, Answer};
use crate::{
    config::{PublicUrl, ServeConfig, TlsConfig},
    http::dbsc,
    tls::local_ca::LocalAuthority,
};

pub(super) static REACHABLE: Check = Check {
    id: "public_url.reachable",
    why: "Browsers and clients reach the service by its public URL; a proxy in front of it may answer in its place",
};
static CERTIFICATE: Check = Check {
    id: "public_url.certificate",
    why: "Clients refuse a certificate that has expired, is for other names, or whose chain is incomplete",
};
static METADATA: Check = Check {
    id: "public_url.metadata",
    why: "Applications find endpoints and keys in the metadata under the issuer (RFC 8414); other keys are those of another installation",
};
static DPOP: Check = Check {
    id: "public_url.dpop",
    why: "Clients bind tokens to keys only where the metadata names algorithms of proofs (RFC 9449)",
};
static HSTS: Check = Check {
    id: "public_url.hsts",
    why: "Without Strict-Transport-Security the first request of a browser may be sent without TLS",
};
static COOKIES: Check = Check {
    id: "public_url.cookies",
    why: "Browsers keep a `__Host-` cookie only with Secure, `Path=/` and no Domain; a proxy that changes cookies breaks the sign-in",
};
static DEVICE_BINDING: Check = Check {
    id: "public_url.device_binding",
    why: "Browsers register device keys by a request to the public URL; a proxy that does not pass it on leaves sessions unbound",
};

/// All checks, in the order of their findings.
pub(super) static CHECKS: [&Check; 7] = [
    &REACHABLE,
    &CERTIFICATE,
    &METADATA,
    &DPOP,
    &HSTS,
    &COOKIES,
    &DEVICE_BINDING,
];

const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
const JWKS_PATH: &str = "/.well-known/jwks.json";

/// `kids`: the keys that auth-service publishes; empty where it did not answer.
pub(super) async fn check(
    config: &ServeConfig,
    public_url: &PublicUrl,
    kids: &[String],
    now: OffsetDateTime,
) -> Vec<Finding> {
    let origin = &public_url.origin;
    let unreachable = |why: &dyn std::fmt::Display| {
        let remedy = "start the service; where only other machines reach the public URL, run a request from one of them";
        vec![REACHABLE.warning(
            format!("{origin} cannot be reached from this machine: {why}"),
            remedy,
        )]
    };
    let (url, tls) = match (origin.parse::<Url>(), trusted(&config.tls)) {
        (Ok(url), Ok(tls)) => (url, tls),
        (Err(why), _) => return unreachable(&why),
        (_, Err(why)) => return unreachable(&why),
    };
    let stream = match https::connect_tcp(&url).await {
        Ok(stream) => stream,
        Err(why) => return unreachable(&why),
    };
    let stream = match https::handshake(&url, stream, &tls).await {
        Ok(stream) => stream,
        Err(why) => {
            let remedy = "replace the certificate; the chain has to lead to an authority that this machine trusts (SSL_CERT_FILE names others)";
            return vec![CERTIFICATE.error(
                format!("the certificate of {origin} is refused: {why}"),
                remedy,
            )];
        }
    };
    let presented = PemFile::new("WEB_PUBLIC_URL", origin.as_str());
    let expiry = Expiry::of(&presented, https::presented_chain(&stream));
    drop(stream);
    let mut findings = assess_expiry(&CERTIFICATE, &[expiry], now);
    match ask(&url, &tls).await {
        Ok(answers) => findings.extend(assess(&answers, config, public_url, kids)),
        Err(why) => findings.extend(unreachable(&why)),
    }
    findings
}

/// The authorities that the certificate of the public URL is verified with: the local one, or those of the operating system.
fn trusted(tls: &TlsConfig) -> anyhow::Result<TlsMaterial> {
    let authorities = match tls {
        TlsConfig::Local(directory) => {
            let file = LocalAuthority::new(directory.clone()).authority_file();
            Some(PemFile::new("WEB_DATA_DIR", file))
        }
        TlsConfig::Off | TlsConfig::Files(_) => None,
    };
    let files = TlsFiles {
        authorities,
        ..TlsFiles::default()
    };
    TlsMaterial::load(&files).map_err(|problems| anyhow::anyhow!(problems.join("; ")))
}

/// The responses of the public URL.
struct Answers {
    metadata: Answer,
    jwks: Answer,
    login: Answer,
    binding: Answer,
}

async fn ask(url: &Url, tls: &TlsMaterial) -> anyhow::Result<Answers> {
    let get = async |path| {
        let answer = https::send(url, tls, Method::GET, path).await;
        answer.with_context(|| format!("GET {path}"))
    };
    let binding = https::send(url, tls, Method::POST, dbsc::BIND).await;
    Ok(Answers {
        metadata: get(METADATA_PATH).await?,
        jwks: get(JWKS_PATH).await?,
        login: get("/login").await?,
        binding: binding.context("POST of a device key")?,
    })
}

fn assess(
    answers: &Answers,
    config: &ServeConfig,
    public_url: &PublicUrl,
    kids: &[String],
) -> Vec<Finding> {
    let origin = &public_url.origin;
    let Answers {
        metadata,
        jwks,
        login,
        binding,
    } = answers;
    if metadata.status != StatusCode::OK {
        let found = format!(
            "{origin}{METADATA_PATH} is answered with {}",
            metadata.status
        );
        let remedy =
            "see auth.reachable, and check that the proxy passes all paths to this service";
        return vec![REACHABLE.error(found, remedy)];
    }
    let [document, keys] =
        [metadata, jwks].map(|answer| serde_json::from_slice(&answer.body).unwrap_or(Value::Null));
    vec![
        REACHABLE.ok(format!("{origin} answers")),
        assess_metadata(&document, &keys, origin, kids),
        assess_dpop(&document),
        assess_hsts(&metadata.headers, public_url.is_loopback),
        assess_cookies(&login.headers, &config.cookie_names.login),
        assess_device_binding(binding.status),
    ]
}

fn assess_metadata(metadata: &Value, jwks: &Value, origin: &str, kids: &[String]) -> Finding {
    let remedy = "check that the public URL and its proxy lead to this installation, and that AUTH_ISSUER is WEB_PUBLIC_URL";
    if metadata["issuer"] != origin {
        return METADATA.error(
            format!("the metadata of {origin} has another issuer"),
            remedy,
        );
    }
    if metadata["jwks_uri"] != format!("{origin}{JWKS_PATH}") {
        return METADATA.error(
            format!("the metadata of {origin} names another jwks_uri"),
            remedy,
        );
    }
    let published = jwks["keys"].as_array().into_iter().flatten();
    let published: Vec<_> = published.filter_map(|key| key["kid"].as_str()).collect();
    let is_missing = |kid: &&String| !published.contains(&kid.as_str());
    if kids.iter().any(|kid| is_missing(&kid)) {
        return METADATA.error(
            format!("{origin} publishes other keys than auth-service"),
            remedy,
        );
    }
    METADATA.ok(format!(
        "the metadata and the keys of {origin} are those of this installation"
    ))
}

fn assess_dpop(metadata: &Value) -> Finding {
    let algorithms = metadata["dpop_signing_alg_values_supported"].as_array();
    match algorithms.filter(|algorithms| !algorithms.is_empty()) {
        Some(algorithms) => DPOP.ok(format!(
            "{} algorithms of proofs are named",
            algorithms.len()
        )),
        None => DPOP.error(
            "no algorithm of proofs is named",
            "let the proxy pass on the metadata unchanged",
        ),
    }
}

fn assess_hsts(headers: &HeaderMap, is_loopback: bool) -> Finding {
    if headers.contains_key(header::STRICT_TRANSPORT_SECURITY) {
        HSTS.ok("Strict-Transport-Security arrives")
    } else if is_loopback {
        HSTS.ok("not sent for a loopback host")
    } else {
        HSTS.warning(
            "Strict-Transport-Security is missing",
            "let the proxy pass on the headers of the response",
        )
    }
}

/// `name` is that of the cookie of the sign-in form.
fn assess_cookies(headers: &HeaderMap, name: &str) -> Finding {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let mut cookies = cookies.filter_map(|cookie| cookie.to_str().ok());
    let remedy = "let the proxy pass on Set-Cookie unchanged";
    let Some(cookie) = cookies.find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='))
    else {
        return COOKIES.error(format!("the sign-in form sets no cookie {name}"), remedy);
    };
    let attributes = cookie
        .split(';')
        .skip(1)
        .map(|attribute| attribute.trim().to_lowercase());
    let attributes: Vec<_> = attributes.collect();
    let has = |expected: &str| attributes.iter().any(|attribute| attribute == expected);
    let has_domain = attributes
        .iter()
        .any(|attribute| attribute.starts_with("domain="));
    if has("secure") && has("path=/") && !has_domain {
        COOKIES.ok(format!("browsers keep the cookie {name}"))
    } else {
        COOKIES.error(
            format!("browsers refuse the cookie {name}, whose attributes were changed"),
            remedy,
        )
    }
}

/// Without a session the service refuses a device key with 401.
fn assess_device_binding(status: StatusCode) -> Finding {
    if status == StatusCode::UNAUTHORIZED {
        DEVICE_BINDING.ok("the registration of device keys answers")
    } else {
        let found =
            format!("the registration of device keys is answered with {status} in place of 401");
        DEVICE_BINDING.warning(
            found,
            "let the proxy pass POST requests to /session/bind and /session/refresh",
        )
    }
}

#[cfg(test)]
mod tests;
