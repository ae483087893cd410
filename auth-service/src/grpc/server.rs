//! Every service, layer and limit of the port on one screen.

use std::{any::Any, sync::Arc, time::Duration};

use auth_proto::{
    FILE_DESCRIPTOR_SET,
    v1::{
        account_service_server::{self, AccountServiceServer},
        admin_service_server::{self, AdminServiceServer},
        auth_service_server::{self, AuthServiceServer},
    },
};
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter};
use holdfast_identity::{
    account::Accounts,
    audit::AuditTrail,
    oauth::Clients,
    service::IdentityService,
    store::{KeyRotation, PublishedKeys},
};
use holdfast_server_kit::{
    connections::BoundedListener,
    grpc::GrpcOnlyLayer,
    read_message::ReadMessageLayer,
    request_limit::{Places, RequestLimit},
};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, service::Routes};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower_http::{
    catch_panic::CatchPanicLayer,
    trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer},
};
use tracing::Level;

use crate::{
    grpc::{
        audit::Audit,
        call_context::WebIdentity,
        call_kinds::PortCalls,
        drain::SignIns,
        run_to_completion::RunToCompletionLayer,
        services::{AccountApi, AdminApi, AuthApi, Watchers},
        tls::{self, PortTls},
    },
    revocation_feed::RevocationFeed,
};

const MAX_MESSAGE: usize = 64 * 1024;
const MAX_METADATA: u32 = 16 * 1024;
/// On one connection: a small part of [`PLACES`]. web-service keeps calls that take long on a connection of their own.
const MAX_STREAMS: u32 = 128;
/// What a client may send of one message before it is read, and of all messages on a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// How many calls are worked on at once, over all connections; what comes beyond is refused with `RESOURCE_EXHAUSTED`. A call counts
/// once its message is there.
pub const PLACES: Places = Places {
    all: 2048,
    reserved: 512,
    per_network: 1024,
};
const DEADLINE: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long a client may send nothing at all, not even the answer to a ping.
pub const MAX_SILENCE: Duration = Duration::from_mins(1);

/// What health is told of; the empty name is the port as a whole.
const HEALTH_NAMES: [&str; 4] = [
    "",
    auth_service_server::SERVICE_NAME,
    account_service_server::SERVICE_NAME,
    admin_service_server::SERVICE_NAME,
];

/// What the port serves.
pub struct Services {
    /// Logins and tokens.
    pub authority: Arc<IdentityService>,
    /// Accounts.
    pub accounts: Accounts,
    /// Clients.
    pub clients: Clients,
    /// How web-service proves itself.
    pub web_identity: Arc<WebIdentity>,
    /// What is published as JWKS.
    pub keys: Arc<dyn PublishedKeys>,
    /// What replaces the key that signs.
    pub key_rotation: Arc<dyn KeyRotation>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where it is kept what happened.
    pub audit: Arc<dyn AuditTrail>,
    /// What watchers are told.
    pub feed: Arc<RevocationFeed>,
    /// How many calls are worked on at once.
    pub request_limit: Arc<RequestLimit>,
}

/// The port, ready to be served.
pub struct Server {
    services: Services,
    tls: Option<PortTls>,
    reflection: bool,
}

impl Server {
    /// Takes what is served and how.
    #[must_use]
    pub const fn new(services: Services, tls: Option<PortTls>, reflection: bool) -> Self {
        Self {
            services,
            tls,
            reflection,
        }
    }

    /// Whether the port speaks TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `shutdown`, then finishes the sign-ins that have begun, and the calls in flight.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: BoundedListener,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let (health, health_service) = tonic_health::server::health_reporter();
        for name in HEALTH_NAMES {
            health
                .set_service_status(name, ServingStatus::Serving)
                .await;
        }
        tokio::spawn(say_goodbye(health, shutdown.clone()));
        let mut routes = Routes::builder();
        routes.add_service(health_service);
        if self.reflection {
            add_reflection(&mut routes)?;
        }
        let finish = RunToCompletionLayer {
            limit: Arc::clone(&self.services.request_limit),
            web_identity: Arc::clone(&self.services.web_identity),
        };
        let (sign_ins, closing) = (SignIns::default(), CancellationToken::new());
        add_services(&mut routes, self.services, &closing);
        tokio::spawn(close_after_sign_ins(
            sign_ins.clone(),
            shutdown,
            closing.clone(),
        ));

        let incoming = tls::incoming(listener, self.tls);
        tonic::transport::Server::builder()
            .timeout(DEADLINE)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_header_list_size(MAX_METADATA)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .layer(GrpcOnlyLayer)
            .layer(ReadMessageLayer::<PortCalls>::new(MAX_MESSAGE))
            .layer(sign_ins)
            .layer(finish)
            .layer(
                TraceLayer::new_for_grpc()
                    .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
                    .on_response(DefaultOnResponse::new().level(Level::DEBUG))
                    // A refusal is the caller's matter; faults are logged where they are found.
                    .on_failure(()),
            )
            .layer(CatchPanicLayer::custom(panicked))
            .add_routes(routes.routes())
            .serve_with_incoming_shutdown(incoming, closing.cancelled_owned())
            .await?;
        Ok(())
    }
}

/// Until then connections stay open, and new ones are taken: web-service does not call twice over one that is about to close.
async fn close_after_sign_ins(
    sign_ins: SignIns,
    shutdown: CancellationToken,
    closing: CancellationToken,
) {
    shutdown.cancelled().await;
    sign_ins.finish().await;
    closing.cancel();
}

/// Who watches health learns of the end, and the stream ends, so that it does not hold up the drain.
async fn say_goodbye(mut health: HealthReporter, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    for name in HEALTH_NAMES {
        health
            .set_service_status(name, ServingStatus::NotServing)
            .await;
        health.clear_service_status(name).await;
    }
}

fn add_services(
    routes: &mut tonic::service::RoutesBuilder,
    services: Services,
    shutdown: &CancellationToken,
) {
    let Services {
        authority,
        accounts,
        clients,
        web_identity,
        keys,
        key_rotation,
        clock,
        audit,
        feed,
        request_limit: _,
    } = services;
    let audit = Audit {
        trail: audit,
        clock: clock.clone(),
    };
    let auth = AuthApi {
        authority: authority.clone(),
        web_identity: web_identity.clone(),
        keys,
        clock: clock.clone(),
        watchers: Watchers {
            feed: feed.clone(),
            clock,
            shutdown: shutdown.clone(),
        },
        audit: audit.clone(),
        refused_clients: LogRateLimiter::new(),
    };
    let account = AccountApi {
        authority: authority.clone(),
        accounts: accounts.clone(),
        web_identity: web_identity.clone(),
        audit: audit.clone(),
        feed,
    };
    let admin = AdminApi {
        authority,
        accounts,
        clients,
        web_identity,
        key_rotation,
        audit,
    };
    routes
        .add_service(AuthServiceServer::new(auth).max_decoding_message_size(MAX_MESSAGE))
        .add_service(AccountServiceServer::new(account).max_decoding_message_size(MAX_MESSAGE))
        .add_service(AdminServiceServer::new(admin).max_decoding_message_size(MAX_MESSAGE));
}

/// Both versions: older clients know `v1alpha` only.
fn add_reflection(routes: &mut tonic::service::RoutesBuilder) -> anyhow::Result<()> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    routes
        .add_service(builder().build_v1()?)
        .add_service(builder().build_v1alpha()?);
    Ok(())
}

fn panicked(_: Box<dyn Any + Send>) -> http::Response<Body> {
    crate::grpc::errors::internal().into_http()
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        let response = panicked(Box::new(()));
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::Internal);
    }
}
