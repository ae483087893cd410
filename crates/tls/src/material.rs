//! Parsed and validated TLS files.

use std::{fmt, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ParsedCertificate, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{
    expiry::Expiry,
    files::{Contents, Fingerprint, IdentityFiles, PemFile, TlsFiles},
};

/// Certificates and keys that were parsed, and belong together.
#[derive(Clone)]
pub struct TlsMaterial {
    /// The certificate and key to present.
    pub identity: Option<Identity>,
    /// The certificate authorities that the peer's certificate is verified with.
    pub authorities: Option<Authorities>,
    pub(super) expiries: Vec<Expiry>,
    pub(super) fingerprint: Fingerprint,
}

/// A certificate chain and the private key of its first certificate.
#[derive(Clone)]
pub struct Identity {
    /// The chain in PEM.
    pub certificate_pem: Vec<u8>,
    /// The private key in PEM.
    pub key_pem: SecretString,
    certified: Arc<CertifiedKey>,
}

/// Certificate authorities that a peer's certificate is verified with.
#[derive(Clone)]
pub struct Authorities {
    /// The certificates in PEM.
    pub pem: Vec<u8>,
    roots: Arc<RootCertStore>,
}

impl TlsMaterial {
    /// Reads, parses and validates the files.
    ///
    /// # Errors
    /// All problems, in words with the setting: a file that cannot be read, is not PEM or contains no certificate; a key that does not
    /// belong to the certificate.
    pub fn load(files: &TlsFiles) -> Result<Self, Vec<String>> {
        Self::parse(files, files.read()?)
    }

    pub(super) fn parse(files: &TlsFiles, contents: Contents) -> Result<Self, Vec<String>> {
        let fingerprint = contents.fingerprint();
        let mut problems = Vec::new();
        let mut expiries = Vec::new();
        let mut parse =
            |file: &PemFile, pem: &[u8], expiry: fn(&_, &[_]) -> _| match certificates(file, pem) {
                Ok(chain) => {
                    expiries.push(expiry(file, &chain));
                    Some(chain)
                }
                Err(problem) => {
                    problems.push(problem);
                    None
                }
            };
        let chain = files.identity.as_ref().zip(contents.identity);
        let chain = chain.map(|(files, (pem, key))| {
            let chain = parse(&files.certificate, &pem, Expiry::of);
            (files, chain, pem, key)
        });
        let trusted = files.authorities.as_ref().zip(contents.authorities);
        let trusted =
            trusted.map(|(file, pem)| (file, parse(file, &pem, Expiry::of_authorities), pem));
        for (file, pem) in files.announced.iter().zip(contents.announced) {
            parse(file, &pem, Expiry::of_authorities);
        }
        let identity = match chain {
            Some((files, Some(chain), pem, key)) => Some(Identity::new(files, chain, pem, key)),
            _ => None,
        };
        let authorities = match trusted {
            Some((file, Some(chain), pem)) => Some(Authorities::new(file, chain, pem)),
            _ => None,
        };
        let identity = ok_or_note(identity, &mut problems);
        let authorities = ok_or_note(authorities, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            identity,
            authorities,
            expiries,
            fingerprint,
        })
    }

    /// The expiry of each file with certificates.
    #[must_use]
    pub fn expiries(&self) -> &[Expiry] {
        &self.expiries
    }

    /// The configuration of a port that presents the identity, with TLS 1.2 and 1.3. Where authorities are named, it requires a client
    /// certificate.
    ///
    /// # Errors
    /// When there is no identity, or rustls cannot use the authorities.
    pub fn server_config(&self, protocols: &[&[u8]]) -> anyhow::Result<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?;
        let builder = match self.client_verifier()? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let identity = self.identity.as_ref();
        let identity = identity.ok_or_else(|| anyhow::anyhow!("there is no certificate"))?;
        let resolver = SingleCertAndKey::from(identity.certified.clone());
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    /// The configuration of a client, with TLS 1.2 and 1.3, which presents the identity if there is one. It verifies the server with the
    /// authorities, or, where none are named, with those of the operating system.
    ///
    /// # Errors
    /// When the operating system has no authorities.
    pub fn client_config(&self) -> anyhow::Result<ClientConfig> {
        self.client_config_with(match &self.authorities {
            Some(authorities) => authorities.roots.clone(),
            None => Arc::new(system_roots()?),
        })
    }

    /// As [`client_config`](Self::client_config), with the authorities of the operating system besides those that are named.
    ///
    /// # Errors
    /// When there are no authorities at all.
    pub fn client_config_with_system_roots(&self) -> anyhow::Result<ClientConfig> {
        let Some(authorities) = &self.authorities else {
            return self.client_config();
        };
        let mut roots = RootCertStore::clone(&authorities.roots);
        roots.extend(system_roots().into_iter().flat_map(|system| system.roots));
        self.client_config_with(Arc::new(roots))
    }

    fn client_config_with(&self, roots: Arc<RootCertStore>) -> anyhow::Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        Ok(match &self.identity {
            Some(identity) => {
                let resolver = SingleCertAndKey::from(identity.certified.clone());
                builder.with_client_cert_resolver(Arc::new(resolver))
            }
            None => builder.with_no_client_auth(),
        })
    }

    /// The verifier of client certificates. `None`: no authorities are named.
    ///
    /// # Errors
    /// When rustls cannot use the authorities.
    pub fn client_verifier(&self) -> anyhow::Result<Option<Arc<dyn ClientCertVerifier>>> {
        let Some(authorities) = &self.authorities else {
            return Ok(None);
        };
        let roots = authorities.roots.clone();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build()?;
        Ok(Some(verifier))
    }
}

impl Identity {
    /// The certificates, the own one first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// Whether the certificate and those after it lead to an authority that the operating system trusts. Reads files.
    #[must_use]
    pub fn leads_to_system_root(&self, now: OffsetDateTime) -> bool {
        let Ok(roots) = system_roots() else {
            return false;
        };
        let Some((own, intermediates)) = self.chain().split_first() else {
            return false;
        };
        let Ok(own) = ParsedCertificate::try_from(own) else {
            return false;
        };
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = provider().signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&own, &roots, intermediates, now, algorithms)
            .is_ok()
    }

    /// Verifies that the certificate is valid for a host.
    ///
    /// # Errors
    /// It is for other names, or `host` is not a name.
    pub fn verify_host(&self, host: &str) -> Result<(), String> {
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let certificate = self.certified.end_entity_cert();
        let certificate = certificate.and_then(ParsedCertificate::try_from);
        let verified = certificate.and_then(|certificate| verify_server_name(&certificate, &name));
        verified.map_err(|error| error.to_string())
    }

    fn new(
        files: &IdentityFiles,
        chain: Vec<CertificateDer<'static>>,
        certificate_pem: Vec<u8>,
        key_pem: SecretString,
    ) -> Result<Self, String> {
        let key = PrivateKeyDer::from_pem_slice(key_pem.expose_secret().as_bytes())
            .map_err(|_| files.key.problem("has no private key in PEM"))?;
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|why| {
            files
                .certificate
                .problem(format!("cannot be used with its key: {why}"))
        })?;
        Ok(Self {
            certificate_pem,
            key_pem,
            certified: Arc::new(certified),
        })
    }
}

impl Authorities {
    fn new(
        file: &PemFile,
        certificates: Vec<CertificateDer<'static>>,
        pem: Vec<u8>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        // Those that rustls cannot parse are skipped, as bundles of operating systems contain some.
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            return Err(file.problem("has no certificate that can be used"));
        }
        Ok(Self {
            pem,
            roots: Arc::new(roots),
        })
    }
}

/// Without the key.
impl fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsMaterial").finish_non_exhaustive()
    }
}

/// Whether the operating system trusts any certificate authority. Reads files.
#[must_use]
pub fn has_system_roots() -> bool {
    system_roots().is_ok()
}

fn system_roots() -> anyhow::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    anyhow::ensure!(
        !roots.is_empty(),
        "the operating system has no certificate authorities"
    );
    Ok(roots)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn certificates(file: &PemFile, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match chain {
        Ok(chain) if chain.is_empty() => Err(file.problem("has no certificate in PEM")),
        Ok(chain) => Ok(chain),
        Err(why) => Err(file.problem(format!("is not PEM: {why}"))),
    }
}

fn ok_or_note<T>(parsed: Option<Result<T, String>>, problems: &mut Vec<String>) -> Option<T> {
    parsed.transpose().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    })
}
