//! What is wrong with the settings, all of it at once; or what they mean.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZero,
};

use ipnet::IpNet;
use secrecy::ExposeSecret;
use service_kit::{
    config::{Problems, SecretSource},
    telemetry::LogConfig,
    tls::{IdentityFiles, PemFile, TlsFiles},
};
use url::{Host, Url};

use super::Settings;
use crate::{
    config::{AuthConfig, PublicUrl, ServeConfig, SessionStoreConfig, TlsConfig},
    domain::{
        bindings::{BindingPolicy, DeviceBinding, OnTheft},
        cookie_names::CookieNames,
        return_origins::ReturnOrigins,
        session::Lifetimes,
        trusted_proxies::TrustedProxies,
    },
    storage::redis,
};

impl Settings {
    /// Everything that `serve` needs.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn serve(self) -> Result<(LogConfig, ServeConfig), Problems> {
        let mut problems = Problems::default();
        let log = LogConfig::parse(&mut problems, "WEB", &self.log, &self.log_format);
        let listen = problems.parse("WEB_LISTEN", &self.listen);
        let ops_listen = problems.parse("WEB_OPS_LISTEN", &self.ops_listen);
        let ext_authz_listen = match &self.ext_authz_listen {
            Some(text) => problems.parse("WEB_EXT_AUTHZ_LISTEN", text).map(Some),
            None => Some(None),
        };
        let public_url = self.public_url(&mut problems);
        let session_store = self.session_store(&mut problems);
        let cookie_names = self.cookie_names(&mut problems);
        let lifetimes = self.lifetimes(&mut problems);
        let max_staleness = problems.duration(
            "WEB_REVOCATION_MAX_STALENESS",
            &self.revocation_max_staleness,
        );
        let tls = self.tls(&mut problems);
        let max_connections = problems.parse("WEB_MAX_CONNECTIONS", &self.max_connections);
        let trusted_proxies = self.trusted_proxies(&mut problems);
        let return_origins = self.return_origins(&mut problems);
        let clear_site_data = problems.check(
            "WEB_CLEAR_SITE_DATA",
            match self.clear_site_data.as_str() {
                "on" => Ok(true),
                "off" => Ok(false),
                _ => Err("must be on or off"),
            },
        );
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
                max_connections: max_connections.map(NonZero::<usize>::get)?,
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
        let address = problems.parse("WEB_OPS_LISTEN", &self.ops_listen);
        problems.finish(|| address)
    }

    /// `Some(None)`: not set.
    fn public_url(&self, problems: &mut Problems) -> Option<Option<PublicUrl>> {
        match &self.public_url {
            Some(text) => problems.check("WEB_PUBLIC_URL", public_url(text)).map(Some),
            None => Some(None),
        }
    }

    fn session_store(&self, problems: &mut Problems) -> Option<SessionStoreConfig> {
        let source = SecretSource {
            value: self.session_store.clone(),
            file: self.session_store_file.clone(),
        };
        let store = problems.secret("WEB_SESSION_STORE", source)?;
        let config = match store.as_ref().map(ExposeSecret::expose_secret) {
            None | Some("memory") => return Some(SessionStoreConfig::Memory),
            Some(url) if url.starts_with("redis://") => redis::parse(url),
            Some(_) => Err("must be memory or a redis:// URL".to_owned()),
        };
        problems
            .check("WEB_SESSION_STORE", config)
            .map(SessionStoreConfig::Redis)
    }

    fn trusted_proxies(&self, problems: &mut Problems) -> Option<TrustedProxies> {
        let network = |text: &String| {
            let text = text.trim();
            let address = text.parse().map(|address: IpAddr| IpNet::from(address));
            let network = text.parse().or(address);
            network.map_err(|_| format!("{text:?} is no network such as 10.0.0.0/8"))
        };
        let networks: Result<_, String> = self.trusted_proxies.iter().map(network).collect();
        problems
            .check("WEB_TRUSTED_PROXIES", networks)
            .map(TrustedProxies::new)
    }

    fn return_origins(&self, problems: &mut Problems) -> Option<ReturnOrigins> {
        let origin = |text: &String| public_url(text.trim()).map(|url| url.origin);
        let origins: Result<_, String> = self.return_origins.iter().map(origin).collect();
        problems
            .check("WEB_RETURN_ORIGINS", origins)
            .map(ReturnOrigins::new)
    }

    fn cookie_names(&self, problems: &mut Problems) -> Option<CookieNames> {
        match &self.cookie_prefix {
            Some(prefix) => problems.check("WEB_COOKIE_PREFIX", CookieNames::with_prefix(prefix)),
            None => Some(CookieNames::default()),
        }
    }

    fn device_binding(&self, problems: &mut Problems) -> Option<BindingPolicy> {
        let binding = match self.device_binding.as_str() {
            "off" => Ok(DeviceBinding::Off),
            "prefer" => Ok(DeviceBinding::Prefer),
            "require" => Ok(DeviceBinding::Require),
            _ => Err("must be off, prefer or require"),
        };
        let on_theft = match self.device_theft.as_str() {
            "report" => Ok(OnTheft::Report),
            "end" => Ok(OnTheft::EndLogin),
            _ => Err("must be report or end"),
        };
        let binding = problems.check("WEB_DEVICE_BINDING", binding);
        let on_theft = problems.check("WEB_DEVICE_THEFT", on_theft);
        Some(BindingPolicy {
            binding: binding?,
            on_theft: on_theft?,
        })
    }

    fn lifetimes(&self, problems: &mut Problems) -> Option<Lifetimes> {
        let idle = problems.duration("WEB_IDLE_TIMEOUT", &self.idle_timeout);
        let absolute = problems.duration("WEB_ABSOLUTE_TIMEOUT", &self.absolute_timeout);
        Some(Lifetimes {
            idle: idle?,
            absolute: absolute?,
        })
    }

    fn tls(&self, problems: &mut Problems) -> Option<TlsConfig> {
        match self.tls.as_str() {
            "on" => {}
            "off" => return Some(self.tls_off(problems)),
            _ => problems.add("WEB_TLS: must be on or off"),
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
        if self.trusted_proxies.is_empty() || self.public_url.is_none() {
            problems.add("WEB_TLS: off needs WEB_TRUSTED_PROXIES and WEB_PUBLIC_URL, of the proxy that speaks TLS");
        }
        if self.tls_cert.is_some() || self.tls_key.is_some() {
            problems.add("WEB_TLS_CERT and WEB_TLS_KEY: of no use with WEB_TLS=off");
        }
        TlsConfig::Off
    }

    fn auth_urls(&self, problems: &mut Problems) -> Option<Vec<Url>> {
        let urls: Option<Vec<_>> = self
            .auth_url
            .iter()
            .map(|text| problems.check("WEB_AUTH_URL", web_url(text)))
            .collect();
        urls.filter(|urls| !urls.is_empty())
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

fn public_url(text: &str) -> Result<PublicUrl, String> {
    let url = web_url(text)?;
    if url.scheme() != "https"
        || url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(format!(
            "{text:?}: must be https:// with a host and perhaps a port, and nothing else"
        ));
    }
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    Ok(PublicUrl {
        origin: url.origin().ascii_serialization(),
        is_loopback,
    })
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|why| format!("{text:?}: {why}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(format!("{text:?}: must begin with http:// or https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_written_as_browsers_write_it() {
        let shown = |text| public_url(text).map(|url| (url.origin, url.is_loopback));
        assert_eq!(
            shown("https://ID.Example:443/"),
            Ok(("https://id.example".into(), false))
        );
        assert_eq!(
            shown("https://localhost:8443"),
            Ok(("https://localhost:8443".into(), true))
        );
        assert_eq!(
            shown("https://127.0.0.1"),
            Ok(("https://127.0.0.1".into(), true))
        );
        for text in [
            "http://id.example",
            "https://id.example/app",
            "https://id.example/?a",
            "id.example",
            "",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
