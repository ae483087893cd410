//! What the domain says, as auth-service is told it.

use auth_proto::{
    DPOP, DPOP_METHOD, DPOP_URI,
    v1::{self, client_credentials, issue_token_request},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue, errors::InvalidMetadataValue},
};

use crate::{
    auth::{
        AuthError, Authorization, ClientCredentials, ClientInfo, ClientKind, ClientProof,
        DpopProof, Grant, Holder,
    },
    device_report::DeviceEvent,
};

/// The metadata of what acts for a person.
pub(super) struct Credential(Vec<(&'static str, MetadataValue<Ascii>)>);

impl Credential {
    /// The access token, and what came with it.
    pub(super) fn of(authorization: &Authorization) -> Result<Self, AuthError> {
        let token = authorization.access_token.expose_secret();
        let scheme = if authorization.proof.is_some() {
            "DPoP"
        } else {
            "Bearer"
        };
        let mut texts = vec![("authorization", format!("{scheme} {token}"))];
        if let Some(proof) = authorization.proof.clone() {
            texts.push((DPOP, proof.jwt));
            texts.push((DPOP_METHOD, proof.method));
            texts.push((DPOP_URI, proof.uri));
        }
        let values = texts.into_iter().map(|(name, text)| {
            let value = sensitive(&text.into());
            Ok((
                name,
                value.map_err(|why| AuthError::Broken(why.to_string()))?,
            ))
        });
        values.collect::<Result<_, _>>().map(Self)
    }

    /// The same request, made for that person.
    pub(super) fn add<T>(&self, mut request: Request<T>) -> Request<T> {
        for (name, value) in &self.0 {
            request.metadata_mut().insert(*name, value.clone());
        }
        request
    }
}

pub(super) fn proof(proof: &DpopProof) -> v1::DpopProof {
    v1::DpopProof {
        jwt: proof.jwt.clone(),
        http_method: proof.method.clone(),
        http_uri: proof.uri.clone(),
    }
}

pub(super) fn sensitive(
    secret: &SecretString,
) -> Result<MetadataValue<Ascii>, InvalidMetadataValue> {
    let mut value: MetadataValue<Ascii> = secret.expose_secret().parse()?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn client(client: &ClientInfo) -> v1::Client {
    v1::Client {
        kind: kind(client.kind).into(),
        ip_address: client.ip_address.to_string(),
        user_agent: client.user_agent.clone(),
        device_id: client.device.map(Vec::from).unwrap_or_default(),
    }
}

/// The form that somebody signs in with.
pub(super) fn form(form: &[u8; 16]) -> Option<MetadataValue<Ascii>> {
    URL_SAFE_NO_PAD.encode(form).parse().ok()
}

/// Of a browser nothing but the kind counts.
pub(super) fn holder(holder: Holder<'_>) -> v1::Client {
    match holder {
        Holder::Program(program) => client(program),
        Holder::Browser => v1::Client {
            kind: v1::ClientKind::Browser.into(),
            ..Default::default()
        },
    }
}

pub(super) const fn kind(kind: ClientKind) -> v1::ClientKind {
    match kind {
        ClientKind::Api => v1::ClientKind::Api,
        ClientKind::Browser => v1::ClientKind::Browser,
    }
}

pub(super) const fn event(event: DeviceEvent) -> (v1::DeviceEvent, bool) {
    match event {
        DeviceEvent::Bound => (v1::DeviceEvent::Bound, false),
        DeviceEvent::ProofRefused => (v1::DeviceEvent::ProofRefused, false),
        DeviceEvent::TheftSuspected { ends_login } => (v1::DeviceEvent::TheftSuspected, ends_login),
    }
}

pub(super) fn credentials(credentials: &ClientCredentials) -> v1::ClientCredentials {
    v1::ClientCredentials {
        client_id: credentials.id.clone(),
        proof: match &credentials.proof {
            ClientProof::None => None,
            ClientProof::Secret(secret) => Some(client_credentials::Proof::ClientSecret(
                secret.expose_secret().to_owned(),
            )),
            ClientProof::Assertion(jwt) => Some(client_credentials::Proof::ClientAssertion(
                jwt.expose_secret().to_owned(),
            )),
        },
    }
}

pub(super) fn grant(grant: &Grant<'_>) -> issue_token_request::Grant {
    match grant {
        Grant::LoginTicket(ticket) => {
            issue_token_request::Grant::LoginTicket(ticket.expose_secret().to_owned())
        }
        Grant::RefreshToken(token) => {
            issue_token_request::Grant::RefreshToken(token.expose_secret().to_owned())
        }
    }
}
