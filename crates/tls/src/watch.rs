//! Files that change while the service runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_core::clock::Clock;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    expiry::{Expiry, ExpiryLog},
    files::{Fingerprint, TlsFiles},
    material::TlsMaterial,
};

/// How often the files are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often it is said that the files cannot be used: again when they changed, and again while they stay as they are.
const SAID_OF_CHANGE: Duration = Duration::from_secs(10);
const SAID_AGAIN: Duration = Duration::from_hours(1);

type Apply = Box<dyn FnMut(&TlsMaterial) -> anyhow::Result<()> + Send>;

/// Reads TLS files each second, by their paths, so that a symbolic link may be swapped, too; hands on what changed and can be used,
/// and announces the end of certificates. Files that cannot be used, such as a certificate that is written before its key, change
/// nothing.
pub struct TlsWatch {
    files: TlsFiles,
    clock: Arc<dyn Clock>,
    apply: Apply,
    current: Fingerprint,
    expiries: Vec<Expiry>,
    expiry_log: ExpiryLog,
    failure: Option<Failure>,
}

/// Files that cannot be used, for several looks in a row.
struct Failure {
    /// `None`: they cannot be read.
    fingerprint: Option<Fingerprint>,
    looks: u32,
    said: Option<(Option<Fingerprint>, Instant)>,
}

/// What a look at the files gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Unchanged,
    Applied,
    Failed { said: bool },
}

impl TlsWatch {
    /// Watches `files`, of which `loaded` is in use; `apply` brings later ones into use, or says why it cannot.
    pub fn new(
        files: TlsFiles,
        loaded: &TlsMaterial,
        clock: Arc<dyn Clock>,
        apply: impl FnMut(&TlsMaterial) -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        Self {
            files,
            clock,
            apply: Box::new(apply),
            current: loaded.fingerprint,
            expiries: loaded.expiries.clone(),
            expiry_log: ExpiryLog::default(),
            failure: None,
        }
    }

    /// Looks each second, and at once when `reload` changes, until `shutdown`.
    pub async fn run(mut self, mut reload: watch::Receiver<()>, shutdown: CancellationToken) {
        let mut interval = interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                _ = interval.tick() => false,
                Ok(()) = reload.changed() => true,
                () = shutdown.cancelled() => return,
            };
            let looked = spawn_blocking(move || {
                self.look(is_asked);
                self.expiry_log.report(&self.expiries, self.clock.now());
                self
            });
            match looked.await {
                Ok(unchanged) => self = unchanged,
                Err(error) => {
                    tracing::error!(%error, "certificates are not watched any more");
                    return;
                }
            }
        }
    }

    fn look(&mut self, is_asked: bool) -> Look {
        let contents = match self.files.read() {
            Ok(contents) => contents,
            Err(problems) => return self.fail(None, is_asked, &problems.join("; ")),
        };
        let found = contents.fingerprint();
        if found == self.current {
            self.failure = None;
            if is_asked {
                let files = self.files.settings();
                tracing::info!(files, "the certificate is unchanged");
            }
            return Look::Unchanged;
        }
        let applied = TlsMaterial::parse(&self.files, contents)
            .map_err(|problems| problems.join("; "))
            .and_then(|material| match (self.apply)(&material) {
                Ok(()) => Ok(material),
                Err(why) => Err(format!("{why:#}")),
            });
        match applied {
            Ok(material) => {
                self.current = found;
                self.expiries = material.expiries;
                self.expiry_log = ExpiryLog::default();
                self.failure = None;
                let files = self.files.settings();
                tracing::info!(files, "the certificate changed and is used from now on");
                Look::Applied
            }
            Err(why) => self.fail(Some(found), is_asked, &why),
        }
    }

    /// A first failure may be a file that is being written, and is not worth a line.
    fn fail(&mut self, found: Option<Fingerprint>, is_asked: bool, error: &str) -> Look {
        let failure = self.failure.get_or_insert(Failure {
            fingerprint: found,
            looks: 0,
            said: None,
        });
        failure.fingerprint = found;
        failure.looks += 1;
        let said = is_asked || failure.is_due();
        if said {
            failure.said = Some((found, Instant::now()));
            tracing::error!(
                error,
                "the changed certificate cannot be used; the old one stays"
            );
        }
        Look::Failed { said }
    }
}

impl Failure {
    fn is_due(&self) -> bool {
        match self.said {
            None => self.looks > 1,
            Some((of, at)) if of == self.fingerprint => at.elapsed() >= SAID_AGAIN,
            Some((_, at)) => at.elapsed() >= SAID_OF_CHANGE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::symlink,
        path::Path,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use holdfast_core::{clock::ManualClock, private_file};
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;
    use crate::{IdentityFiles, PemFile};

    fn issue(directory: &Path) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let pair = (certificate, key.serialize_pem());
        write(directory, &pair.0, &pair.1);
        pair
    }

    fn write(directory: &Path, certificate: &str, key: &str) {
        fs::write(directory.join("tls.crt"), certificate).unwrap();
        private_file::write(&directory.join("tls.key"), key.as_bytes()).unwrap();
    }

    /// A watch on files in `directory`, and how often something was applied.
    fn watch(directory: &Path) -> (TlsWatch, Arc<AtomicUsize>) {
        let files = TlsFiles {
            identity: Some(IdentityFiles {
                certificate: PemFile::new("CERT", directory.join("tls.crt")),
                key: PemFile::new("KEY", directory.join("tls.key")),
            }),
            ..TlsFiles::default()
        };
        let loaded = TlsMaterial::load(&files).unwrap();
        let applied = Arc::new(AtomicUsize::new(0));
        let counter = applied.clone();
        let clock = Arc::new(ManualClock::default());
        let watch = TlsWatch::new(files, &loaded, clock, move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        (watch, applied)
    }

    fn directory() -> TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn new_pair_is_applied_once() {
        let directory = directory();
        issue(directory.path());
        let (mut watch, applied) = watch(directory.path());
        assert_eq!(watch.look(false), Look::Unchanged);
        issue(directory.path());
        assert_eq!(watch.look(false), Look::Applied);
        assert_eq!(watch.look(true), Look::Unchanged);
        assert_eq!(applied.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn swapped_symbolic_link_is_a_change() {
        let directory = directory();
        let version = |name: &str| directory.path().join(name);
        for name in ["..v1", "..v2"] {
            fs::create_dir(version(name)).unwrap();
            issue(&version(name));
        }
        // As Kubernetes mounts a secret.
        symlink("..v1", version("..data")).unwrap();
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), version(name)).unwrap();
        }
        let (mut watch, _) = watch(directory.path());
        symlink("..v2", version("..data_tmp")).unwrap();
        fs::rename(version("..data_tmp"), version("..data")).unwrap();
        assert_eq!(watch.look(false), Look::Applied);
    }

    #[test]
    fn pair_that_does_not_match_or_is_half_written_changes_nothing_and_is_said_once() {
        let directory = directory();
        let (certificate, key) = issue(directory.path());
        let (mut watch, applied) = watch(directory.path());
        let (_, other_key) = issue(directory.path());

        write(directory.path(), &certificate, &other_key);
        // It may still be on its way.
        assert_eq!(watch.look(false), Look::Failed { said: false });
        assert_eq!(watch.look(false), Look::Failed { said: true });
        assert_eq!(watch.look(false), Look::Failed { said: false });
        write(
            directory.path(),
            &certificate[..certificate.len() / 2],
            &key,
        );
        assert_eq!(watch.look(false), Look::Failed { said: false });
        assert_eq!(watch.look(true), Look::Failed { said: true }, "SIGHUP asks");
        fs::remove_file(directory.path().join("tls.crt")).unwrap();
        assert_eq!(watch.look(false), Look::Failed { said: false });

        assert_eq!(applied.load(Ordering::Relaxed), 0);
        write(directory.path(), &certificate, &key);
        assert_eq!(watch.look(false), Look::Unchanged);
        issue(directory.path());
        assert_eq!(watch.look(false), Look::Applied);
    }

    #[test]
    fn everything_that_is_wrong_is_named_with_its_setting() {
        let directory = directory();
        let files = TlsFiles {
            identity: Some(IdentityFiles {
                certificate: PemFile::new("CERT", directory.path().join("tls.crt")),
                key: PemFile::new("KEY", directory.path().join("tls.key")),
            }),
            authorities: Some(PemFile::new("CA", directory.path().join("ca.crt"))),
            announced: Vec::new(),
        };
        let problems = TlsMaterial::load(&files).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        issue(directory.path());
        fs::write(directory.path().join("ca.crt"), "no PEM").unwrap();
        let problems = TlsMaterial::load(&files).unwrap_err();
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        assert!(problem.starts_with("CA: ") && problem.ends_with("has no certificate in PEM"));
    }
}
