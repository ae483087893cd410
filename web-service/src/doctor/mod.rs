//! The checks of `web-service doctor`. They read, and change nothing (ADR 43).

mod auth;
mod certificate;
mod https;
mod public_url;
mod session_store;
mod settings;

use std::time::Duration;

use holdfast_core::clock::Clock;
use holdfast_server_kit::doctor::{
    Check, Finding,
    checks::{files, limits, redis as redis_checks, service},
    within,
};

use crate::{
    config::{PublicUrl, ServeConfig, Settings, TlsConfig},
    tls::local_ca::LocalAuthority,
};

/// Deadline of all questions to auth-service, and of those to the public URL.
const DEADLINE: Duration = Duration::from_secs(10);

/// Runs all checks. Each has a deadline.
pub async fn run(settings: Settings, clock: &dyn Clock) -> Vec<Finding> {
    let mut secret_files = settings.secret_files();
    let ops = settings.ops_listen();
    let (log, config) = match settings.serve() {
        Ok(configured) => configured,
        Err(problems) => {
            let settings = vec![service::assess_settings(&problems)];
            return [settings, files::check_permissions(&secret_files)].concat();
        }
    };
    if let TlsConfig::Local(directory) = &config.tls {
        let key = LocalAuthority::new(directory.clone()).key_file();
        secret_files.push(files::SecretFile::new("WEB_DATA_DIR", key));
    }
    let readiness = async {
        match ops {
            Ok(ops) => service::check_readiness(ops).await,
            Err(_) => Vec::new(),
        }
    };
    let (peers, sessions, readiness) = tokio::join!(
        check_peers(&config, clock),
        session_store::check(&config.session_store, clock),
        readiness,
    );
    [
        vec![service::VALID.ok("the service can use its settings")],
        settings::assess(&config),
        vec![service::assess_log(&log, "WEB_LOG")],
        files::check_permissions(&secret_files),
        peers,
        sessions,
        certificate::check(&config, clock.now()),
        vec![limits::check_files(
            config.max_connections,
            0,
            "WEB_MAX_CONNECTIONS",
        )],
        readiness,
    ]
    .concat()
}

/// auth-service, and this installation at its public URL, which publishes the keys of auth-service.
async fn check_peers(config: &ServeConfig, clock: &dyn Clock) -> Vec<Finding> {
    let url = public_url(config);
    let origin = url.as_ref().map(|url| url.origin.as_str());
    let mut kids = Vec::new();
    let asked = auth::check(&config.auth, origin, clock, &mut kids);
    let mut findings = within(DEADLINE, &auth::REACHABLE, asked).await;
    if let Some(url) = &url {
        let asked = public_url::check(config, url, &kids, clock.now());
        findings.extend(within(DEADLINE, &public_url::REACHABLE, asked).await);
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
