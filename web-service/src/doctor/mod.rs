//! The checks of `web-service doctor`. They read, and change nothing (ADR 43).

mod auth;
mod certificate;
mod https;
mod public_url;
mod session_store;
mod settings;

use std::{sync::Arc, time::Duration};

use holdfast_core::clock::Clock;
use holdfast_server_kit::doctor::{
    Check, CommonSettings, Finding,
    checks::{
        files::{self, SecretFile},
        limits, redis as redis_checks, service,
    },
    within,
};

use crate::{
    config::{PublicUrl, ServeConfig, SessionStoreConfig, Settings, TlsConfig},
    request::probe::Probes,
    tls::local_ca::LocalAuthority,
};

/// Deadline of all requests to auth-service, and of those to the public URL.
const DEADLINE: Duration = Duration::from_secs(10);

/// Runs all checks. Each has a deadline.
pub async fn run(settings: Settings, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let (mut secret_files, ops_listen) = (settings.secret_files(), settings.ops_listen().ok());
    let (log, config) = match settings.serve() {
        Ok((log, config)) => (Ok(log), Some(config)),
        Err(problems) => (Err(problems), None),
    };
    let mut own_settings = Vec::new();
    if let Some(config) = &config {
        secret_files.extend(secret_files_of(config));
        own_settings = settings::assess(config);
    }
    let common = CommonSettings {
        secret_files,
        ops_listen,
        log,
        log_setting: "WEB_LOG",
    };
    let checks = async {
        match &config {
            Some(config) => Box::pin(check(config, &clock)).await,
            None => Vec::new(),
        }
    };
    Box::pin(common.check(own_settings, checks)).await
}

/// The files with secrets that values of settings name: the keys of the local authority, and the key for the connection to Redis.
fn secret_files_of(config: &ServeConfig) -> Vec<SecretFile> {
    let mut files = Vec::new();
    if let TlsConfig::Local(directory) = &config.tls {
        let authority = LocalAuthority::new(directory.clone());
        let keys = [authority.key_file(), authority.authority_key_file()];
        files.extend(keys.map(|key| SecretFile::new("WEB_DATA_DIR", key)));
    }
    if let SessionStoreConfig::Redis { url, .. } = &config.session_store {
        files.extend(SecretFile::of_redis(url));
    }
    files
}

async fn check(config: &ServeConfig, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let (peers, sessions, certificate) = tokio::join!(
        check_peers(config, clock),
        session_store::check(&config.session_store, &**clock),
        certificate::check(config, clock.now()),
    );
    let files = limits::check_files(config.max_connections, 0, "WEB_MAX_CONNECTIONS");
    [peers, sessions, certificate, vec![files]].concat()
}

/// auth-service, and this installation at its public URL, which publishes the keys of auth-service.
async fn check_peers(config: &ServeConfig, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let url = public_url(config);
    let origin = url.as_ref().map(|url| url.origin.as_str());
    let mut kids = Vec::new();
    let mut findings = within(DEADLINE, &auth::REACHABLE, async |findings: &mut Vec<_>| {
        auth::check(&config.auth, origin, &**clock, &mut kids, findings).await;
    })
    .await;
    if let Some(url) = &url {
        let probes = Probes::new(&config.secret_key, Arc::clone(clock));
        let subject = public_url::Subject {
            config,
            public_url: url,
            kids: &kids,
            probes: &probes,
            now: clock.now(),
        };
        let gather = async |findings: &mut Vec<_>| public_url::check(subject, findings).await;
        findings.extend(within(DEADLINE, &public_url::REACHABLE, gather).await);
    }
    findings
}

/// `None`: the port is selected at the start.
fn public_url(config: &ServeConfig) -> Option<PublicUrl> {
    let port = config.listen.port();
    let default = (port != 0).then(|| PublicUrl::localhost(port));
    config.public_url.clone().or(default)
}

/// Every check, in the order of the findings.
#[must_use]
pub fn checks() -> Vec<&'static Check> {
    let mut checks = vec![&service::VALID];
    checks.extend(settings::CHECKS);
    checks.extend([&service::LOG, &files::PERMISSIONS]);
    checks.extend(auth::CHECKS);
    checks.extend(public_url::CHECKS);
    checks.extend(redis_checks::CHECKS);
    checks.extend(session_store::CHECKS);
    checks.extend([&certificate::CERTIFICATE, &limits::FILES, &service::READY]);
    checks
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_server_kit::doctor::verify_table;

    use super::*;

    #[test]
    fn operations_document_lists_the_checks() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATIONS.md");
        let verified = verify_table(Path::new(document), "web-service", &checks());
        assert_eq!(verified, Ok(()));
    }
}
