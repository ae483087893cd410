//! Parses the settings into typed configurations, and reports everything that is wrong with them at once.

use std::{net::SocketAddr, num::NonZero, thread, time::Duration};

use holdfast_core::{public_url::PublicUrl, secret_key::SecretKey, text};
use holdfast_crypto::argon2id::Cost;
use holdfast_identity::{
    authentication::SecondFactorPolicy,
    issuer::is_equivalent_issuer,
    key::{Algorithm, KeyAlgorithms},
    oauth::DpopPolicy,
    policy::Policy,
};
use holdfast_server_kit::{
    config::{Problems, RedisUrl, SecretSource},
    doctor::checks::files::SecretFile,
    telemetry::TelemetryConfig,
};
use holdfast_tls::{PemFile, TlsFiles};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{
    Database, HashingConfig, KeyConfig, PREFIX, ServeConfig, TELEMETRY, TlsConfig,
    settings::Settings,
};

/// The minimum of `AUTH_KEY_MAX_AGE`: twice [`PUBLICATION_LEAD_TIME`](holdfast_identity::key::PUBLICATION_LEAD_TIME).
const MIN_KEY_MAX_AGE: &str = "20m";

/// The maximum of `AUTH_ARGON2_MEMORY`, in KiB: 4 GiB.
const MAX_MEMORY: u32 = 4 << 20;

impl Settings {
    /// The configuration of `serve`, and of its logs and traces.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn serve(self) -> Result<(TelemetryConfig, ServeConfig), Problems> {
        let mut problems = Problems::default();
        let telemetry = self.telemetry.parse(&mut problems, TELEMETRY);
        let listen = problems.listen("AUTH_LISTEN", &self.listen);
        let ops_listen = self.ops.parse(&mut problems, PREFIX);
        let database = self.database(&mut problems);
        let redis = self.redis(&mut problems);
        self.check_instances(&mut problems, database.as_ref(), redis.as_ref());
        let policy = self.policy(&mut problems);
        let issuer = policy.as_ref().map(|policy| policy.issuer.as_str());
        let passkeys = self.passkeys(&mut problems, issuer);
        let hashing = self.hashing(&mut problems);
        let signing_algorithm = self.signing_algorithm(&mut problems);
        let id_token_algorithms = self.id_token_algorithms(&mut problems);
        let max_connections =
            problems.number("AUTH_MAX_CONNECTIONS", &self.max_connections, 1..=1_000_000);
        let key_max_age = self.key_max_age(&mut problems);
        let audit_retention = problems.duration(
            "AUTH_AUDIT_RETENTION",
            &self.audit_retention,
            ("1d", "100y"),
        );
        let reflection = problems.switch("AUTH_REFLECTION", &self.reflection);
        let tls = self.tls(&mut problems);
        let outbound = self.outbound(&mut problems);
        let client_documents = self.client_documents(&mut problems);
        let key_encryption_key = self.key_encryption_key(&mut problems);
        let service_secret = self.service_secret(&mut problems);
        let client_registration_token = self.client_registration_token(&mut problems);
        problems.finish(|| {
            let config = ServeConfig {
                listen: listen?,
                ops_listen: ops_listen?,
                database: database?,
                redis: redis?,
                policy: policy?,
                passkeys: passkeys?,
                signing_algorithm: signing_algorithm?,
                id_token_algorithms: id_token_algorithms?,
                key_max_age: key_max_age?,
                audit_retention: audit_retention?,
                key_encryption_key: key_encryption_key?,
                service_secret: service_secret?,
                client_registration_token: client_registration_token?,
                tls: tls?,
                client_documents: client_documents?,
                outbound: outbound?,
                hashing: hashing?,
                max_connections: max_connections?,
                reflection: reflection?,
            };
            Some((telemetry?, config))
        })
    }

    /// The database, the cost of a password hash and which accounts must have a second factor, for commands that work on accounts.
    ///
    /// # Errors
    /// Everything that is wrong with these settings.
    pub fn accounts(&self) -> Result<(Database, HashingConfig, SecondFactorPolicy), Problems> {
        let mut problems = Problems::default();
        let database = self.database(&mut problems);
        let hashing = self.hashing(&mut problems);
        let second_factor = self.second_factor(&mut problems);
        problems.finish(|| Some((database?, hashing?, second_factor?)))
    }

    /// The database, and the algorithms of ID tokens, for commands on OAuth clients.
    ///
    /// # Errors
    /// Everything that is wrong with these settings.
    pub fn clients(&self) -> Result<(Database, Vec<Algorithm>), Problems> {
        let mut problems = Problems::default();
        let database = self.database(&mut problems);
        let algorithms = self.id_token_algorithms(&mut problems);
        problems.finish(|| Some((database?, algorithms?)))
    }

    /// The configuration of commands that create or revoke signing keys.
    ///
    /// # Errors
    /// Everything that is wrong with these settings.
    pub fn keys(self) -> Result<KeyConfig, Problems> {
        let mut problems = Problems::default();
        let database = self.database(&mut problems);
        let signing_algorithm = self.signing_algorithm(&mut problems);
        let id_token_algorithms = self.id_token_algorithms(&mut problems);
        let max_age = self.key_max_age(&mut problems);
        let access_ttl = self.access_ttl(&mut problems);
        let key_encryption_key = self.key_encryption_key(&mut problems);
        problems.finish(|| {
            Some(KeyConfig {
                database: database?,
                key_encryption_key: key_encryption_key?,
                algorithms: KeyAlgorithms::new(signing_algorithm?, &id_token_algorithms?),
                max_age: max_age?,
                access_ttl: access_ttl?,
            })
        })
    }

    /// The address of the ops port, for `healthcheck`.
    ///
    /// # Errors
    /// When it is not an address with a port.
    pub fn ops_listen(&self) -> Result<SocketAddr, Problems> {
        self.ops.parse_alone(PREFIX)
    }

    /// The files that contain secrets, for `doctor`.
    #[must_use]
    pub fn secret_files(&self) -> Vec<SecretFile> {
        [
            ("AUTH_DATABASE_URL_FILE", self.database_url_file.as_deref()),
            ("AUTH_REDIS_URL_FILE", self.redis_url_file.as_deref()),
            (
                "AUTH_KEY_ENCRYPTION_KEY_FILE",
                self.key_encryption_key_file.as_deref(),
            ),
            (
                "AUTH_SERVICE_SECRET_FILE",
                self.service_secret_file.as_deref(),
            ),
            (
                "AUTH_CLIENT_REGISTRATION_TOKEN_FILE",
                self.client_registration_token_file.as_deref(),
            ),
            ("AUTH_TLS_KEY", self.tls.key_file()),
        ]
        .into_iter()
        .filter_map(|(setting, file)| Some(SecretFile::new(setting, file?)))
        .collect()
    }

    fn key_encryption_key(&self, problems: &mut Problems) -> Option<SecretKey> {
        let source = SecretSource::new(
            self.key_encryption_key.as_deref(),
            self.key_encryption_key_file.as_deref(),
        );
        problems.key("AUTH_KEY_ENCRYPTION_KEY", source)
    }

    /// `Some(None)`: not set.
    fn service_secret(&self, problems: &mut Problems) -> Option<Option<SecretString>> {
        let source = SecretSource::new(
            self.service_secret.as_deref(),
            self.service_secret_file.as_deref(),
        );
        problems.service_secret("AUTH_SERVICE_SECRET", source)
    }

    /// The upper bound limits for how long offline verification accepts a revoked token.
    fn access_ttl(&self, problems: &mut Problems) -> Option<Duration> {
        problems.duration("AUTH_ACCESS_TTL", &self.access_ttl, ("1s", "24h"))
    }

    /// The lower bound leaves time in which a key is published and does not sign yet.
    fn key_max_age(&self, problems: &mut Problems) -> Option<Duration> {
        let bounds = (MIN_KEY_MAX_AGE, "2y");
        problems.duration("AUTH_KEY_MAX_AGE", &self.key_max_age, bounds)
    }

    fn database(&self, problems: &mut Problems) -> Option<Database> {
        let max_connections = problems.number(
            "AUTH_DATABASE_CONNECTIONS",
            &self.database_connections,
            2..=1000,
        );
        let source = SecretSource::new(
            self.database_url.as_deref(),
            self.database_url_file.as_deref(),
        );
        let url = problems.secret("AUTH_DATABASE_URL", source)?;
        let max_connections = max_connections?;
        let Some(url) = url else {
            return Some(Database::Sqlite(self.data_dir.join("auth.db")));
        };
        let database = Database::parse(url.expose_secret().trim(), max_connections);
        problems.check("AUTH_DATABASE_URL", database)
    }

    /// Instances that share a database without a Redis would each allow the full number of guesses, and each accept a DPoP proof once.
    fn check_instances(
        &self,
        problems: &mut Problems,
        database: Option<&Database>,
        redis: Option<&Option<RedisUrl>>,
    ) {
        let is_single = problems.switch("AUTH_SINGLE_INSTANCE", &self.single_instance);
        let is_shared = database.is_some_and(|database| database.file().is_none());
        if let (true, Some(None), Some(false)) = (is_shared, redis, is_single) {
            let why = "required with PostgreSQL, so that all instances count together; for one instance, AUTH_SINGLE_INSTANCE=true";
            problems.check("AUTH_REDIS_URL", Err::<(), _>(why));
        }
    }

    /// `Some(None)`: not set.
    fn redis(&self, problems: &mut Problems) -> Option<Option<RedisUrl>> {
        let source = SecretSource::new(self.redis_url.as_deref(), self.redis_url_file.as_deref());
        let Some(url) = problems.secret("AUTH_REDIS_URL", source)? else {
            return Some(None);
        };
        problems
            .redis_url("AUTH_REDIS_URL", url.expose_secret())
            .map(Some)
    }

    fn policy(&self, problems: &mut Problems) -> Option<Policy> {
        let issuer = self.issuer(problems);
        let access_ttl = self.access_ttl(problems);
        let refresh_ttl = problems.duration("AUTH_REFRESH_TTL", &self.refresh_ttl, ("1s", "366d"));
        let step_up_max_age =
            problems.duration("AUTH_STEP_UP_MAX_AGE", &self.step_up_max_age, ("1s", "24h"));
        let login_ttl = problems.duration(
            "AUTH_LOGIN_ABSOLUTE_TTL",
            &self.login_absolute_ttl,
            ("1s", "10y"),
        );
        let revocation_max_staleness = problems.duration(
            "AUTH_REVOCATION_MAX_STALENESS",
            &self.revocation_max_staleness,
            ("0s", "1h"),
        );
        let audiences = self.audiences(problems);
        let choices = [
            ("off", DpopPolicy::Off),
            ("allow", DpopPolicy::Allow),
            ("require", DpopPolicy::Require),
        ];
        let dpop = problems.choice("AUTH_DPOP", &self.dpop, &choices);
        let second_factor = self.second_factor(problems);
        let trusted_browser_ttl = problems.duration(
            "AUTH_TRUSTED_BROWSER_TTL",
            &self.trusted_browser_ttl,
            ("0s", "90d"),
        );
        let issuer = issuer?;
        let mut audiences = audiences?;
        for audience in &mut audiences {
            if is_equivalent_issuer(&issuer, audience) {
                audience.clone_from(&issuer);
            }
        }
        if audiences.is_empty() {
            audiences.push(issuer.clone());
        }
        Some(Policy {
            issuer,
            audiences,
            access_ttl: access_ttl?,
            refresh_ttl: refresh_ttl?,
            login_ttl: login_ttl?,
            step_up_max_age: step_up_max_age?,
            revocation_max_staleness: revocation_max_staleness?,
            trusted_browser_ttl: trusted_browser_ttl?,
            second_factor: second_factor?,
            dpop: dpop?,
        })
    }

    fn second_factor(&self, problems: &mut Problems) -> Option<SecondFactorPolicy> {
        let choices = [
            ("optional", SecondFactorPolicy::Optional),
            ("admins", SecondFactorPolicy::Admins),
            ("required", SecondFactorPolicy::Required),
        ];
        problems.choice("AUTH_SECOND_FACTOR", &self.second_factor, &choices)
    }

    fn issuer(&self, problems: &mut Problems) -> Option<String> {
        let text = self.issuer.as_deref().ok_or_else(|| {
            "not set; give the public URL of this installation, such as https://id.example"
                .to_owned()
        });
        let issuer = text.and_then(PublicUrl::parse).map(|url| url.origin);
        problems.check("AUTH_ISSUER", issuer)
    }

    /// Rejects whitespace inside an audience: the store separates the audiences of an OAuth client by spaces.
    fn audiences(&self, problems: &mut Problems) -> Option<Vec<String>> {
        let audience = |text: &str| {
            if text.contains(char::is_whitespace) {
                Err(format!(
                    "{text:?}: contains whitespace; separate audiences by commas"
                ))
            } else {
                Ok(text.to_owned())
            }
        };
        let audiences: Result<_, _> = text::items(&self.audience).map(audience).collect();
        problems.check("AUTH_AUDIENCE", audiences)
    }

    fn hashing(&self, problems: &mut Problems) -> Option<HashingConfig> {
        let memory = problems.number("AUTH_ARGON2_MEMORY", &self.argon2_memory, 1..=MAX_MEMORY);
        let iterations =
            problems.number("AUTH_ARGON2_ITERATIONS", &self.argon2_iterations, 1..=1000);
        let parallelism =
            problems.number("AUTH_ARGON2_PARALLELISM", &self.argon2_parallelism, 1..=64);
        let threads = match &self.argon2_concurrency {
            Some(text) => problems
                .number("AUTH_ARGON2_CONCURRENCY", text, 1..=1024)
                .and_then(NonZero::new),
            None => Some(cores()),
        };
        let cost = Cost {
            memory: memory?,
            iterations: iterations?,
            parallelism: parallelism?,
        };
        if cost.is_weak() {
            problems.add("AUTH_ARGON2_MEMORY (in KiB) and AUTH_ARGON2_ITERATIONS: at least 7168 KiB, and 35840 KiB over all passes");
        }
        problems.check("AUTH_ARGON2_…", cost.validate())?;
        Some(HashingConfig {
            cost,
            threads: threads?,
        })
    }

    /// `Some(None)`: no TLS.
    fn tls(&self, problems: &mut Problems) -> Option<Option<TlsConfig>> {
        let identity = self
            .tls
            .identity(problems, ["AUTH_TLS_CERT", "AUTH_TLS_KEY"])?;
        let Some(identity) = identity else {
            if self.tls_client_ca.is_some() {
                problems.add("AUTH_TLS_CLIENT_CA: requires AUTH_TLS_CERT and AUTH_TLS_KEY");
                return None;
            }
            return Some(None);
        };
        let authorities = self.tls_client_ca.as_ref();
        let files = TlsFiles {
            identity: Some(identity),
            authorities: authorities.map(|file| PemFile::new("AUTH_TLS_CLIENT_CA", file)),
            announced: Vec::new(),
        };
        problems.tls_files(&files);
        Some(Some(TlsConfig {
            files,
            web_service_name: self.tls_web_service_name.to_string(),
        }))
    }
}

fn cores() -> NonZero<u32> {
    let cores = thread::available_parallelism().ok();
    cores
        .and_then(|cores| NonZero::try_from(cores).ok())
        .unwrap_or(NonZero::<u32>::MIN)
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
