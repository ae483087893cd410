//! Steps of authorization requests, and applications.

use auth_proto::v1::{self, authorization_step::Step};
use holdfast_identity::oauth::{
    AuthorizationResponse, AuthorizationState, Consent, ConsentQuestion, ResponseMode,
};

use crate::grpc::encode::timestamp;

pub(in crate::grpc) fn authorization_step(state: AuthorizationState) -> v1::AuthorizationStep {
    let step = match state {
        AuthorizationState::Done(response) => Step::Redirect(redirect(response)),
        AuthorizationState::SignIn { flow, login_hint } => Step::SignIn(v1::AuthorizationSignIn {
            flow,
            login_hint: login_hint.unwrap_or_default(),
        }),
        AuthorizationState::Reauthenticate { flow, min_level } => {
            let acr = min_level.map(|level| level.acr().to_owned());
            Step::Reauthentication(v1::AuthorizationReauthentication {
                flow,
                required_acr: acr.unwrap_or_default(),
            })
        }
        AuthorizationState::AskConsent(question) => Step::Consent(consent_question(question)),
    };
    v1::AuthorizationStep { step: Some(step) }
}

fn redirect(response: AuthorizationResponse) -> v1::AuthorizationRedirect {
    let mode = match response.mode {
        ResponseMode::Query => v1::ResponseMode::Query,
        ResponseMode::FormPost => v1::ResponseMode::FormPost,
    };
    let parameters = response.parameters.into_iter();
    v1::AuthorizationRedirect {
        redirect_uri: response.redirect_uri,
        mode: mode.into(),
        parameters: parameters
            .map(|(name, value)| v1::AuthorizationParameter {
                name: name.to_owned(),
                value,
            })
            .collect(),
    }
}

fn consent_question(question: ConsentQuestion) -> v1::ConsentQuestion {
    v1::ConsentQuestion {
        flow: question.flow,
        client_id: question.client.to_string(),
        client_name: question.name.to_string(),
        publisher: question.client.publisher().unwrap_or_default(),
        destination: question.destination,
        username: question.username.to_string(),
        scope: question.scopes.to_string(),
    }
}

pub(in crate::grpc) fn application(consent: &Consent) -> v1::Application {
    v1::Application {
        client_id: consent.client.to_string(),
        name: consent.name.to_string(),
        scope: consent.scopes.to_string(),
        granted_at: Some(timestamp(consent.granted_at)),
        last_used_at: Some(timestamp(consent.last_used_at)),
    }
}
