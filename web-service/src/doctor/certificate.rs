//! The certificate of the HTTPS port.

use holdfast_server_kit::doctor::{Check, Finding, checks::certificate::assess_expiry};
use holdfast_tls::{Identity, TlsFiles, TlsMaterial};
use time::OffsetDateTime;
use url::Url;

use crate::{
    config::{ServeConfig, TlsConfig},
    tls::local_ca::LocalAuthority,
};

pub(super) static CERTIFICATE: Check = Check {
    id: "tls.certificate",
    why: "Browsers refuse a certificate that has expired, or is for another host than that of the public URL",
};

pub(super) fn check(config: &ServeConfig, now: OffsetDateTime) -> Vec<Finding> {
    let files: TlsFiles = match &config.tls {
        TlsConfig::Off => return vec![CERTIFICATE.ok("a proxy serves TLS")],
        TlsConfig::Local(directory) => {
            let authority = LocalAuthority::new(directory.clone());
            if !authority.certificate_file().exists() {
                return vec![
                    CERTIFICATE.ok("the service creates a local certificate when it starts"),
                ];
            }
            authority.files()
        }
        TlsConfig::Files(identity) => identity.clone().into(),
    };
    let material = match TlsMaterial::load(&files) {
        Ok(material) => material,
        Err(problems) => return vec![CERTIFICATE.error(problems.join("; "), "correct the files")],
    };
    let mut findings = assess_expiry(&CERTIFICATE, material.expiries(), now);
    let url = config.public_url.as_ref();
    let url = url.and_then(|url| url.origin.parse::<Url>().ok());
    let host = url.as_ref().and_then(Url::host_str);
    let named = host.zip(material.identity.as_ref());
    findings.extend(named.map(|(host, identity)| assess_host(identity, host)));
    findings
}

fn assess_host(identity: &Identity, host: &str) -> Finding {
    match identity.verify_host(host.trim_matches(['[', ']'])) {
        Ok(()) => CERTIFICATE.ok(format!("the certificate is for {host}")),
        Err(why) => CERTIFICATE.error(
            format!("the certificate is not for {host}: {why}"),
            "issue a certificate with the host of WEB_PUBLIC_URL",
        ),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::private_file;
    use holdfast_server_kit::doctor::Severity;
    use holdfast_tls::{IdentityFiles, PemFile};
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn certificate_for_another_host_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
        let names = ["id.example", "192.0.2.1"].map(str::to_owned);
        let pair = KeyPair::generate().unwrap();
        let issued = CertificateParams::new(names)
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        std::fs::write(&certificate, issued.pem()).unwrap();
        private_file::write(&key, pair.serialize_pem().as_bytes()).unwrap();
        let files = TlsFiles::from(IdentityFiles {
            certificate: PemFile::new("WEB_TLS_CERT", certificate),
            key: PemFile::new("WEB_TLS_KEY", key),
        });
        let identity = TlsMaterial::load(&files).unwrap().identity.unwrap();
        for (host, severity) in [
            ("id.example", Severity::Ok),
            ("192.0.2.1", Severity::Ok),
            ("other.example", Severity::Error),
            ("[2001:db8::1]", Severity::Error),
        ] {
            assert_eq!(assess_host(&identity, host).severity, severity, "{host}");
        }
    }
}
