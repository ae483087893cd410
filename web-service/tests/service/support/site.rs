//! A running pair of services with one clock, and their accounts.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use holdfast_client::AuthConfig;
use holdfast_core::clock::ManualClock;
use holdfast_identity::{
    account::Accounts,
    audit::{AuditKind, AuditQuery},
    call_context::CallContext,
};
use holdfast_tls::TlsFiles;
use reqwest::{Certificate, Client};
use secrecy::SecretBox;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use web_service::{
    config::{PublicUrl, ServeConfig, SessionStoreConfig},
    request::{
        cookie_names::CookieNames, redirect_origins::AllowedRedirectOrigins,
        trusted_proxies::TrustedProxies,
    },
    session::{
        browser_session::Lifetimes,
        device_binding::{BindingPolicy, DeviceBinding, OnTheft},
    },
};

use super::{
    PASSWORD, SECRET,
    auth_service::{AuthOptions, start_auth},
    tls::{certificate, client_builder},
};

/// auth-service and web-service, and the clock of both.
pub(crate) struct Site {
    pub(crate) clock: ManualClock,
    pub(crate) origin: String,
    pub(crate) client: Client,
    /// The address of the gRPC service for Envoy.
    pub(crate) ext_authz: SocketAddr,
    pub(super) authority: Certificate,
    pub(super) url: String,
    accounts: Accounts,
    pub(super) directory: TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// A site with a public URL of its own.
    pub(crate) async fn start_as(public_url: PublicUrl) -> Self {
        Self::start_with(|config| config.public_url = Some(public_url)).await
    }

    /// A site that trusts proxies of these networks.
    pub(crate) async fn start_behind<const N: usize>(networks: [&str; N]) -> Self {
        let networks = networks.map(|network| network.parse().unwrap()).into();
        Self::start_with(|config| config.trusted_proxies = TrustedProxies::new(networks)).await
    }

    /// A site that trusts proxies of these networks, and redirects to these origins.
    pub(crate) async fn start_behind_for<const N: usize, const M: usize>(
        networks: [&str; N],
        origins: [&str; M],
    ) -> Self {
        let networks = networks.map(|network| network.parse().unwrap()).into();
        let origins = origins.map(str::to_owned).into();
        Self::start_with(|config| {
            config.trusted_proxies = TrustedProxies::new(networks);
            config.return_origins = AllowedRedirectOrigins::new(origins);
        })
        .await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut ServeConfig)) -> Self {
        let clock = ManualClock::default();
        Self::start_with_clocks((clock.clone(), clock), adjust).await
    }

    /// A site whose services have one clock each: web-service the first, auth-service the second.
    pub(crate) async fn start_with_clocks(
        clocks: (ManualClock, ManualClock),
        adjust: impl FnOnce(&mut ServeConfig),
    ) -> Self {
        Self::start_all(clocks, AuthOptions::default(), adjust).await
    }

    /// A site whose auth-service has these options, and whose web-service is adjusted.
    pub(crate) async fn start_for(
        options: AuthOptions,
        adjust: impl FnOnce(&mut ServeConfig),
    ) -> Self {
        let clock = ManualClock::default();
        Self::start_all((clock.clone(), clock), options, adjust).await
    }

    async fn start_all(
        (clock, auth_clock): (ManualClock, ManualClock),
        options: AuthOptions,
        adjust: impl FnOnce(&mut ServeConfig),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (auth_url, accounts) = start_auth(&directory, &auth_clock, options).await;
        let (tls, authority) = certificate(&directory);
        let mut config = ServeConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            ops_listen: "127.0.0.1:0".parse().unwrap(),
            ext_authz_listen: Some("127.0.0.1:0".parse().unwrap()),
            public_url: None,
            auth: AuthConfig {
                urls: vec![auth_url.parse().unwrap()],
                tls: TlsFiles::default(),
                service_secret: Some(SECRET.to_owned().into()),
            },
            session_store: SessionStoreConfig::Memory,
            cookie_names: CookieNames::default(),
            secret_key: SecretBox::new(Box::new([2; 32])),
            max_staleness: Duration::from_mins(1),
            lifetimes: Lifetimes {
                idle: Duration::from_mins(30),
                absolute: Duration::from_hours(12),
            },
            tls,
            trusted_proxies: TrustedProxies::default(),
            return_origins: AllowedRedirectOrigins::default(),
            clear_site_data: true,
            device_binding: BindingPolicy {
                binding: DeviceBinding::Prefer,
                on_theft: OnTheft::Report,
            },
            max_connections: 64,
        };
        adjust(&mut config);
        let public_url = config.public_url.clone();
        web_service::app::install_crypto_provider();
        let app = web_service::app::App::build(config, Arc::new(clock.clone()))
            .await
            .unwrap();
        let url = format!("https://localhost:{}", app.address().unwrap().port());
        let ext_authz = app.ext_authz_address().unwrap().unwrap();
        tokio::spawn(app.run(CancellationToken::new()));
        let client = client_builder(&authority).build().unwrap();
        Self {
            clock,
            origin: public_url.map_or_else(|| url.clone(), |public| public.origin),
            client,
            authority,
            url,
            ext_authz,
            accounts,
            directory,
        }
    }

    pub(crate) async fn with_user(name: &str) -> Self {
        let site = Self::start().await;
        site.add_user(name).await;
        site
    }

    pub(crate) async fn add_user(&self, name: &str) {
        self.accounts
            .create(
                name.parse().unwrap(),
                PASSWORD,
                false,
                &CallContext::operator(),
            )
            .await
            .unwrap();
    }

    pub(crate) async fn disable(&self, name: &str) {
        let user = self.accounts.by_name(&name.parse().unwrap()).await.unwrap();
        let context = CallContext::operator();
        self.accounts.disable(user.id, &context).await.unwrap();
    }

    /// The number of events of a kind in the audit trail, at most 100.
    pub(crate) async fn audit_count(&self, kind: AuditKind) -> usize {
        let database =
            auth_service::config::Database::Sqlite(self.directory.path().join("auth.db"));
        let store = auth_service::app::open_store(&database).await.unwrap();
        let query = AuditQuery {
            kind: Some(kind),
            limit: 100,
            ..AuditQuery::default()
        };
        store.events(&query).await.unwrap().len()
    }
}
