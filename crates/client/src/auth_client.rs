//! The client of auth-service.

use std::sync::Arc;

use auth_proto::{REQUEST_ID, SERVICE_SECRET};
use holdfast_core::clock::Clock;
use holdfast_tls::{TlsFiles, TlsMaterial, TlsWatch};
use holdfast_trace::TRACEPARENT;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use crate::{
    authorization::sensitive,
    config::{AuthConfig, ConfigError},
    error::AuthError,
    pending_revocations::{PendingRevocations, RevokingResponse},
    request_id,
    transport::{endpoints::Endpoints, retry_policy::RetryPolicy},
};

/// A client of auth-service. Clones share connections and circuit breakers.
///
/// Every call has a deadline that includes connecting, and is sent to another endpoint where one does not answer. A call that may
/// have changed something is not sent again once it may have arrived.
#[derive(Clone)]
pub struct AuthClient(Arc<Inner>);

struct Inner {
    endpoints: Endpoints,
    service_secret: Option<MetadataValue<Ascii>>,
    pending: Arc<PendingRevocations>,
    tls_files: TlsFiles,
    tls: TlsMaterial,
}

impl AuthClient {
    /// A client that connects at its first call.
    pub fn new(config: &AuthConfig) -> Result<Self, ConfigError> {
        let service_secret = config.service_secret.as_ref().map(sensitive);
        let tls = TlsMaterial::load(&config.tls).map_err(ConfigError::TlsFiles)?;
        Ok(Self(Arc::new(Inner {
            endpoints: Endpoints::new(&config.urls, &tls)?,
            service_secret: service_secret
                .transpose()
                .map_err(|_| ConfigError::ServiceSecret)?,
            pending: Arc::default(),
            tls_files: config.tls.clone(),
            tls,
        })))
    }

    /// Uses changed certificates and authorities without a restart: checks the files regularly, and when `reload` changes. Returns at
    /// `shutdown`.
    pub async fn keep_certificates_current(
        self,
        clock: Arc<dyn Clock>,
        reload: watch::Receiver<()>,
        shutdown: CancellationToken,
    ) {
        let Inner { tls, tls_files, .. } = &*self.0;
        let (sender, changes) = watch::channel(tls.clone());
        let endpoints = self.0.endpoints.clone();
        let watch = TlsWatch::new(tls_files.clone(), tls, clock, move |tls| {
            endpoints.check(tls)?;
            sender.send_replace(tls.clone());
            Ok(())
        });
        tokio::select! {
            () = watch.run(reload, shutdown) => {}
            () = self.0.endpoints.follow(changes) => {}
        }
    }

    /// Changes when an endpoint got a new connection, to which streams should move.
    pub(crate) fn replaced(&self) -> watch::Receiver<()> {
        self.0.endpoints.replaced()
    }

    /// Revocations that this client requested.
    pub(crate) fn pending_revocations(&self) -> Arc<PendingRevocations> {
        Arc::clone(&self.0.pending)
    }

    /// Makes a call within the deadline of `policy`, at another endpoint where that permits it.
    pub(crate) async fn call<T, Answer>(
        &self,
        policy: RetryPolicy,
        call: impl Fn(Channel) -> Answer,
    ) -> Result<T, AuthError>
    where
        Answer: Future<Output = Result<Response<T>, Status>>,
    {
        self.0.endpoints.call(policy, call).await
    }

    /// Makes a call that revokes something, and returns when no cached result of this process contradicts it.
    pub(crate) async fn revoke_by<T: RevokingResponse, Answer>(
        &self,
        policy: RetryPolicy,
        call: impl Fn(Channel) -> Answer,
    ) -> Result<T, AuthError>
    where
        Answer: Future<Output = Result<Response<T>, Status>>,
    {
        let result = self.call(policy, call).await;
        self.0.pending.settle(&result).await;
        result
    }

    /// A request with the service identity, the request id and the trace.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(secret) = &self.0.service_secret {
            request
                .metadata_mut()
                .insert(SERVICE_SECRET, secret.clone());
        }
        let id = request_id::current().and_then(|id| id.as_str().parse().ok());
        if let Some(id) = id {
            request.metadata_mut().insert(REQUEST_ID, id);
        }
        let parent = holdfast_trace::outgoing();
        if let Some(parent) = parent.and_then(|parent| parent.to_string().parse().ok()) {
            request.metadata_mut().insert(TRACEPARENT, parent);
        }
        request
    }
}
