//! Messages into domain types, or a status that names the field.

use auth_proto::v1::{self, ErrorReason, client_credentials};
use holdfast_identity::{
    account::{Password, Username},
    audit::AuditKind,
    id::{Sid, UserId},
    login::{DeviceEvent, EndLoginError},
    oauth::{ClientAuthentication, ClientId, ClientProof, PresentedProof},
    token::{Consistency, Scopes},
};
use tonic::{Code, Status};

use crate::grpc::errors::{IntoStatus as _, invalid, refuse};

pub(super) fn user_id(field: &str, text: &str) -> Result<UserId, Status> {
    text.parse()
        .map_err(|_| invalid(field, "is not the identifier of an account"))
}

pub(super) fn sid(text: &str) -> Result<Sid, Status> {
    // What is no identifier is nobody's.
    text.parse()
        .map_err(|_| EndLoginError::NotFound.into_status())
}

/// Who a client says to be.
pub(super) fn client_proof(stated: v1::ClientCredentials) -> ClientProof {
    let proof = match stated.proof {
        None => ClientAuthentication::None,
        Some(client_credentials::Proof::ClientSecret(secret)) => {
            ClientAuthentication::Secret(secret.into())
        }
        Some(client_credentials::Proof::ClientAssertion(jwt)) => {
            ClientAuthentication::Assertion(jwt)
        }
    };
    ClientProof {
        id: stated.client_id,
        proof,
    }
}

pub(super) fn client_id(text: &str) -> Result<ClientId, Status> {
    text.parse()
        .map_err(|why| invalid("client_id", format!("{why}")))
}

pub(super) fn audit_kind(name: &str) -> Result<AuditKind, Status> {
    AuditKind::from_name(name).ok_or_else(|| invalid("kind", "is no kind of event"))
}

pub(super) fn page_token(text: &str) -> Result<i64, Status> {
    text.parse()
        .map_err(|_| invalid("page_token", "is none of ours"))
}

pub(super) fn username(field: &str, text: &str) -> Result<Username, Status> {
    text.parse().map_err(|why| invalid(field, format!("{why}")))
}

/// A password to be checked. One that is too long to be anybody's is as wrong as any other.
pub(super) fn password(text: &str) -> Result<Password, Status> {
    Password::parse(text).map_err(|_| {
        holdfast_identity::authentication::SignInError::InvalidCredentials(None).into_status()
    })
}

pub(super) const fn consistency(stated: v1::Consistency) -> Consistency {
    match stated {
        v1::Consistency::Unspecified | v1::Consistency::Local => Consistency::Local,
        v1::Consistency::Strong => Consistency::Strong,
    }
}

/// A proof, and the request that it was sent with as the caller states it.
pub(super) fn proof(stated: v1::DpopProof) -> PresentedProof {
    PresentedProof {
        jwt: stated.jwt,
        method: stated.http_method,
        uri: stated.http_uri,
    }
}

/// What web-service tells of a device; an end is only told together with a theft.
pub(super) fn device_event(
    stated: v1::DeviceEvent,
    ends_login: bool,
) -> Result<DeviceEvent, Status> {
    match stated {
        v1::DeviceEvent::TheftSuspected => Ok(DeviceEvent::TheftSuspected { ends_login }),
        _ if ends_login => Err(invalid(
            "end_login",
            "only with DEVICE_EVENT_THEFT_SUSPECTED",
        )),
        v1::DeviceEvent::Bound => Ok(DeviceEvent::Bound),
        v1::DeviceEvent::ProofRefused => Ok(DeviceEvent::ProofRefused),
        v1::DeviceEvent::Unspecified => Err(invalid("event", "give one")),
    }
}

pub(super) fn scopes(text: &str) -> Result<Scopes, Status> {
    text.parse().map_err(|_| {
        refuse(
            Code::InvalidArgument,
            ErrorReason::InvalidScope,
            "a requested scope is unknown",
        )
    })
}

/// Proto3 has no absent strings: an empty one stands for it.
pub(super) fn optional(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
