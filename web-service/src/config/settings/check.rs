//! Parses the settings into a typed configuration, and reports everything that is wrong with them at once.

use std::net::SocketAddr;

use holdfast_client::AuthConfig;
use holdfast_core::{
    public_url::{PublicUrl, parse_origin},
    text,
};
use holdfast_server_kit::{
    config::{Problems, SecretSource},
    doctor::checks::files::SecretFile,
    telemetry::TelemetryConfig,
};
use holdfast_tls::{PemFile, TlsFiles};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    config::{
        PREFIX, ServeConfig, SessionStoreConfig, TELEMETRY, TlsConfig,
        settings::{Settings, proxies},
    },
    request::{
        cookie_names::CookieNames, redirect_origins::AllowedRedirectOrigins,
        trusted_proxies::TrustedProxies,
    },
    session::{
        browser_session::Lifetimes,
        device_binding::{BindingPolicy, DeviceBinding, OnTheft},
    },
};

impl Settings {
    /// The configuration of `serve`, and of its logs and traces.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn serve(self) -> Result<(TelemetryConfig, ServeConfig), Problems> {
        let mut problems = Problems::default();
        let telemetry = self.telemetry.parse(&mut problems, TELEMETRY);
        let listen = problems.listen("WEB_LISTEN", &self.listen);
        let ops_listen = self.ops.parse(&mut problems, PREFIX);
        let ext_authz_listen = self.ext_authz_listen(&mut problems);
        let public_url = self.public_url(&mut problems);
        let session_store = self.session_store(&mut problems);
        let session_store = self.with_replicas(session_store, &mut problems);
        let cookie_names = self.cookie_names(&mut problems);
        let lifetimes = self.lifetimes(&mut problems);
        let max_staleness = problems.duration(
            "WEB_REVOCATION_MAX_STALENESS",
            &self.revocation_max_staleness,
            ("1s", "1h"),
        );
        let tls = self.tls(&mut problems);
        let max_connections =
            problems.number("WEB_MAX_CONNECTIONS", &self.max_connections, 1..=1_000_000);
        let trusted_proxies = self.trusted_proxies(&mut problems);
        let return_origins = self.return_origins(&mut problems);
        let clear_site_data = problems.switch("WEB_CLEAR_SITE_DATA", &self.clear_site_data);
        let device_binding = self.device_binding(&mut problems);
        let auth = self.auth(&mut problems);
        let source = SecretSource::new(self.secret_key.as_deref(), self.secret_key_file.as_deref());
        let secret_key = problems.key("WEB_SECRET_KEY", source);
        problems.finish(|| {
            let config = ServeConfig {
                listen: listen?,
                ops_listen: ops_listen?,
                ext_authz_listen: ext_authz_listen?,
                public_url: public_url?,
                auth: auth?,
                session_store: session_store?,
                cookie_names: cookie_names?,
                secret_key: secret_key?,
                max_staleness: max_staleness?,
                lifetimes: lifetimes?,
                tls: tls?,
                trusted_proxies: trusted_proxies?,
                return_origins: return_origins?,
                clear_site_data: clear_site_data?,
                device_binding: device_binding?,
                max_connections: max_connections?,
            };
            Some((telemetry?, config))
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
            ("WEB_AUTH_KEY", self.auth_key.as_deref()),
            ("WEB_AUTH_SECRET_FILE", self.auth_secret_file.as_deref()),
            ("WEB_SESSION_STORE_FILE", self.session_store_file.as_deref()),
            ("WEB_SECRET_KEY_FILE", self.secret_key_file.as_deref()),
            ("WEB_TLS_KEY", self.certificate.key_file()),
        ]
        .into_iter()
        .filter_map(|(setting, file)| Some(SecretFile::new(setting, file?)))
        .collect()
    }

    /// `Some(None)`: not set.
    fn ext_authz_listen(&self, problems: &mut Problems) -> Option<Option<SocketAddr>> {
        match &self.ext_authz_listen {
            Some(text) => problems.listen("WEB_EXT_AUTHZ_LISTEN", text).map(Some),
            None => Some(None),
        }
    }

    /// `Some(None)`: not set.
    fn public_url(&self, problems: &mut Problems) -> Option<Option<PublicUrl>> {
        match &self.public_url {
            Some(text) => problems
                .check("WEB_PUBLIC_URL", PublicUrl::parse_https(text))
                .map(Some),
            None => Some(None),
        }
    }

    fn session_store(&self, problems: &mut Problems) -> Option<SessionStoreConfig> {
        let file = self.session_store_file.as_deref();
        let source = SecretSource::new(self.session_store.as_deref(), file);
        let store = problems.secret("WEB_SESSION_STORE", source)?;
        let store = store.as_ref().map(|store| store.expose_secret().trim());
        let url = match store {
            None => return Some(SessionStoreConfig::Memory),
            Some(text) if text.eq_ignore_ascii_case("memory") => {
                return Some(SessionStoreConfig::Memory);
            }
            Some(text) if !text.contains("://") => {
                let why = "must be memory, or a URL such as redis://redis:6379";
                problems.check("WEB_SESSION_STORE", Err(why))
            }
            Some(text) => problems.redis_url("WEB_SESSION_STORE", text),
        };
        url.map(|url| SessionStoreConfig::Redis {
            url: Box::new(url),
            replicas: 0,
        })
    }

    /// The store with the number of replicas that must have a session.
    fn with_replicas(
        &self,
        store: Option<SessionStoreConfig>,
        problems: &mut Problems,
    ) -> Option<SessionStoreConfig> {
        let setting = "WEB_SESSION_REPLICAS";
        let replicas = problems.number(setting, &self.session_replicas, 0..=5)?;
        let store = store?;
        if replicas == 0 {
            return Some(store);
        }
        let result = match store {
            SessionStoreConfig::Redis { url, .. } if !url.is_cluster() => {
                Ok(SessionStoreConfig::Redis { url, replicas })
            }
            SessionStoreConfig::Redis { .. } => Err("must be 0 with a Redis Cluster"),
            SessionStoreConfig::Memory => Err("must be 0 unless WEB_SESSION_STORE is a Redis"),
        };
        problems.check(setting, result)
    }

    fn trusted_proxies(&self, problems: &mut Problems) -> Option<TrustedProxies> {
        let networks: Result<_, _> = text::items(&self.trusted_proxies)
            .map(proxies::network)
            .collect();
        problems
            .check("WEB_TRUSTED_PROXIES", networks)
            .map(TrustedProxies::new)
    }

    fn return_origins(&self, problems: &mut Problems) -> Option<AllowedRedirectOrigins> {
        let origin = |text: &str| PublicUrl::parse_https(text).map(|url| url.origin);
        let origins: Result<_, String> = text::items(&self.return_origins).map(origin).collect();
        problems
            .check("WEB_RETURN_ORIGINS", origins)
            .map(AllowedRedirectOrigins::new)
    }

    fn cookie_names(&self, problems: &mut Problems) -> Option<CookieNames> {
        match &self.cookie_prefix {
            Some(prefix) => problems.check("WEB_COOKIE_PREFIX", CookieNames::with_prefix(prefix)),
            None => Some(CookieNames::default()),
        }
    }

    fn device_binding(&self, problems: &mut Problems) -> Option<BindingPolicy> {
        let choices = [
            ("off", DeviceBinding::Off),
            ("prefer", DeviceBinding::Prefer),
            ("require", DeviceBinding::Require),
        ];
        let binding = problems.choice("WEB_DEVICE_BINDING", &self.device_binding, &choices);
        let choices = [("report", OnTheft::Report), ("end", OnTheft::EndLogin)];
        let on_theft = problems.choice("WEB_DEVICE_THEFT", &self.device_theft, &choices);
        Some(BindingPolicy {
            binding: binding?,
            on_theft: on_theft?,
        })
    }

    fn lifetimes(&self, problems: &mut Problems) -> Option<Lifetimes> {
        let idle = problems.duration("WEB_IDLE_TIMEOUT", &self.idle_timeout, ("1s", "31d"));
        let absolute = problems.duration(
            "WEB_ABSOLUTE_TIMEOUT",
            &self.absolute_timeout,
            ("1s", "366d"),
        );
        Some(Lifetimes {
            idle: idle?,
            absolute: absolute?,
        })
    }

    fn tls(&self, problems: &mut Problems) -> Option<TlsConfig> {
        if !problems.switch("WEB_TLS", &self.tls)? {
            return Some(self.tls_off(problems));
        }
        let identity = self
            .certificate
            .identity(problems, ["WEB_TLS_CERT", "WEB_TLS_KEY"])?;
        let Some(identity) = identity else {
            return Some(TlsConfig::Local(self.data_dir.clone()));
        };
        problems.tls_files(&identity.clone().into());
        Some(TlsConfig::Files(identity))
    }

    /// Cookies are `Secure`, so that a browser reaches this service only through a proxy that serves TLS.
    fn tls_off(&self, problems: &mut Problems) -> TlsConfig {
        let has_proxies = text::items(&self.trusted_proxies).next().is_some();
        if !has_proxies || self.public_url.is_none() {
            problems.add("WEB_TLS: off requires WEB_TRUSTED_PROXIES and WEB_PUBLIC_URL, those of the proxy that serves TLS");
        }
        if self.certificate.is_set() {
            problems.add("WEB_TLS_CERT and WEB_TLS_KEY: not used with WEB_TLS=off; remove them");
        }
        TlsConfig::Off
    }

    fn auth(&self, problems: &mut Problems) -> Option<AuthConfig> {
        let urls = self.auth_urls(problems);
        let tls = self.auth_tls(problems);
        let source = SecretSource::new(
            self.auth_secret.as_deref(),
            self.auth_secret_file.as_deref(),
        );
        let service_secret = problems.service_secret("WEB_AUTH_SECRET", source);
        let has_scheme = |scheme| urls.iter().flatten().any(|url| url.scheme() == scheme);
        if has_scheme("https") && self.auth_ca.is_none() {
            problems.add("WEB_AUTH_CA: not set; it is required with https:// in WEB_AUTH_URL");
        }
        if let (Some(tls), Some(secret)) = (&tls, &service_secret) {
            check_identity(problems, tls, secret.as_ref(), has_scheme("http"));
        }
        Some(AuthConfig {
            urls: urls?,
            tls: tls?,
            service_secret: service_secret?,
        })
    }

    fn auth_urls(&self, problems: &mut Problems) -> Option<Vec<Url>> {
        let example = "http://auth-service:50051";
        let urls: Result<Vec<_>, _> = text::items(&self.auth_url)
            .map(|text| parse_origin(text, example))
            .collect();
        let urls = urls.and_then(|urls| {
            let form = || format!("is empty; give an address such as {example}");
            (!urls.is_empty()).then_some(urls).ok_or_else(form)
        });
        problems.check("WEB_AUTH_URL", urls)
    }

    fn auth_tls(&self, problems: &mut Problems) -> Option<TlsFiles> {
        let names = ["WEB_AUTH_CERT", "WEB_AUTH_KEY"];
        let paths = [self.auth_cert.as_ref(), self.auth_key.as_ref()];
        let identity = problems.identity_files(names, paths)?;
        let authorities = self.auth_ca.as_ref();
        let files = TlsFiles {
            identity,
            authorities: authorities.map(|file| PemFile::new("WEB_AUTH_CA", file)),
            announced: Vec::new(),
        };
        problems.tls_files(&files);
        Some(files)
    }
}

/// Requires a secret, or a client certificate, which is presented over `https://` only.
fn check_identity(
    problems: &mut Problems,
    tls: &TlsFiles,
    secret: Option<&SecretString>,
    is_plain: bool,
) {
    if secret.is_some() {
        return;
    }
    if tls.identity.is_none() {
        problems.add("WEB_AUTH_SECRET or WEB_AUTH_CERT: set one, by which this service authenticates to auth-service");
    } else if is_plain {
        problems.add("WEB_AUTH_URL: WEB_AUTH_CERT is not presented over http://; use https://, or set WEB_AUTH_SECRET");
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
