//! Fields of request messages as values of the rules, or a status that names the field.

use std::{str::FromStr, time::Duration};

use auth_proto::v1::{
    self, ClientProofKind, ErrorReason, authentication_step::Step, client_credentials,
};
use holdfast_identity::{
    account::{Password, Username},
    audit::AuditKind,
    authentication::{
        AssuranceLevel, AuthenticationStep, BindTrustError, BrowserToken, ChangeFactorError,
        PasskeyLabel, PresentedTrust, SignInError, TotpCode,
    },
    id::{CredentialId, GrantId, Sid, StreamId, TrustedBrowserId, UserId},
    key::Algorithm,
    login::{DeviceEvent, EndConsentError, EndGrantError, EndLoginError},
    oauth::{
        ClientAuthentication, ClientCredentials, ClientId, ConsentDecision,
        InvalidBackchannelLogoutUri, InvalidClientName, InvalidKeyThumbprint, InvalidRedirectUri,
        KeyThumbprint, Parameters, PresentedProof, RelyingParty, RepeatedParameter,
        RequestedAuthMethod, Sector,
    },
    signals::{InvalidStream, RequestedEvents, SignalError, StreamText},
    token::{Consistency, Scopes},
};
use tonic::Status;

use crate::grpc::errors::{IntoStatus as _, invalid, refuse};

pub(super) fn user_id(field: &str, text: &str) -> Result<UserId, Status> {
    text.parse()
        .map_err(|_| invalid(field, "is not the identifier of an account"))
}

/// The `sid` of a login to end. A text of another form is the `sid` of no login.
pub(super) fn sid(text: &str) -> Result<Sid, Status> {
    text.parse()
        .map_err(|_| EndLoginError::NotFound.into_status())
}

/// The identifier of a grant to end. A text of another form is the identifier of no grant.
pub(super) fn grant_id(text: &str) -> Result<GrantId, Status> {
    text.parse()
        .map_err(|_| EndGrantError::NotFound.into_status())
}

/// What an OAuth client authenticates with.
pub(super) fn client_credentials(stated: v1::ClientCredentials) -> ClientCredentials {
    let authentication = match stated.proof {
        None => ClientAuthentication::None,
        Some(client_credentials::Proof::ClientSecret(secret)) => {
            ClientAuthentication::Secret(secret.into())
        }
        Some(client_credentials::Proof::ClientAssertion(jwt)) => {
            ClientAuthentication::Assertion(jwt)
        }
    };
    ClientCredentials {
        id: stated.client_id,
        authentication,
    }
}

pub(super) fn client_id(text: &str) -> Result<ClientId, Status> {
    text.parse()
        .map_err(|why| invalid("client_id", format!("{why}")))
}

pub(super) fn stream_id(text: &str) -> Result<StreamId, Status> {
    text.parse()
        .map_err(|_| SignalError::NotFound.into_status())
}

pub(super) fn requested_events(requested: &v1::RequestedEvents) -> Result<RequestedEvents, Status> {
    let text = requested.uris.join(" ");
    text.parse()
        .map_err(|why: InvalidStream| invalid("requested", why.to_string()))
}

/// A text of a stream, if it is not empty.
pub(super) fn stream_text(field: &str, text: &str) -> Result<Option<StreamText>, Status> {
    let text = Some(text).filter(|text| !text.is_empty());
    text.map(str::parse)
        .transpose()
        .map_err(|why: InvalidStream| invalid(field, why.to_string()))
}

/// The `client_id` of an application to end. A text of another form is that of none.
pub(super) fn application(text: &str) -> Result<ClientId, Status> {
    text.parse()
        .map_err(|_| EndConsentError::NotFound.into_status())
}

/// The parameters of an authorization request.
pub(super) fn parameters(
    stated: Vec<v1::AuthorizationParameter>,
) -> Result<Parameters, RepeatedParameter> {
    let pairs = stated.into_iter();
    Parameters::collect(pairs.map(|parameter| (parameter.name, parameter.value)))
}

/// The decision about consent, if there is one.
pub(super) const fn consent_decision(stated: v1::ConsentDecision) -> Option<ConsentDecision> {
    match stated {
        v1::ConsentDecision::Unspecified => None,
        v1::ConsentDecision::Allow => Some(ConsentDecision::Allow),
        v1::ConsentDecision::Deny => Some(ConsentDecision::Deny),
    }
}

/// What people are to sign in to an OAuth client with. The algorithm of its ID tokens is `default` if it names none.
pub(super) fn auth_method(
    kind: ClientProofKind,
    jwk: String,
) -> Result<RequestedAuthMethod, Status> {
    if kind != ClientProofKind::Key && !jwk.is_empty() {
        return Err(invalid("jwk", "is only for CLIENT_PROOF_KIND_KEY"));
    }
    match kind {
        ClientProofKind::None => Ok(RequestedAuthMethod::None),
        ClientProofKind::Secret => Ok(RequestedAuthMethod::Secret),
        ClientProofKind::Key => Ok(RequestedAuthMethod::Key(jwk)),
        ClientProofKind::Unspecified => Err(invalid("proof_kind", "is required")),
    }
}

pub(super) fn relying_party(
    stated: v1::RelyingParty,
    default: Algorithm,
) -> Result<RelyingParty, Status> {
    let uris = |field: &str, texts: Vec<String>| {
        let parse = |text: String| {
            text.parse()
                .map_err(|why: InvalidRedirectUri| invalid(field, why.to_string()))
        };
        texts.into_iter().map(parse).collect::<Result<Vec<_>, _>>()
    };
    let algorithm = optional(stated.id_token_algorithm);
    let parse = |text: String| {
        text.parse::<Algorithm>()
            .map_err(|why| invalid("relying_party.id_token_algorithm", why))
    };
    let redirect_uris = uris("relying_party.redirect_uris", stated.redirect_uris)?;
    let sector = stated.pairwise_subjects.then(|| Sector::of(&redirect_uris));
    let sector = sector.transpose();
    Ok(RelyingParty {
        name: stated
            .name
            .parse()
            .map_err(|why: InvalidClientName| invalid("relying_party.name", why.to_string()))?,
        redirect_uris,
        post_logout_redirect_uris: uris(
            "relying_party.post_logout_redirect_uris",
            stated.post_logout_redirect_uris,
        )?,
        id_token_algorithm: algorithm.map(parse).transpose()?.unwrap_or(default),
        is_first_party: stated.first_party,
        must_push: stated.push_required,
        backchannel_logout_uri: optional(stated.backchannel_logout_uri)
            .map(|uri| uri.parse())
            .transpose()
            .map_err(|why: InvalidBackchannelLogoutUri| {
                invalid("relying_party.backchannel_logout_uri", why.to_string())
            })?,
        sector: sector
            .map_err(|why| invalid("relying_party.pairwise_subjects", why.to_string()))?,
    })
}

pub(super) fn audit_kind(name: &str) -> Result<AuditKind, Status> {
    AuditKind::from_name(name).ok_or_else(|| invalid("kind", "is not a kind of audit event"))
}

/// The number of an audit event.
pub(super) fn page_token(text: &str) -> Result<i64, Status> {
    text.parse()
        .map_err(|_| invalid("page_token", "is not the next_page_token of a page"))
}

pub(super) fn username(field: &str, text: &str) -> Result<Username, Status> {
    text.parse().map_err(|why| invalid(field, format!("{why}")))
}

/// A password to verify. One that is longer than a password may be is wrong, like any other wrong password.
pub(super) fn password(text: &str) -> Result<Password, Status> {
    Password::parse(text).map_err(|_| SignInError::InvalidCredentials.into_status())
}

/// The step of an authentication, if the message has one.
pub(super) fn step(
    stated: Option<v1::AuthenticationStep>,
) -> Result<Option<AuthenticationStep>, Status> {
    match stated.map(|stated| stated.step) {
        None => Ok(None),
        Some(Some(Step::Password(text))) => {
            Ok(Some(AuthenticationStep::Password(password(&text)?)))
        }
        Some(Some(Step::TotpCode(text))) => Ok(Some(AuthenticationStep::Totp(code(&text)?))),
        Some(Some(Step::RecoveryCode(text))) => {
            Ok(Some(AuthenticationStep::RecoveryCode(code(&text)?)))
        }
        Some(Some(Step::EnrolTotpCode(text))) => {
            Ok(Some(AuthenticationStep::EnrolTotp(code(&text)?)))
        }
        Some(Some(Step::Passkey(response))) => Ok(Some(AuthenticationStep::Passkey(response))),
        Some(Some(Step::EnrolPasskey(response))) => {
            Ok(Some(AuthenticationStep::EnrolPasskey(response)))
        }
        Some(None) => Err(missing_step()),
    }
}

/// A code to verify. One that has not the form of a code is wrong, like any other wrong code.
fn code<T: FromStr>(text: &str) -> Result<T, Status> {
    text.parse()
        .map_err(|_| SignInError::WrongFactor.into_status())
}

/// The first code of one-time codes that are set up.
pub(super) fn first_code(text: &str) -> Result<TotpCode, Status> {
    text.parse()
        .map_err(|_| ChangeFactorError::WrongCode.into_status())
}

/// What a trusted browser presents. A token or key of another form is that of none.
pub(super) fn presented_trust(token: &str, jkt: &str) -> Option<PresentedTrust> {
    Some(PresentedTrust {
        token: token.parse().ok()?,
        device_key: jkt.parse().ok(),
    })
}

/// The token of a trusted browser that is to be bound. One of another form is that of none.
pub(super) fn browser_token(text: &str) -> Result<BrowserToken, Status> {
    text.parse()
        .map_err(|_| BindTrustError::NotFound.into_status())
}

/// The thumbprint of a key.
pub(super) fn key_thumbprint(text: &str) -> Result<KeyThumbprint, Status> {
    text.parse()
        .map_err(|why: InvalidKeyThumbprint| invalid("jkt", why.to_string()))
}

/// The identifier of a trusted browser. A text of another form is the identifier of none.
pub(super) fn browser_id(text: &str) -> Result<TrustedBrowserId, Status> {
    text.parse()
        .map_err(|_| ChangeFactorError::NotFound.into_status())
}

/// The name of a passkey.
pub(super) fn passkey_label(text: &str) -> Result<PasskeyLabel, Status> {
    PasskeyLabel::parse(text).map_err(|why| invalid("label", why.to_string()))
}

/// The identifier of a factor to remove. A text of another form is the identifier of no factor.
pub(super) fn factor_id(text: &str) -> Result<CredentialId, Status> {
    text.parse()
        .map_err(|_| ChangeFactorError::NotFound.into_status())
}

/// The step of an authentication that continues.
pub(super) fn next_step(
    stated: Option<v1::AuthenticationStep>,
) -> Result<AuthenticationStep, Status> {
    step(stated)?.ok_or_else(missing_step)
}

fn missing_step() -> Status {
    invalid("step", "a factor is required, such as password")
}

/// A required `acr`.
pub(super) fn level(field: &str, text: String) -> Result<Option<AssuranceLevel>, Status> {
    let parse = |text: String| {
        text.parse::<AssuranceLevel>()
            .map_err(|why| invalid(field, why.to_string()))
    };
    optional(text).map(parse).transpose()
}

/// A duration that may be absent.
pub(super) fn duration(
    field: &str,
    stated: Option<prost_types::Duration>,
) -> Result<Option<Duration>, Status> {
    let parse = |stated| {
        Duration::try_from(stated).map_err(|_| invalid(field, "is not a positive duration"))
    };
    stated.map(parse).transpose()
}

pub(super) const fn consistency(stated: v1::Consistency) -> Consistency {
    match stated {
        v1::Consistency::Unspecified | v1::Consistency::Local => Consistency::Local,
        v1::Consistency::Strong => Consistency::Strong,
    }
}

/// A DPoP proof, and the HTTP request that it came with as the caller states it.
pub(super) fn proof(stated: v1::DpopProof) -> PresentedProof {
    PresentedProof {
        jwt: stated.jwt,
        method: stated.http_method,
        uri: stated.http_uri,
    }
}

/// An event of a device. Only a suspected theft may end the login.
pub(super) fn device_event(
    stated: v1::DeviceEvent,
    ends_login: bool,
) -> Result<DeviceEvent, Status> {
    match stated {
        v1::DeviceEvent::TheftSuspected => Ok(DeviceEvent::TheftSuspected { ends_login }),
        _ if ends_login => Err(invalid(
            "end_login",
            "is only for DEVICE_EVENT_THEFT_SUSPECTED",
        )),
        v1::DeviceEvent::Bound => Ok(DeviceEvent::Bound),
        v1::DeviceEvent::ProofRefused => Ok(DeviceEvent::ProofRefused),
        v1::DeviceEvent::Unspecified => Err(invalid("event", "is required")),
    }
}

/// Scopes, separated by spaces (RFC 6749 §3.3).
pub(super) fn scopes(text: &str) -> Result<Scopes, Status> {
    text.parse()
        .map_err(|_| refuse(ErrorReason::InvalidScope, "a requested scope is unknown"))
}

/// A string that may be absent: proto3 sends an empty one.
pub(super) fn optional(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
