//! Reloading of TLS files that change while the service runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_core::{clock::Clock, rate_limited_log::count_event};
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

/// Time between two readings of the files.
const INTERVAL: Duration = Duration::from_secs(1);

/// Minimum time between two log lines about unusable files that have changed again.
const LOG_INTERVAL_CHANGED: Duration = Duration::from_secs(10);
/// Time between two log lines about unusable files that stay as they are.
const LOG_INTERVAL_UNCHANGED: Duration = Duration::from_hours(1);

type Apply = Box<dyn FnMut(&TlsMaterial) -> anyhow::Result<()> + Send>;

/// Reads TLS files each second, and applies them when they have changed and can be used. Files that cannot be used change nothing, such as
/// a certificate that is written before its key. Also logs the expiry of certificates.
///
/// Content is compared instead of modification times, so that a swapped symbolic link is a change, too.
pub struct TlsWatch {
    files: TlsFiles,
    clock: Arc<dyn Clock>,
    apply: Apply,
    current: Fingerprint,
    expiries: Vec<Expiry>,
    expiry_log: ExpiryLog,
    failure: Option<Failure>,
}

/// Files that cannot be used.
struct Failure {
    /// `None`: they cannot be read.
    fingerprint: Option<Fingerprint>,
    /// The number of checks in a row with this result.
    checks: u32,
    logged: Option<(Option<Fingerprint>, Instant)>,
}

/// The result of a check of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CheckResult {
    Unchanged,
    Applied,
    Failed { logged: bool },
}

impl TlsWatch {
    /// Watches `files`, whose content `loaded` is in use. `apply` puts changed content into use.
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

    /// Checks the files each second, and at once when `reload` changes, until `shutdown`.
    pub async fn run(mut self, mut reload: watch::Receiver<()>, shutdown: CancellationToken) {
        let mut interval = interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_requested = tokio::select! {
                _ = interval.tick() => false,
                Ok(()) = reload.changed() => true,
                () = shutdown.cancelled() => return,
            };
            let checked = spawn_blocking(move || {
                self.check(is_requested);
                self.expiry_log.report(&self.expiries, self.clock.now());
                self
            });
            match checked.await {
                Ok(watch) => self = watch,
                Err(error) => {
                    tracing::error!(
                        event = "certificate.watch_stopped",
                        %error,
                        "watching TLS files stopped; changes take effect at the next start"
                    );
                    return;
                }
            }
        }
    }

    fn check(&mut self, is_requested: bool) -> CheckResult {
        let contents = match self.files.read() {
            Ok(contents) => contents,
            Err(problems) => return self.fail(None, is_requested, &problems.join("; ")),
        };
        let fingerprint = contents.fingerprint();
        if fingerprint == self.current {
            self.failure = None;
            if is_requested {
                let files = self.files.settings();
                tracing::info!(
                    event = "certificate.unchanged",
                    files,
                    "the certificate is unchanged"
                );
            }
            return CheckResult::Unchanged;
        }
        let applied = TlsMaterial::parse(&self.files, contents)
            .map_err(|problems| problems.join("; "))
            .and_then(|material| match (self.apply)(&material) {
                Ok(()) => Ok(material),
                Err(why) => Err(format!("{why:#}")),
            });
        match applied {
            Ok(material) => {
                self.current = fingerprint;
                self.expiries = material.expiries;
                self.expiry_log = ExpiryLog::default();
                self.failure = None;
                let files = self.files.settings();
                tracing::info!(
                    event = "certificate.reloaded",
                    files,
                    "the changed certificate is in use"
                );
                CheckResult::Applied
            }
            Err(why) => self.fail(Some(fingerprint), is_requested, &why),
        }
    }

    /// Records a failure. The first one is not logged, as a file may be about to be written.
    fn fail(
        &mut self,
        fingerprint: Option<Fingerprint>,
        is_requested: bool,
        error: &str,
    ) -> CheckResult {
        let failure = self.failure.get_or_insert(Failure {
            fingerprint,
            checks: 0,
            logged: None,
        });
        failure.fingerprint = fingerprint;
        failure.checks += 1;
        let logged = is_requested || failure.is_log_due();
        if logged {
            failure.logged = Some((fingerprint, Instant::now()));
            count_event("certificate.reload_failed");
            tracing::error!(
                event = "certificate.reload_failed",
                error,
                "the changed certificate cannot be used; keeping the current one"
            );
        }
        CheckResult::Failed { logged }
    }
}

impl Failure {
    fn is_log_due(&self) -> bool {
        match self.logged {
            None => self.checks > 1,
            Some((logged, at)) if logged == self.fingerprint => {
                at.elapsed() >= LOG_INTERVAL_UNCHANGED
            }
            Some((_, at)) => at.elapsed() >= LOG_INTERVAL_CHANGED,
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

    /// A watch on files in `directory`, and the number of times that files were applied.
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
    fn changed_pair_is_applied_once() {
        let directory = directory();
        issue(directory.path());
        let (mut watch, applied) = watch(directory.path());
        assert_eq!(watch.check(false), CheckResult::Unchanged);
        issue(directory.path());
        assert_eq!(watch.check(false), CheckResult::Applied);
        assert_eq!(watch.check(true), CheckResult::Unchanged);
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
        // The layout in which Kubernetes mounts a secret.
        symlink("..v1", version("..data")).unwrap();
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), version(name)).unwrap();
        }
        let (mut watch, _) = watch(directory.path());
        symlink("..v2", version("..data_tmp")).unwrap();
        fs::rename(version("..data_tmp"), version("..data")).unwrap();
        assert_eq!(watch.check(false), CheckResult::Applied);
    }

    #[test]
    fn mismatched_or_partial_pair_is_not_applied_and_logged_once() {
        let directory = directory();
        let (certificate, key) = issue(directory.path());
        let (mut watch, applied) = watch(directory.path());
        let (_, other_key) = issue(directory.path());

        write(directory.path(), &certificate, &other_key);
        // The other file may still be written.
        assert_eq!(watch.check(false), CheckResult::Failed { logged: false });
        assert_eq!(watch.check(false), CheckResult::Failed { logged: true });
        assert_eq!(watch.check(false), CheckResult::Failed { logged: false });
        write(
            directory.path(),
            &certificate[..certificate.len() / 2],
            &key,
        );
        assert_eq!(watch.check(false), CheckResult::Failed { logged: false });
        assert_eq!(
            watch.check(true),
            CheckResult::Failed { logged: true },
            "requested by SIGHUP"
        );
        fs::remove_file(directory.path().join("tls.crt")).unwrap();
        assert_eq!(watch.check(false), CheckResult::Failed { logged: false });

        assert_eq!(applied.load(Ordering::Relaxed), 0);
        write(directory.path(), &certificate, &key);
        assert_eq!(watch.check(false), CheckResult::Unchanged);
        issue(directory.path());
        assert_eq!(watch.check(false), CheckResult::Applied);
    }

    #[test]
    fn problems_are_reported_with_their_settings() {
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
