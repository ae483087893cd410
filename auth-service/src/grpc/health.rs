//! The standard health service, `grpc.health.v1.Health`.

use auth_proto::v1::{account_service_server, admin_service_server, auth_service_server};
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;
use tonic_health::{ServingStatus, server::HealthReporter};

/// The services that have a status; the empty name stands for the port as a whole.
const SERVICES: [&str; 4] = [
    "",
    auth_service_server::SERVICE_NAME,
    account_service_server::SERVICE_NAME,
    admin_service_server::SERVICE_NAME,
];

/// Adds the health service. Every status is `SERVING` until `shutdown`.
pub(super) async fn add_to(routes: &mut RoutesBuilder, shutdown: CancellationToken) {
    let (reporter, service) = tonic_health::server::health_reporter();
    for name in SERVICES {
        reporter
            .set_service_status(name, ServingStatus::Serving)
            .await;
    }
    tokio::spawn(withdraw(reporter, shutdown));
    routes.add_service(service);
}

/// Reports `NOT_SERVING` at `shutdown` and ends the streams of watchers, which would delay the drain.
async fn withdraw(mut reporter: HealthReporter, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    for name in SERVICES {
        reporter
            .set_service_status(name, ServingStatus::NotServing)
            .await;
        reporter.clear_service_status(name).await;
    }
}
