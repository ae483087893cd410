//! Who calls: web-service's own identity, and the person whose access token comes along.

use anyhow::Context as _;
use auth_proto::{
    DPOP, DPOP_METHOD, DPOP_URI, SERVICE_SECRET, SIGN_IN_FORM,
    v1::{self, ErrorReason},
};
use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    login::{ClientInfo, ClientKind, DeviceId, SignInForm},
    oauth::PresentedProof,
    service::IdentityService,
    token::{Consistency, Person, Scope, TokenRequirements, ValidateTokenError},
};
use rustls_pki_types::ServerName;
use secrecy::{ExposeSecret as _, SecretString};
use tonic::{
    Code, Request, Status,
    metadata::{AsciiMetadataValue, MetadataMap},
};

use crate::{
    config::TlsConfig,
    grpc::{
        errors::{OrStatus as _, refuse},
        tls::Peer,
    },
};

const MAX_USER_AGENT: usize = 256;

/// How web-service proves itself: by a secret or by the name in its client certificate.
pub struct WebIdentity {
    secret: Option<digest::Digest>,
    certificate_name: Option<ServerName<'static>>,
}

impl WebIdentity {
    /// Takes what proves it; without either nobody is web-service.
    ///
    /// # Errors
    /// When the name in the certificate cannot be one.
    pub fn new(secret: Option<&SecretString>, tls: Option<&TlsConfig>) -> anyhow::Result<Self> {
        let mutual = tls.filter(|tls| tls.files.authorities.is_some());
        let certificate_name = mutual
            .map(|tls| ServerName::try_from(tls.web_service_name.clone()))
            .transpose()
            .context("AUTH_TLS_WEB_SERVICE_NAME is not a DNS name")?;
        Ok(Self {
            secret: secret.map(|secret| sha256(secret.expose_secret().as_bytes())),
            certificate_name,
        })
    }

    /// Whether the caller is web-service. A wrong secret is refused: a web-service that was set up wrongly must notice.
    pub(in crate::grpc) fn is_proved_by<T>(&self, request: &Request<T>) -> Result<bool, Status> {
        let is_proved = self.is_shown_by(request)?;
        if let (true, Some(connection)) = (is_proved, Peer::connection(request.extensions())) {
            connection.trust();
        }
        Ok(is_proved)
    }

    fn is_shown_by<T>(&self, request: &Request<T>) -> Result<bool, Status> {
        match only(request.metadata(), SERVICE_SECRET) {
            Ok(None) => Ok(self.is_in_certificate(request)),
            Ok(Some(presented)) if self.is_secret(presented.as_bytes()) => Ok(true),
            Ok(Some(_)) | Err(Repeated) => Err(refuse(
                Code::PermissionDenied,
                ErrorReason::ServiceSecretWrong,
                "the service secret is not the one that is configured here",
            )),
        }
    }

    /// Both sides are hashed first, so that time tells neither content nor length.
    fn is_secret(&self, presented: &[u8]) -> bool {
        self.secret.as_ref().is_some_and(|secret| {
            let presented = sha256(presented);
            constant_time::verify_slices_are_equal(secret.as_ref(), presented.as_ref()).is_ok()
        })
    }

    fn is_in_certificate<T>(&self, request: &Request<T>) -> bool {
        let Some(name) = &self.certificate_name else {
            return false;
        };
        Peer::certificate(request)
            .and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok())
            .is_some_and(|leaf| leaf.verify_is_valid_for_subject_name(name).is_ok())
    }

    /// The client that a sign-in comes from: what web-service states, and for anybody else what the socket says.
    pub(in crate::grpc) fn client<T>(
        &self,
        request: &Request<T>,
        stated: Option<v1::Client>,
    ) -> Result<ClientInfo, Status> {
        if !self.is_proved_by(request)? {
            return Ok(ClientInfo {
                kind: ClientKind::Api,
                ip_address: Peer::address(request).map(|address| address.ip()),
                user_agent: text(request, "user-agent").map(shortened),
                device: None,
            });
        }
        let stated = stated.unwrap_or_default();
        Ok(ClientInfo {
            kind: match stated.kind() {
                v1::ClientKind::Browser => ClientKind::Browser,
                v1::ClientKind::Api | v1::ClientKind::Unspecified => ClientKind::Api,
            },
            ip_address: stated.ip_address.parse().ok(),
            user_agent: Some(stated.user_agent)
                .filter(|agent| !agent.is_empty())
                .map(|agent| shortened(&agent)),
            device: DeviceId::from_bytes(&stated.device_id),
        })
    }
}

impl WebIdentity {
    /// The form that a sign-in comes from, in web-service's word.
    pub(in crate::grpc) fn sign_in_form<T>(
        &self,
        request: &Request<T>,
    ) -> Result<Option<SignInForm>, Status> {
        if !self.is_proved_by(request)? {
            return Ok(None);
        }
        let bytes = text(request, SIGN_IN_FORM).and_then(|form| URL_SAFE_NO_PAD.decode(form).ok());
        Ok(bytes.and_then(|bytes| SignInForm::from_bytes(&bytes)))
    }
}

/// The method of every call, as HTTP sees it.
pub(in crate::grpc) const RPC_METHOD: &str = "POST";

/// The URL of a call, as whoever proves a key to it names it (RFC 9449 §4.2).
pub(in crate::grpc) fn rpc_url(issuer: &str, path: &str) -> String {
    format!("{}{path}", issuer.trim_end_matches('/'))
}

/// Which call a request is, for proofs that name it.
#[derive(Clone)]
pub(in crate::grpc) struct RpcPath(pub(in crate::grpc) String);

/// The person whose access token the call carries, if the token is valid and has `scope`, and its login lives in the store: what
/// another instance ended a moment ago changes no account.
pub(in crate::grpc) async fn person<T: Sync>(
    (authority, web): (&IdentityService, &WebIdentity),
    request: &Request<T>,
    scope: Scope,
) -> Result<Person, Status> {
    let (is_bound, token) = credential(request)?;
    let proof = is_bound.then(|| proof(authority.issuer(), web, request));
    let proof = proof.transpose()?;
    let expected = TokenRequirements {
        scopes: &[scope.as_str()],
        consistency: Consistency::Strong,
        proof: proof.as_ref(),
        ..TokenRequirements::default()
    };
    let claims = authority
        .validate_token(token, expected)
        .await
        .or_status()?;
    // Clients are granted no such scope.
    let person = claims
        .person
        .clone()
        .ok_or(ValidateTokenError::InsufficientScope);
    person.or_status()
}

/// What came with a token that was presented as `DPoP`. Of what the request was, web-service's word counts; it asks for others.
fn proof<T>(
    issuer: &str,
    web: &WebIdentity,
    request: &Request<T>,
) -> Result<PresentedProof, Status> {
    let text = |name| text(request, name).map(str::to_owned);
    let jwt = text(DPOP).unwrap_or_default();
    if web.is_proved_by(request)? {
        return Ok(PresentedProof {
            jwt,
            method: text(DPOP_METHOD).unwrap_or_default(),
            uri: text(DPOP_URI).unwrap_or_default(),
        });
    }
    let path = request.extensions().get::<RpcPath>();
    let path = path.map_or("", |RpcPath(path)| path.as_str());
    Ok(PresentedProof {
        jwt,
        method: RPC_METHOD.to_owned(),
        uri: rpc_url(issuer, path),
    })
}

/// RFC 6750 §2.1, RFC 9449 §7.1; the scheme's name in any case. Whether it is the second, and the token.
fn credential<T>(request: &Request<T>) -> Result<(bool, &str), Status> {
    let missing = || {
        refuse(
            Code::Unauthenticated,
            ErrorReason::TokenMissing,
            "this call needs an access token as metadata authorization: Bearer …",
        )
    };
    let value = only(request.metadata(), "authorization").map_err(|Repeated| {
        refuse(
            Code::Unauthenticated,
            ErrorReason::TokenMalformed,
            "the metadata authorization is there more than once",
        )
    })?;
    let value = value.and_then(|value| value.to_str().ok());
    match value.ok_or_else(missing)?.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok((false, token)),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("dpop") => Ok((true, token)),
        _ => Err(missing()),
    }
}

/// An entry of the metadata that has to be there once, and is there more often: none of them counts.
pub(in crate::grpc) struct Repeated;

/// The only entry of this name, if there is one.
pub(in crate::grpc) fn only<'a>(
    metadata: &'a MetadataMap,
    name: &str,
) -> Result<Option<&'a AsciiMetadataValue>, Repeated> {
    let mut values = metadata.get_all(name).iter();
    let value = values.next();
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Repeated),
    }
}

/// The text of the only entry of this name.
pub(in crate::grpc) fn text<'a, T>(request: &'a Request<T>, name: &str) -> Option<&'a str> {
    only(request.metadata(), name).ok()??.to_str().ok()
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_USER_AGENT).collect()
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}
