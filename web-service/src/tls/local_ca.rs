//! A local certificate authority, so that a person can trust all certificates of this installation at once.
//!
//! It can issue certificates for this machine only: name constraints limit it to localhost and the loopback addresses, even if its key is
//! stolen.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use holdfast_core::private_file;
use holdfast_tls::{IdentityFiles, PemFile, TlsFiles};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};
use time::OffsetDateTime;

/// Validity of the authority's certificate.
const AUTHORITY_LIFETIME: Duration = days(3650);
/// Validity of the certificate for localhost.
const LEAF_LIFETIME: Duration = days(90);

/// Remaining validity below which the certificate for localhost is renewed.
const RENEW_BEFORE: Duration = days(30);

/// Time by which `notBefore` is in the past, as clocks of browsers may be behind.
const BACKDATED: Duration = days(1);

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3600)
}

/// The authority's files in one directory.
#[derive(Clone, Debug)]
pub struct LocalAuthority {
    directory: PathBuf,
}

impl LocalAuthority {
    /// The authority whose files are, or will be, in `directory`.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Path of the authority's certificate, which a person may trust.
    #[must_use]
    pub fn authority_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Path of the certificate for localhost.
    #[must_use]
    pub fn certificate_file(&self) -> PathBuf {
        self.directory.join("localhost.pem")
    }

    /// Path of the private key of the certificate for localhost.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.directory.join("localhost.key")
    }

    /// The files that the port serves. The expiry of the authority's certificate is announced, too.
    #[must_use]
    pub fn files(&self) -> TlsFiles {
        const SETTING: &str = "WEB_DATA_DIR";
        TlsFiles {
            identity: Some(IdentityFiles {
                certificate: PemFile::new(SETTING, self.certificate_file()),
                key: PemFile::new(SETTING, self.key_file()),
            }),
            authorities: None,
            announced: vec![PemFile::new(SETTING, self.authority_file())],
        }
    }

    /// Path of the authority's private key.
    #[must_use]
    pub fn authority_key_file(&self) -> PathBuf {
        self.directory.join("ca.key")
    }

    /// Creates missing files, and renews the certificate for localhost before it expires.
    ///
    /// # Errors
    /// When the directory cannot be written, or its files do not belong together.
    pub fn ensure(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .with_context(|| format!("cannot create the directory {}", self.directory.display()))?;
        let authority = self.authority(now).with_context(|| {
            format!(
                "cannot keep a certificate authority in {}",
                self.directory.display()
            )
        })?;
        if !self.is_valid_at(now + RENEW_BEFORE) {
            self.issue(&authority, now)?;
            ensure!(
                self.is_valid_at(now),
                "ca.pem and ca.key in {} do not belong together or have expired; remove both, and trust the new one",
                self.directory.display()
            );
            tracing::info!(event = "certificate.created", file = %self.certificate_file().display(), "created a certificate for localhost");
        }
        Ok(())
    }

    /// The existing authority, or a new one.
    fn authority(&self, now: OffsetDateTime) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let (certificate, key) = (self.authority_file(), self.authority_key_file());
        if certificate.exists() && key.exists() {
            let key = KeyPair::from_pem(&fs::read_to_string(key)?)?;
            return Ok(Issuer::new(authority_params(now)?, key));
        }
        let new_key = KeyPair::generate()?;
        let params = authority_params(now)?;
        private_file::write(&key, new_key.serialize_pem().as_bytes())?;
        private_file::write_public(&certificate, params.self_signed(&new_key)?.pem().as_bytes())?;
        tracing::info!(event = "certificate_authority.created", file = %certificate.display(), "created a certificate authority for this machine");
        Ok(Issuer::new(params, new_key))
    }

    fn issue(
        &self,
        authority: &Issuer<'static, KeyPair>,
        now: OffsetDateTime,
    ) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let certificate = leaf_params(now)?.signed_by(&key, authority)?;
        private_file::write(&self.key_file(), key.serialize_pem().as_bytes())?;
        private_file::write_public(&self.certificate_file(), certificate.pem().as_bytes())?;
        Ok(())
    }

    /// Whether a client that trusts the authority would accept the certificate at `time`.
    fn is_valid_at(&self, time: OffsetDateTime) -> bool {
        verify(&self.authority_file(), &self.certificate_file(), time).is_ok()
            && self.key_file().exists()
    }
}

fn verify(authority: &Path, certificate: &Path, time: OffsetDateTime) -> anyhow::Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    let leaf = CertificateDer::from_pem_file(certificate)?;
    let seconds = u64::try_from(time.unix_timestamp())?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    verifier.verify_server_cert(&leaf, &[], &ServerName::try_from("localhost")?, &[], time)?;
    Ok(())
}

fn authority_params(now: OffsetDateTime) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Holdfast local authority");
    params.not_before = now - BACKDATED;
    params.not_after = now + AUTHORITY_LIFETIME;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                Ipv6Addr::LOCALHOST.octets(),
                128,
            )),
        ],
        excluded_subtrees: vec![],
    });
    Ok(params)
}

fn leaf_params(now: OffsetDateTime) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        Ipv6Addr::LOCALHOST.to_string(),
    ])?;
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.not_before = now - BACKDATED;
    params.not_after = now + LEAF_LIFETIME;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use holdfast_core::clock::{Clock as _, ManualClock};

    use super::*;

    fn read(file: &Path) -> String {
        fs::read_to_string(file).unwrap()
    }

    #[test]
    fn authority_and_certificate_are_created_once() {
        let directory = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::new(directory.path().join("new"));
        let now = ManualClock::default().now();
        authority.ensure(now).unwrap();
        let created = (
            read(&authority.authority_file()),
            read(&authority.certificate_file()),
        );
        verify(
            &authority.authority_file(),
            &authority.certificate_file(),
            now,
        )
        .unwrap();

        authority.ensure(now + days(59)).unwrap();

        assert_eq!(
            created,
            (
                read(&authority.authority_file()),
                read(&authority.certificate_file())
            )
        );
        for file in [authority.authority_key_file(), authority.key_file()] {
            assert_eq!(
                fs::metadata(file).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn certificate_is_renewed_and_authority_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::new(directory.path().to_owned());
        let now = ManualClock::default().now();
        authority.ensure(now).unwrap();
        let created = (
            read(&authority.authority_file()),
            read(&authority.certificate_file()),
        );
        let later = now + days(61);

        authority.ensure(later).unwrap();

        assert_eq!(created.0, read(&authority.authority_file()));
        assert_ne!(created.1, read(&authority.certificate_file()));
        let end = later + LEAF_LIFETIME - days(1);
        verify(
            &authority.authority_file(),
            &authority.certificate_file(),
            end,
        )
        .unwrap();
    }

    #[test]
    fn damaged_certificate_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::new(directory.path().to_owned());
        let now = ManualClock::default().now();
        authority.ensure(now).unwrap();
        fs::write(authority.certificate_file(), "half a file").unwrap();
        authority.ensure(now).unwrap();
        verify(
            &authority.authority_file(),
            &authority.certificate_file(),
            now,
        )
        .unwrap();
    }

    #[test]
    fn authority_with_another_key_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::new(directory.path().to_owned());
        let now = ManualClock::default().now();
        authority.ensure(now).unwrap();
        let other = KeyPair::generate().unwrap().serialize_pem();
        private_file::write(&authority.authority_key_file(), other.as_bytes()).unwrap();
        fs::remove_file(authority.certificate_file()).unwrap();
        let error = authority.ensure(now).unwrap_err().to_string();
        assert!(error.contains("do not belong together"), "{error}");
    }

    #[test]
    fn authority_cannot_issue_for_other_names() {
        let directory = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::new(directory.path().to_owned());
        let now = ManualClock::default().now();
        authority.ensure(now).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "bank.example".to_owned()];
        let params = CertificateParams::new(names).unwrap();
        let issuer = authority.authority(now).unwrap();
        let forged = params.signed_by(&key, &issuer).unwrap();
        fs::write(authority.certificate_file(), forged.pem()).unwrap();
        assert!(
            verify(
                &authority.authority_file(),
                &authority.certificate_file(),
                now
            )
            .is_err()
        );
    }
}
