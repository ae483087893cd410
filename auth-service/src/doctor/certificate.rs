//! The certificate of the gRPC port, and the authorities of its clients.

use holdfast_server_kit::doctor::{Check, Finding, checks::certificate::assess_expiry};
use holdfast_tls::TlsMaterial;
use time::OffsetDateTime;
use webpki::EndEntityCert;

use crate::config::TlsConfig;

pub(super) static CERTIFICATE: Check = Check {
    id: "tls.certificate",
    why: "Clients refuse a certificate that has expired, or that names none of the addresses by which they connect",
};

pub(super) fn check(tls: Option<&TlsConfig>, now: OffsetDateTime) -> Vec<Finding> {
    let Some(tls) = tls else {
        return vec![CERTIFICATE.ok("the gRPC port has no certificate")];
    };
    match TlsMaterial::load(&tls.files) {
        Ok(material) => assess(&material, now),
        Err(problems) => vec![CERTIFICATE.error(problems.join("; "), "correct the files")],
    }
}

fn assess(material: &TlsMaterial, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = assess_expiry(&CERTIFICATE, material.expiries(), now);
    let identity = material.identity.as_ref();
    let own = identity.and_then(|identity| identity.chain().first());
    let certificate = own.and_then(|own| EndEntityCert::try_from(own).ok());
    if let Some(certificate) = certificate {
        let names: Vec<_> = certificate.valid_dns_names().collect();
        findings.push(assess_names(&names));
    }
    findings
}

fn assess_names(names: &[&str]) -> Finding {
    if names.is_empty() {
        let remedy =
            "issue it with the DNS name of WEB_AUTH_URL, unless clients connect by an address";
        CERTIFICATE.warning("the certificate has no DNS name", remedy)
    } else {
        CERTIFICATE.ok(format!("the certificate is for {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::private_file;
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok, Warning};
    use holdfast_tls::{IdentityFiles, PemFile, TlsFiles};
    use rcgen::{CertificateParams, KeyPair};
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

    /// The severities for a certificate with these names that expires after some days.
    fn severities(names: &[&str], days: i64) -> Vec<Severity> {
        let directory = tempfile::tempdir().unwrap();
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = NOW + Duration::days(days);
        let pair = KeyPair::generate().unwrap();
        std::fs::write(&certificate, params.self_signed(&pair).unwrap().pem()).unwrap();
        private_file::write(&key, pair.serialize_pem().as_bytes()).unwrap();
        let files = TlsFiles::from(IdentityFiles {
            certificate: PemFile::new("AUTH_TLS_CERT", certificate),
            key: PemFile::new("AUTH_TLS_KEY", key),
        });
        let web_service_name = "web-service".to_owned();
        let tls = TlsConfig {
            files,
            web_service_name,
        };
        let findings = check(Some(&tls), NOW);
        findings.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn certificate_that_expires_or_has_no_name_is_found() {
        assert_eq!(severities(&["auth.example"], 15), [Ok, Ok]);
        assert_eq!(severities(&["auth.example"], 13), [Warning, Ok]);
        assert_eq!(severities(&["auth.example"], -1), [Error, Ok]);
        assert_eq!(severities(&["192.0.2.1"], 15), [Ok, Warning]);
    }

    #[test]
    fn port_without_tls_and_missing_files_are_told_apart() {
        assert_eq!(check(None, NOW)[0].severity, Ok);
        let missing = TlsConfig {
            files: TlsFiles {
                authorities: Some(PemFile::new("AUTH_TLS_CLIENT_CA", "/missing")),
                ..TlsFiles::default()
            },
            web_service_name: String::new(),
        };
        let missing = check(Some(&missing), NOW);
        assert_eq!(missing[0].outcome(), ("tls.certificate", Error));
    }
}
