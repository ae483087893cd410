//! The certificate of the HTTPS port.

use holdfast_server_kit::doctor::{
    Check, Finding,
    checks::{certificate::assess_expiry, host::is_this_machine},
    within_file_deadline,
};
use holdfast_tls::{Identity, TlsFiles, TlsMaterial};
use time::OffsetDateTime;
use url::Url;

use crate::{
    config::{ServeConfig, TlsConfig},
    request::trusted_proxies::TrustedProxies,
    tls::local_ca::LocalAuthority,
};

pub(super) static CERTIFICATE: Check = Check {
    id: "tls.certificate",
    why: "Browsers refuse a certificate that has expired, or is for another host than that of the public URL",
};

/// The names under which the port is reached.
#[derive(Clone, Debug)]
struct Names {
    /// The host of the public URL.
    public: Option<String>,
    /// Whether a proxy with a certificate of its own may serve the public URL.
    has_proxy: bool,
}

pub(super) async fn check(config: &ServeConfig, now: OffsetDateTime) -> Vec<Finding> {
    if matches!(config.tls, TlsConfig::Off) {
        return vec![CERTIFICATE.ok("a proxy serves TLS")];
    }
    let files = own_files(&config.tls);
    let url = config.public_url.as_ref();
    let is_public = url.is_some_and(|url| !url.is_loopback);
    let url = url.and_then(|url| url.origin.parse::<Url>().ok());
    let names = Names {
        public: url.and_then(|url| Some(url.host_str()?.to_owned())),
        has_proxy: is_public && config.trusted_proxies != TrustedProxies::default(),
    };
    within_file_deadline(&CERTIFICATE, move || check_files(files, &names, now)).await
}

/// The files of the certificate of the HTTPS port; `None` where a proxy serves TLS.
pub(super) fn own_files(tls: &TlsConfig) -> Option<TlsFiles> {
    match tls {
        TlsConfig::Off => None,
        TlsConfig::Local(directory) => Some(LocalAuthority::new(directory.clone()).files()),
        TlsConfig::Files(identity) => Some(identity.clone().into()),
    }
}

fn check_files(files: Option<TlsFiles>, names: &Names, now: OffsetDateTime) -> Vec<Finding> {
    let Some(files) = files else {
        return Vec::new();
    };
    let certificate = files.identity.as_ref().map(|files| &files.certificate);
    if certificate.is_some_and(|file| file.setting == "WEB_DATA_DIR" && !file.path.exists()) {
        return vec![CERTIFICATE.ok("the service creates a local certificate when it starts")];
    }
    let is_local = certificate.is_some_and(|file| file.setting == "WEB_DATA_DIR");
    let material = match TlsMaterial::load(&files) {
        Ok(material) => material,
        Err(problems) => return vec![CERTIFICATE.error(problems.join("; "), "correct the files")],
    };
    let mut findings = assess_expiry(&CERTIFICATE, material.expiries(), now);
    if let Some((host, identity)) = names.public.as_deref().zip(material.identity.as_ref()) {
        findings.push(assess_host(identity, host, names.has_proxy));
        if !is_local && !names.has_proxy && !is_this_machine(host) {
            let is_trusted = identity.leads_to_system_root(now);
            findings.extend(assess_chain(identity.chain().len(), is_trusted));
        }
    }
    findings
}

fn assess_host(identity: &Identity, host: &str, has_proxy: bool) -> Finding {
    match identity.verify_host(host.trim_matches(['[', ']'])) {
        Ok(()) => CERTIFICATE.ok(format!("the certificate is for {host}")),
        Err(_) if has_proxy => CERTIFICATE.ok(format!(
            "the certificate is not for {host}; it is used between the proxy and this service"
        )),
        Err(why) => CERTIFICATE.error(
            format!("the certificate is not for {host}: {why}"),
            "issue a certificate with the host of WEB_PUBLIC_URL",
        ),
    }
}

/// `length` is that of the chain in the file, and `is_trusted` whether the chain leads to an authority that this machine trusts.
fn assess_chain(length: usize, is_trusted: bool) -> Option<Finding> {
    if is_trusted || length > 1 {
        return None;
    }
    let found = "the chain is incomplete: no authority that this machine trusts has issued the certificate, and no intermediate certificate follows it";
    let remedy = "append the intermediate certificates of the authority to the file, or let this machine trust the authority (SSL_CERT_FILE)";
    Some(CERTIFICATE.warning(found, remedy))
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
        let (fine, error) = (
            ("tls.certificate", Severity::Ok),
            ("tls.certificate", Severity::Error),
        );
        for (host, expected) in [
            ("id.example", fine),
            ("192.0.2.1", fine),
            ("other.example", error),
            ("[2001:db8::1]", error),
        ] {
            let outcome = assess_host(&identity, host, false).outcome();
            assert_eq!(outcome, expected, "{host}");
            assert_eq!(assess_host(&identity, host, true).severity, Severity::Ok);
        }
    }

    #[test]
    fn chain_without_an_intermediate_certificate_is_a_warning() {
        let severity =
            |length, is_trusted| assess_chain(length, is_trusted).map(|finding| finding.severity);
        assert_eq!(severity(1, false), Some(Severity::Warning));
        assert_eq!(severity(1, true), None);
        assert_eq!(severity(2, false), None);
    }
}
