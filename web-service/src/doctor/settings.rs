//! Settings that contradict each other, or are unusual where a service is deployed.

use holdfast_server_kit::doctor::{Check, Finding, checks::host::is_this_machine};
use url::Url;

use crate::{
    config::{ServeConfig, SessionStoreConfig, TlsConfig},
    request::trusted_proxies::TrustedProxies,
    session::{
        browser_session::Lifetimes,
        device_binding::{BindingPolicy, DeviceBinding},
    },
};

static SESSION_STORE: Check = Check {
    id: "settings.session_store",
    why: "Sessions in memory end when the service restarts, and several instances cannot share them",
};
static AUTH_ENCRYPTION: Check = Check {
    id: "settings.auth_encryption",
    why: "Passwords, tokens and the service secret are readable on a connection to auth-service without TLS",
};
static PROXIES: Check = Check {
    id: "settings.proxies",
    why: "The addresses of clients behind a proxy that is not trusted are not known: rate limits then apply to all of them together",
};
static LIFETIMES: Check = Check {
    id: "settings.lifetimes",
    why: "An idle timeout above the absolute timeout has no effect",
};
static DEVICE_BINDING: Check = Check {
    id: "settings.device_binding",
    why: "A session that is bound to the browser's device is of no use to the thief of its cookie",
};

/// All checks, in the order of their findings.
pub(super) static CHECKS: [&Check; 5] = [
    &SESSION_STORE,
    &AUTH_ENCRYPTION,
    &PROXIES,
    &LIFETIMES,
    &DEVICE_BINDING,
];

pub(super) fn assess(config: &ServeConfig) -> Vec<Finding> {
    let public_url = config.public_url.as_ref();
    let origin = public_url.map_or("", |url| &*url.origin);
    let is_public = public_url.is_some_and(|url| !url.is_loopback);
    let serves_tls = !matches!(config.tls, TlsConfig::Off);
    let needs_proxy = is_public && (!serves_tls || config.listen.ip().is_loopback());
    let has_proxies = config.trusted_proxies != TrustedProxies::default();
    vec![
        assess_session_store(&config.session_store),
        assess_auth_encryption(&config.auth.urls),
        assess_proxies(needs_proxy, has_proxies),
        assess_lifetimes(config.lifetimes),
        assess_binding(
            config.device_binding,
            config.return_origins.has_others(origin),
        ),
    ]
}

fn assess_session_store(store: &SessionStoreConfig) -> Finding {
    match store {
        SessionStoreConfig::Memory => {
            SESSION_STORE.warning("sessions are in memory", "set WEB_SESSION_STORE to a Redis")
        }
        SessionStoreConfig::Redis { .. } => SESSION_STORE.ok("sessions are in Redis"),
    }
}

fn assess_auth_encryption(urls: &[Url]) -> Finding {
    let is_local = |url: &Url| url.host_str().is_some_and(is_this_machine);
    let is_plain = |url: &&Url| url.scheme() == "http" && !is_local(url);
    if let Some(url) = urls.iter().find(is_plain) {
        let remedy = "use https:// and WEB_AUTH_CA unless the network is trusted";
        return AUTH_ENCRYPTION
            .warning(format!("the connection to {url} is not encrypted"), remedy);
    }
    AUTH_ENCRYPTION.ok("connections to auth-service are encrypted, or do not leave this machine")
}

/// `needs_proxy`: the port has no TLS or is reachable from this machine only, and the public URL is that of another host.
fn assess_proxies(needs_proxy: bool, has_proxies: bool) -> Finding {
    if needs_proxy && !has_proxies {
        PROXIES.warning(
            "only a proxy can serve the public URL, and no proxy is trusted",
            "set WEB_TRUSTED_PROXIES to the addresses of the proxies, such as 127.0.0.1",
        )
    } else if has_proxies {
        PROXIES.ok("headers of trusted proxies are used")
    } else {
        PROXIES.ok("no proxy is trusted; see public_url.proxies")
    }
}

fn assess_lifetimes(Lifetimes { idle, absolute }: Lifetimes) -> Finding {
    if idle > absolute {
        let found = "WEB_IDLE_TIMEOUT exceeds WEB_ABSOLUTE_TIMEOUT";
        LIFETIMES.warning(found, "lower WEB_IDLE_TIMEOUT")
    } else {
        LIFETIMES.ok("the idle timeout is within the absolute timeout")
    }
}

fn assess_binding(policy: BindingPolicy, has_other_origins: bool) -> Finding {
    match policy.binding {
        DeviceBinding::Off => DEVICE_BINDING.warning(
            "sessions are not bound to devices: WEB_DEVICE_BINDING=off",
            "set WEB_DEVICE_BINDING=prefer",
        ),
        DeviceBinding::Prefer if has_other_origins => DEVICE_BINDING.warning(
            "sessions are not bound to devices: WEB_RETURN_ORIGINS lists applications at other origins, where browsers do not renew the proof",
            "WEB_DEVICE_BINDING=require binds them nevertheless",
        ),
        DeviceBinding::Prefer | DeviceBinding::Require => {
            DEVICE_BINDING.ok("sessions are bound to devices where browsers support it")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_server_kit::{
        config::RedisUrl,
        doctor::Severity::{Ok, Warning},
    };

    use super::*;
    use crate::session::device_binding::OnTheft;

    #[test]
    fn sessions_in_memory_are_a_warning() {
        let url = RedisUrl::parse("WEB_SESSION_STORE", "redis://redis").unwrap();
        let redis = SessionStoreConfig::Redis {
            url: Box::new(url),
            replicas: 0,
        };
        assert_eq!(assess_session_store(&redis).severity, Ok);
        let memory = assess_session_store(&SessionStoreConfig::Memory);
        assert_eq!(memory.outcome(), ("settings.session_store", Warning));
    }

    #[test]
    fn plain_connection_to_another_machine_is_a_warning() {
        let outcome = |url: &str| assess_auth_encryption(&[url.parse().unwrap()]).outcome();
        for url in [
            "http://127.0.0.1:50051",
            "http://localhost:1",
            "http://[::1]:1",
            "https://auth",
        ] {
            assert_eq!(outcome(url), ("settings.auth_encryption", Ok), "{url}");
        }
        let plain = outcome("http://auth-service:50051");
        assert_eq!(plain, ("settings.auth_encryption", Warning));
    }

    #[test]
    fn proxy_that_is_not_trusted_is_a_warning() {
        let outcome = assess_proxies(true, false).outcome();
        assert_eq!(outcome, ("settings.proxies", Warning));
        for (needs_proxy, has_proxies) in [(true, true), (false, true), (false, false)] {
            assert_eq!(assess_proxies(needs_proxy, has_proxies).severity, Ok);
        }
    }

    #[test]
    fn idle_timeout_above_the_absolute_one_is_a_warning() {
        let outcome = |idle, absolute| {
            let [idle, absolute] = [idle, absolute].map(Duration::from_secs);
            assess_lifetimes(Lifetimes { idle, absolute }).outcome()
        };
        assert_eq!(outcome(30, 30), ("settings.lifetimes", Ok));
        assert_eq!(outcome(31, 30), ("settings.lifetimes", Warning));
    }

    #[test]
    fn sessions_without_device_binding_are_a_warning() {
        let (bound, unbound) = (
            ("settings.device_binding", Ok),
            ("settings.device_binding", Warning),
        );
        for (binding, has_other_origins, expected) in [
            (DeviceBinding::Off, false, unbound),
            (DeviceBinding::Prefer, true, unbound),
            (DeviceBinding::Prefer, false, bound),
            (DeviceBinding::Require, true, bound),
        ] {
            let policy = BindingPolicy {
                binding,
                on_theft: OnTheft::Report,
            };
            let outcome = assess_binding(policy, has_other_origins).outcome();
            assert_eq!(outcome, expected);
        }
    }
}
