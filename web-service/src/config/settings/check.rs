//! What is wrong with the settings, all of it at once; or what they mean.

use std::net::SocketAddr;

use holdfast_client::AuthConfig;
use holdfast_core::{
    public_url::{PublicUrl, parse_origin},
    text,
};
use holdfast_server_kit::{
    config::{Problems, SecretSource},
    telemetry::LogConfig,
};
use holdfast_tls::{IdentityFiles, PemFile, TlsFiles};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    config::{
        ServeConfig, SessionStoreConfig, TlsConfig,
        settings::{Settings, proxies},
    },
    request::{
        cookie_names::CookieNames, redirect_origins::AllowedRedirectOrigins,
        trusted_proxies::TrustedProxies,
    },
    session::{
        browser_session::Lifetimes,
        device_binding::{BindingPolicy, DeviceBinding, OnTheft},
        store::redis,
    },
};

impl Settings {
    /// Everything that `serve` needs.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn serve(self) -> Result<(LogConfig, ServeConfig), Problems> {
        let mut problems = Problems::default();
        let log = LogConfig::parse(&mut problems, "WEB", &self.log, &self.log_format);
        let listen = problems.listen("WEB_LISTEN", &self.listen);
        let ops_listen = problems.listen("WEB_OPS_LISTEN", &self.ops_listen);
        let ext_authz_listen = match &self.ext_authz_listen {
            Some(text) => problems.listen("WEB_EXT_AUTHZ_LISTEN", text).map(Some),
            None => Some(None),
        };
        let public_url = self.public_url(&mut problems);
        let session_store = self.session_store(&mut problems);
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
        let urls = self.auth_urls(&mut problems);
        let auth_tls = self.auth_tls(&mut problems);
        let service_secret = problems.service_secret(
            "WEB_AUTH_SECRET",
            SecretSource {
                value: self.auth_secret,
                file: self.auth_secret_file,
            },
        );
        if let (Some(None), Some(tls)) = (&service_secret, &auth_tls) {
            let is_plain = urls.iter().flatten().any(|url| url.scheme() == "http");
            if tls.identity.is_none() {
                problems.add("WEB_AUTH_SECRET or WEB_AUTH_CERT: give one, so that auth-service knows this service");
            } else if is_plain {
                problems.add("WEB_AUTH_URL: WEB_AUTH_CERT proves nothing over http://; use https:// or give WEB_AUTH_SECRET");
            }
        }
        let is_encrypted = urls.iter().flatten().any(|url| url.scheme() == "https");
        if is_encrypted && self.auth_ca.is_none() {
            problems.add("WEB_AUTH_CA: not set; an https:// WEB_AUTH_URL needs to know whose certificate to trust");
        }
        let secret_key = problems.key(
            "WEB_SECRET_KEY",
            SecretSource {
                value: self.secret_key,
                file: self.secret_key_file,
            },
        );
        problems.finish(|| {
            let auth = AuthConfig {
                urls: urls?,
                tls: auth_tls?,
                service_secret: service_secret?,
            };
            let config = ServeConfig {
                listen: listen?,
                ops_listen: ops_listen?,
                ext_authz_listen: ext_authz_listen?,
                public_url: public_url?,
                auth,
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
            Some((log?, config))
        })
    }

    /// Where the ops port is.
    ///
    /// # Errors
    /// When it is no address.
    pub fn ops_listen(&self) -> Result<SocketAddr, Problems> {
        let mut problems = Problems::default();
        let address = problems.listen("WEB_OPS_LISTEN", &self.ops_listen);
        problems.finish(|| address)
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
        let source = SecretSource {
            value: self.session_store.clone(),
            file: self.session_store_file.clone(),
        };
        let store = problems.secret("WEB_SESSION_STORE", source)?;
        let store = store.as_ref().map(|store| store.expose_secret().trim());
        let config = match store {
            None => return Some(SessionStoreConfig::Memory),
            Some(word) if word.eq_ignore_ascii_case("memory") => {
                return Some(SessionStoreConfig::Memory);
            }
            Some(url) if url.starts_with("redis://") => redis::parse(url),
            Some(_) => Err("must be memory, or a URL such as redis://redis:6379".to_owned()),
        };
        problems
            .check("WEB_SESSION_STORE", config)
            .map(SessionStoreConfig::Redis)
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
        let words = [
            ("off", DeviceBinding::Off),
            ("prefer", DeviceBinding::Prefer),
            ("require", DeviceBinding::Require),
        ];
        let binding = problems.choice("WEB_DEVICE_BINDING", &self.device_binding, &words);
        let words = [("report", OnTheft::Report), ("end", OnTheft::EndLogin)];
        let on_theft = problems.choice("WEB_DEVICE_THEFT", &self.device_theft, &words);
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
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let identity = IdentityFiles {
                    certificate: PemFile::new("WEB_TLS_CERT", certificate),
                    key: PemFile::new("WEB_TLS_KEY", key),
                };
                problems.tls_files(&identity.clone().into());
                Some(TlsConfig::Files(identity))
            }
            (None, None) => Some(TlsConfig::Local(self.data_dir.clone())),
            _ => {
                problems.add("WEB_TLS_CERT and WEB_TLS_KEY: set both or neither");
                None
            }
        }
    }

    /// Cookies are for HTTPS only, and so are the people: somebody else has to speak it.
    fn tls_off(&self, problems: &mut Problems) -> TlsConfig {
        let has_proxies = text::items(&self.trusted_proxies).next().is_some();
        if !has_proxies || self.public_url.is_none() {
            problems.add("WEB_TLS: off needs WEB_TRUSTED_PROXIES and WEB_PUBLIC_URL, of the proxy that speaks TLS");
        }
        if self.tls_cert.is_some() || self.tls_key.is_some() {
            problems.add("WEB_TLS_CERT and WEB_TLS_KEY: of no use with WEB_TLS=off");
        }
        TlsConfig::Off
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
        let identity = match (&self.auth_cert, &self.auth_key) {
            (Some(certificate), Some(key)) => Some(IdentityFiles {
                certificate: PemFile::new("WEB_AUTH_CERT", certificate),
                key: PemFile::new("WEB_AUTH_KEY", key),
            }),
            (None, None) => None,
            _ => {
                problems.add("WEB_AUTH_CERT and WEB_AUTH_KEY: set both or neither");
                return None;
            }
        };
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

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
