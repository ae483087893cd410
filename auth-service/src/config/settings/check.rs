//! What is wrong with the settings, all of it at once; or what they mean.

use std::{net::SocketAddr, num::NonZero, path::PathBuf, thread, time::Duration};

use secrecy::ExposeSecret as _;
use service_kit::{
    config::{Problems, SecretSource},
    telemetry::LogConfig,
    tls::{IdentityFiles, PemFile, TlsFiles},
};
use url::Url;

use super::Settings;
use crate::{
    config::{HashingConfig, KeyConfig, ServeConfig, TlsConfig},
    crypto::argon2id::Cost,
    domain::{
        authority::{Dpop, Policy},
        signing_key::PUBLISHED_BEFORE,
    },
    storage::redis::RedisUrl,
};

impl Settings {
    /// Everything that `serve` needs.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn serve(self) -> Result<(LogConfig, ServeConfig), Problems> {
        let mut problems = Problems::default();
        let log = LogConfig::parse(&mut problems, "AUTH", &self.log, &self.log_format);
        let listen = problems.parse("AUTH_LISTEN", &self.listen);
        let ops_listen = problems.parse("AUTH_OPS_LISTEN", &self.ops_listen);
        let database = self.database(&mut problems);
        let redis = self.redis(&mut problems);
        let policy = self.policy(&mut problems);
        let hashing = self.hashing(&mut problems);
        let signing_algorithm = problems.parse("AUTH_SIGNING_ALGORITHM", &self.signing_algorithm);
        let max_connections = problems.parse("AUTH_MAX_CONNECTIONS", &self.max_connections);
        let key_max_age = self.key_max_age(&mut problems);
        let audit_retention = problems.duration("AUTH_AUDIT_RETENTION", &self.audit_retention);
        let reflection = problems.parse("AUTH_REFLECTION", &self.reflection);
        let tls = self.tls(&mut problems);
        let key_encryption_key = problems.key(
            "AUTH_KEY_ENCRYPTION_KEY",
            SecretSource {
                value: self.key_encryption_key,
                file: self.key_encryption_key_file,
            },
        );
        let service_secret = problems.service_secret(
            "AUTH_SERVICE_SECRET",
            SecretSource {
                value: self.service_secret,
                file: self.service_secret_file,
            },
        );
        problems.finish(|| {
            let config = ServeConfig {
                listen: listen?,
                ops_listen: ops_listen?,
                database: database?,
                redis: redis?,
                policy: policy?,
                signing_algorithm: signing_algorithm?,
                key_max_age: key_max_age?,
                audit_retention: audit_retention?,
                key_encryption_key: key_encryption_key?,
                service_secret: service_secret?,
                tls: tls?,
                hashing: hashing?,
                max_connections: max_connections.map(NonZero::<usize>::get)?,
                reflection: reflection?,
            };
            Some((log?, config))
        })
    }

    /// What the commands need that work on accounts.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn accounts(&self) -> Result<(PathBuf, HashingConfig), Problems> {
        let mut problems = Problems::default();
        let database = self.database(&mut problems);
        let hashing = self.hashing(&mut problems);
        problems.finish(|| Some((database?, hashing?)))
    }

    /// What the commands need that make or revoke signing keys.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn keys(self) -> Result<KeyConfig, Problems> {
        let mut problems = Problems::default();
        let database = self.database(&mut problems);
        let algorithm = problems.parse("AUTH_SIGNING_ALGORITHM", &self.signing_algorithm);
        let max_age = self.key_max_age(&mut problems);
        let access_ttl = problems.duration("AUTH_ACCESS_TTL", &self.access_ttl);
        let key_encryption_key = problems.key(
            "AUTH_KEY_ENCRYPTION_KEY",
            SecretSource {
                value: self.key_encryption_key,
                file: self.key_encryption_key_file,
            },
        );
        problems.finish(|| {
            Some(KeyConfig {
                database: database?,
                key_encryption_key: key_encryption_key?,
                algorithm: algorithm?,
                max_age: max_age?,
                access_ttl: access_ttl?,
            })
        })
    }

    /// A key is published for some time before it signs.
    fn key_max_age(&self, problems: &mut Problems) -> Option<Duration> {
        let max_age = problems.duration("AUTH_KEY_MAX_AGE", &self.key_max_age)?;
        if max_age < PUBLISHED_BEFORE * 2 {
            problems.add("AUTH_KEY_MAX_AGE: must be 20m or more");
        }
        Some(max_age)
    }

    /// Where the ops port is.
    ///
    /// # Errors
    /// When it is no address.
    pub fn ops_listen(&self) -> Result<SocketAddr, Problems> {
        let mut problems = Problems::default();
        let address = problems.parse("AUTH_OPS_LISTEN", &self.ops_listen);
        problems.finish(|| address)
    }

    fn database(&self, problems: &mut Problems) -> Option<PathBuf> {
        let Some(url) = &self.database_url else {
            return Some(self.data_dir.join("auth.db"));
        };
        let file = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))
            .filter(|file| !file.is_empty() && *file != ":memory:")
            .map(PathBuf::from);
        problems.check("AUTH_DATABASE_URL", file.ok_or("must be sqlite:FILE"))
    }

    /// `Some(None)`: none is used.
    fn redis(&self, problems: &mut Problems) -> Option<Option<RedisUrl>> {
        let source = SecretSource {
            value: self.redis_url.clone(),
            file: self.redis_url_file.clone(),
        };
        let Some(url) = problems.secret("AUTH_REDIS_URL", source)? else {
            return Some(None);
        };
        let url = RedisUrl::parse(url.expose_secret());
        problems.check("AUTH_REDIS_URL", url).map(Some)
    }

    fn policy(&self, problems: &mut Problems) -> Option<Policy> {
        let issuer = self.issuer.as_deref().ok_or_else(|| {
            "not set; give the URL under which people reach this installation".to_owned()
        });
        let issuer = problems.check("AUTH_ISSUER", issuer.and_then(web_url));
        let access_ttl = problems.duration("AUTH_ACCESS_TTL", &self.access_ttl);
        let refresh_ttl = problems.duration("AUTH_REFRESH_TTL", &self.refresh_ttl);
        let step_up_max_age = problems.duration("AUTH_STEP_UP_MAX_AGE", &self.step_up_max_age);
        let login_ttl = problems.duration("AUTH_LOGIN_ABSOLUTE_TTL", &self.login_absolute_ttl);
        if self.audience.iter().any(String::is_empty) {
            problems.add("AUTH_AUDIENCE: an audience is empty");
        }
        let dpop = problems.check(
            "AUTH_DPOP",
            match self.dpop.as_str() {
                "off" => Ok(Dpop::Off),
                "allow" => Ok(Dpop::Allow),
                "require" => Ok(Dpop::Require),
                _ => Err("must be off, allow or require"),
            },
        );
        let issuer = issuer?;
        let audiences = if self.audience.is_empty() {
            vec![issuer.clone()]
        } else {
            self.audience.clone()
        };
        Some(Policy {
            issuer,
            audiences,
            access_ttl: access_ttl?,
            refresh_ttl: refresh_ttl?,
            login_ttl: login_ttl?,
            step_up_max_age: step_up_max_age?,
            dpop: dpop?,
        })
    }

    fn hashing(&self, problems: &mut Problems) -> Option<HashingConfig> {
        let memory = problems.parse("AUTH_ARGON2_MEMORY", &self.argon2_memory);
        let iterations = problems.parse("AUTH_ARGON2_ITERATIONS", &self.argon2_iterations);
        let parallelism = problems.parse("AUTH_ARGON2_PARALLELISM", &self.argon2_parallelism);
        let threads = match &self.argon2_concurrency {
            Some(text) => problems.parse("AUTH_ARGON2_CONCURRENCY", text),
            None => Some(cores()),
        };
        if threads.is_some_and(|threads: NonZero<u32>| threads.get() > 1024) {
            problems.add("AUTH_ARGON2_CONCURRENCY: must be from 1 to 1024");
        }
        let cost = Cost {
            memory: memory?,
            iterations: iterations?,
            parallelism: parallelism?,
        };
        if cost.is_weak() {
            problems.add("AUTH_ARGON2_MEMORY (in KiB) and AUTH_ARGON2_ITERATIONS: at least 7168 KiB, and 35840 KiB over all passes");
        }
        Some(HashingConfig {
            params: problems.check("AUTH_ARGON2_…", cost.params())?,
            threads: threads?,
        })
    }

    /// `Some(None)`: no TLS.
    fn tls(&self, problems: &mut Problems) -> Option<Option<TlsConfig>> {
        let (certificate, key) = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) if self.tls_client_ca.is_none() => return Some(None),
            _ => {
                problems.add("AUTH_TLS_CERT and AUTH_TLS_KEY: set both, or neither and no AUTH_TLS_CLIENT_CA");
                return None;
            }
        };
        let authorities = self.tls_client_ca.as_ref();
        let files = TlsFiles {
            identity: Some(IdentityFiles {
                certificate: PemFile::new("AUTH_TLS_CERT", certificate),
                key: PemFile::new("AUTH_TLS_KEY", key),
            }),
            authorities: authorities.map(|file| PemFile::new("AUTH_TLS_CLIENT_CA", file)),
            announced: Vec::new(),
        };
        problems.tls_files(&files);
        Some(Some(TlsConfig {
            files,
            web_service_name: self.tls_web_service_name.clone(),
        }))
    }
}

fn cores() -> NonZero<u32> {
    let cores = thread::available_parallelism().ok();
    cores
        .and_then(|cores| NonZero::try_from(cores).ok())
        .unwrap_or(NonZero::<u32>::MIN)
}

fn web_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|why| format!("{text:?}: {why}"))?;
    match url.scheme() {
        "http" | "https" if url.query().is_none() && url.fragment().is_none() => {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "{text:?}: must be an http or https URL without query or fragment"
        )),
    }
}
