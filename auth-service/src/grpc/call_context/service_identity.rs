//! The service identity: how web-service is recognized.

use anyhow::Context as _;
use auth_proto::{SERVICE_SECRET, v1::ErrorReason};
use rustls_pki_types::ServerName;
use secrecy::SecretString;
use tonic::{Request, Status, metadata::MetadataMap};

use crate::{
    config::TlsConfig,
    grpc::{
        call_context::metadata::{Repeated, only},
        connections::Peer,
        errors::refuse,
        secret_hash::SecretHash,
    },
};

/// What web-service is recognized by: a secret, or the name in its client certificate.
pub struct ServiceIdentity {
    secret: Option<SecretHash>,
    certificate_name: Option<ServerName<'static>>,
}

impl ServiceIdentity {
    /// The identity for a configuration. Without a secret and without client certificates no caller is web-service.
    ///
    /// # Errors
    /// `AUTH_TLS_WEB_SERVICE_NAME` is not a DNS name.
    pub fn new(secret: Option<&SecretString>, tls: Option<&TlsConfig>) -> anyhow::Result<Self> {
        let mutual = tls.filter(|tls| tls.files.authorities.is_some());
        let certificate_name = mutual
            .map(|tls| ServerName::try_from(tls.web_service_name.clone()))
            .transpose()
            .context("AUTH_TLS_WEB_SERVICE_NAME is not a DNS name")?;
        Ok(Self {
            secret: secret.map(SecretHash::of),
            certificate_name,
        })
    }

    /// Whether the caller is web-service, whose connection is then marked as trusted. A wrong secret is an error, so that a wrong
    /// configuration of web-service is noticed.
    pub(in crate::grpc) fn recognize<T>(&self, request: &Request<T>) -> Result<bool, Status> {
        let is_web_service = self.verify(request)?;
        if let (true, Some(connection)) = (is_web_service, Peer::connection(request.extensions())) {
            connection.trust();
        }
        Ok(is_web_service)
    }

    /// [`recognize`](Self::recognize) for a request that is not decoded yet; one with a wrong secret is none of web-service.
    pub(in crate::grpc) fn recognize_head<B>(&self, request: &http::Request<B>) -> bool {
        let metadata = MetadataMap::from_headers(request.headers().clone());
        let request = Request::from_parts(metadata, request.extensions().clone(), ());
        self.recognize(&request).unwrap_or(false)
    }

    /// Rejects callers other than web-service with `SERVICE_IDENTITY_REQUIRED`.
    pub(in crate::grpc) fn require<T>(&self, request: &Request<T>) -> Result<(), Status> {
        if self.recognize(request)? {
            return Ok(());
        }
        Err(refuse(
            ErrorReason::ServiceIdentityRequired,
            "only web-service may call this",
        ))
    }

    fn verify<T>(&self, request: &Request<T>) -> Result<bool, Status> {
        match only(request.metadata(), SERVICE_SECRET) {
            Ok(None) => Ok(self.is_in_certificate(request)),
            Ok(Some(presented)) if self.is_secret(presented.as_bytes()) => Ok(true),
            Ok(Some(_)) | Err(Repeated) => Err(refuse(
                ErrorReason::ServiceSecretWrong,
                "the service secret is not the one that is configured here",
            )),
        }
    }

    fn is_secret(&self, presented: &[u8]) -> bool {
        let secret = self.secret.as_ref();
        secret.is_some_and(|secret| secret.matches(presented))
    }

    fn is_in_certificate<T>(&self, request: &Request<T>) -> bool {
        let Some(name) = &self.certificate_name else {
            return false;
        };
        Peer::certificate(request)
            .and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok())
            .is_some_and(|leaf| leaf.verify_is_valid_for_subject_name(name).is_ok())
    }
}
