//! The names of TLS files, and their content at one moment.

use std::{fs, path::PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use holdfast_core::private_file;
use secrecy::{ExposeSecret as _, SecretString};

/// A PEM file and the setting that names it.
#[derive(Clone, Debug)]
pub struct PemFile {
    /// The setting, such as `AUTH_TLS_CERT`, for messages.
    pub setting: &'static str,
    /// The file; it may be a symbolic link.
    pub path: PathBuf,
}

/// The files of a certificate and its key, with which a side of a connection authenticates.
#[derive(Clone, Debug)]
pub struct IdentityFiles {
    /// Certificate chain, beginning with the own certificate.
    pub certificate: PemFile,
    /// Private key of the first certificate.
    pub key: PemFile,
}

/// The files of one TLS port or client.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// The certificate and key to present.
    pub identity: Option<IdentityFiles>,
    /// The certificate authorities that the peer's certificate is verified with.
    pub authorities: Option<PemFile>,
    /// Further certificates, which are not used here, but whose expiry is logged.
    pub announced: Vec<PemFile>,
}

impl From<IdentityFiles> for TlsFiles {
    fn from(identity: IdentityFiles) -> Self {
        Self {
            identity: Some(identity),
            ..Self::default()
        }
    }
}

/// The content of the files at one moment.
pub(super) struct Contents {
    pub(super) identity: Option<(Vec<u8>, SecretString)>,
    pub(super) authorities: Option<Vec<u8>>,
    pub(super) announced: Vec<Vec<u8>>,
}

/// SHA-256 of the content, to detect a change without a further copy of the key.
pub(super) type Fingerprint = [u8; 32];

impl PemFile {
    /// A file, and the setting that names it.
    pub fn new(setting: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            setting,
            path: path.into(),
        }
    }

    pub(super) fn problem(&self, reason: impl std::fmt::Display) -> String {
        format!("{}: {}: {reason}", self.setting, self.path.display())
    }

    fn read(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.path).map_err(|why| self.problem(why))
    }
}

impl TlsFiles {
    /// The names of the settings, separated by commas, for messages.
    pub(super) fn settings(&self) -> String {
        let identity = self.identity.iter();
        let identity = identity.flat_map(|files| [&files.certificate, &files.key]);
        let files = identity.chain(&self.authorities);
        let settings: Vec<_> = files.map(|file| file.setting).collect();
        settings.join(", ")
    }

    /// Reads all files.
    ///
    /// # Errors
    /// Every file that cannot be read, in words with its setting, and a key that is readable by all users.
    pub(super) fn read(&self) -> Result<Contents, Vec<String>> {
        let mut problems = Vec::new();
        let mut read = |file: &PemFile| {
            let read = file.read();
            read.map_err(|problem| problems.push(problem)).ok()
        };
        let certificate = self.identity.as_ref().map(|files| read(&files.certificate));
        let authorities = self.authorities.as_ref().map(&mut read);
        let announced: Vec<_> = self.announced.iter().map(read).collect();
        let key = self.identity.as_ref().map(|files| {
            let read = private_file::read_secret(&files.key.path);
            let read = read.map_err(|why| format!("{}: {why}", files.key.setting));
            read.map_err(|problem| problems.push(problem)).ok()
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Contents {
            identity: certificate.flatten().zip(key.flatten()),
            authorities: authorities.flatten(),
            announced: announced.into_iter().flatten().collect(),
        })
    }
}

impl Contents {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut context = Context::new(&SHA256);
        let mut add = |bytes: &[u8]| {
            // With its length, so that no bytes can move from one file to the next unnoticed.
            context.update(&bytes.len().to_be_bytes());
            context.update(bytes);
        };
        if let Some((certificate, key)) = &self.identity {
            add(certificate);
            add(key.expose_secret().as_bytes());
        }
        self.authorities.iter().for_each(|bytes| add(bytes));
        self.announced.iter().for_each(|bytes| add(bytes));
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }
}
