//! The services of `auth.v1`. A handler decodes the request, calls one operation, and encodes the result; a file has the handlers of one
//! subject.

/// Implements a service: `rpc(Request) -> Response = handler;` for each of its RPCs. A handler takes the state of the service and the
/// request. With `handler, by caller`, the method `caller` of the state has to accept the request first.
macro_rules! rpcs {
    ($service:ident for $api:ident $(, type $stream:ident = $responses:ty)? {
        $($rpc:ident($request:ty) -> $response:ty = $handler:path $(, by $caller:ident)?;)+
    }) => {
        #[tonic::async_trait]
        impl $service for $api {
            $(type $stream = $responses;)?

            $(
                async fn $rpc(
                    &self,
                    request: tonic::Request<$request>,
                ) -> Result<tonic::Response<$response>, tonic::Status> {
                    $(self.$caller(&request)?;)?
                    $handler(self, request).await.map(tonic::Response::new)
                }
            )+
        }
    };
}

mod account;
mod admin;
mod auth;
mod authorization;
mod signals;

use std::sync::Arc;

use auth_proto::v1::{
    account_service_server::AccountServiceServer, admin_service_server::AdminServiceServer,
    auth_service_server::AuthServiceServer,
    authorization_service_server::AuthorizationServiceServer,
    signal_service_server::SignalServiceServer,
};
use holdfast_core::clock::Clock;
use holdfast_identity::{
    account::Accounts,
    key::{KeyRotation, PublishedKeys},
    oauth::OauthClients,
    services::IdentityServices,
    signals::SignalService,
    store::AuditLog,
};
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;

use self::{
    account::AccountApi,
    admin::AdminApi,
    auth::{AuthApi, RevocationStreams},
    authorization::AuthorizationApi,
    signals::SignalApi,
};
use crate::{
    grpc::{
        call_context::{CallerAuthenticator, ServiceIdentity},
        secret_hash::SecretHash,
    },
    revocation_feed::RevocationFeed,
};

/// The operations that the services call.
pub struct Services {
    /// Logins and tokens.
    pub identity: Arc<IdentityServices>,
    /// Accounts.
    pub accounts: Accounts,
    /// OAuth clients.
    pub clients: OauthClients,
    /// Streams of security events.
    pub signals: Arc<SignalService>,
    /// The initial access token of OAuth clients that register themselves; `None` where they cannot.
    pub registration_token: Option<SecretHash>,
    /// Whether the metadata that OAuth clients publish is used.
    pub client_documents: bool,
    /// What web-service authenticates itself with.
    pub service_identity: Arc<ServiceIdentity>,
    /// The keys of the JWKS.
    pub keys: Arc<dyn PublishedKeys>,
    /// Rotation of the signing key.
    pub key_rotation: Arc<dyn KeyRotation>,
    /// The time of answers and heartbeats.
    pub clock: Arc<dyn Clock>,
    /// The stored audit events.
    pub audit: Arc<dyn AuditLog>,
    /// The source of the revocation streams.
    pub feed: Arc<RevocationFeed>,
}

impl Services {
    /// Adds the services to `routes`. Their request messages may have up to `max_message` bytes; their streams end at `shutdown`.
    pub(super) fn add_to(
        self,
        routes: &mut RoutesBuilder,
        max_message: usize,
        shutdown: &CancellationToken,
    ) {
        let callers = CallerAuthenticator {
            identity: Arc::clone(&self.identity),
            service_identity: Arc::clone(&self.service_identity),
        };
        let client_registration = self.registration_token.is_some();
        let authorization = AuthorizationApi {
            identity: Arc::clone(&self.identity),
            service_identity: Arc::clone(&self.service_identity),
            clients: self.clients.clone(),
            registration_token: self.registration_token,
        };
        let signals = SignalApi {
            signals: self.signals,
            service_identity: Arc::clone(&self.service_identity),
        };
        let auth = AuthApi {
            client_registration,
            client_documents: self.client_documents,
            identity: Arc::clone(&self.identity),
            service_identity: self.service_identity,
            keys: self.keys,
            clock: Arc::clone(&self.clock),
            streams: RevocationStreams {
                feed: Arc::clone(&self.feed),
                clock: self.clock,
                shutdown: shutdown.clone(),
            },
        };
        let account = AccountApi {
            identity: Arc::clone(&self.identity),
            accounts: self.accounts.clone(),
            callers: callers.clone(),
            feed: self.feed,
        };
        let admin = AdminApi {
            identity: self.identity,
            accounts: self.accounts,
            clients: self.clients,
            callers,
            key_rotation: self.key_rotation,
            audit: self.audit,
        };
        routes
            .add_service(AuthServiceServer::new(auth).max_decoding_message_size(max_message))
            .add_service(AccountServiceServer::new(account).max_decoding_message_size(max_message))
            .add_service(
                AuthorizationServiceServer::new(authorization)
                    .max_decoding_message_size(max_message),
            )
            .add_service(SignalServiceServer::new(signals).max_decoding_message_size(max_message))
            .add_service(AdminServiceServer::new(admin).max_decoding_message_size(max_message));
    }
}
