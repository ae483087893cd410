//! The person whose access token a call carries.

use std::sync::Arc;

use auth_proto::v1::ErrorReason;
use holdfast_identity::{
    services::IdentityServices,
    token::{Consistency, Person, Scope, TokenRequirements, ValidateTokenError},
};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{
        ServiceIdentity, dpop,
        metadata::{Repeated, only},
    },
    errors::{IntoStatus as _, OrStatus as _, refuse},
};

/// Authenticates callers by the access token in the metadata entry `authorization`.
#[derive(Clone)]
pub(in crate::grpc) struct CallerAuthenticator {
    pub(in crate::grpc) identity: Arc<IdentityServices>,
    pub(in crate::grpc) service_identity: Arc<ServiceIdentity>,
}

impl CallerAuthenticator {
    /// The person of a valid access token that has `scope`. The store is read, so that a login that another instance has just ended
    /// changes no account.
    pub(in crate::grpc) async fn person<T: Sync>(
        &self,
        request: &Request<T>,
        scope: Scope,
    ) -> Result<Person, Status> {
        let (scheme, token) = authorization(request)?;
        let proof = match scheme {
            Scheme::Bearer => None,
            Scheme::Dpop => Some(dpop::in_metadata(
                request,
                &self.service_identity,
                self.identity.tokens.issuer(),
            )?),
        };
        let requirements = TokenRequirements {
            scopes: &[scope.as_str()],
            consistency: Consistency::Strong,
            proof: proof.as_ref(),
            ..TokenRequirements::default()
        };
        let claims = self
            .identity
            .tokens
            .validate_token(token, requirements)
            .await;
        // OAuth clients cannot have these scopes.
        let person = claims.or_status()?.person.clone();
        person.ok_or_else(|| ValidateTokenError::InsufficientScope.into_status())
    }
}

/// The authentication scheme that an access token was presented with.
enum Scheme {
    /// RFC 6750 §2.1.
    Bearer,
    /// RFC 9449 §7.1.
    Dpop,
}

/// The scheme, whose name is case-insensitive, and the token.
fn authorization<T>(request: &Request<T>) -> Result<(Scheme, &str), Status> {
    let missing = || {
        refuse(
            ErrorReason::TokenMissing,
            "this call needs an access token in the metadata entry authorization: Bearer …",
        )
    };
    let value = only(request.metadata(), "authorization").map_err(|Repeated| {
        refuse(
            ErrorReason::TokenMalformed,
            "the metadata entry authorization occurs more than once",
        )
    })?;
    let value = value.and_then(|value| value.to_str().ok());
    match value.ok_or_else(missing)?.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok((Scheme::Bearer, token))
        }
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("dpop") => Ok((Scheme::Dpop, token)),
        _ => Err(missing()),
    }
}
