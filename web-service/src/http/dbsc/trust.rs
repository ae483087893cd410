//! `POST /session/trust/bind` and `POST /session/trust/refresh`: the device key of a trusted browser. At a 4xx to a refresh browsers forget the
//! key, at a 5xx they keep it.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_client::ErrorReason;
use secrecy::{ExposeSecret as _, SecretString};
use time::Duration;

use crate::{
    http::{
        api::problem::Problem,
        dbsc::{
            SESSION_ID, proof,
            session_config::{SessionConfig, SessionEnd},
            text, with_challenge,
        },
        extract::{client::BrowserInfo, peer::PeerAddress},
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::cookies,
    service_error::ServiceError,
    session::{
        authenticator::AuthenticatedSession,
        device_binding::{AcceptedProof, DeviceProofError},
        trusted_browser::{TrustedBrowserCookie, thumbprint},
    },
};

/// The longest time for which auth-service trusts a browser; it decides when the trust ends.
const MAX_LIFETIME: Duration = Duration::days(90);

/// Binds the trust of the cookie to the key of the proof. The browser has just been given both cookies by a sign-in.
pub(in crate::http) async fn bind(
    State(state): State<AppState>,
    headers: HeaderMap,
    PeerAddress(peer): PeerAddress,
    BrowserInfo(client): BrowserInfo,
) -> Result<Response, Problem> {
    let request = state.requests.read(&headers, peer);
    let AuthenticatedSession { record, .. } = state.authenticator.open(&request).await?;
    let browser = cookies::trusted_browser(&headers, state.cookie_names());
    let browser = browser.ok_or_else(Problem::device_proof_refused)?;
    let jwt = proof(&headers).ok_or_else(Problem::device_proof_refused)?;
    let verified = state.bindings.verify_trust_registration(&browser, jwt);
    let key = verified.await.map_err(refused)?;
    let jkt = thumbprint(&key).ok_or_else(Problem::device_proof_refused)?;
    let bound = state
        .auth
        .bind_trusted_browser(&record.refresh_token, (&browser.token, &jkt), &client)
        .await;
    match bound {
        Ok(()) => {}
        // The sign-in was of another account, or the trust has ended since.
        Err(error) if error.is_refused_as(ErrorReason::FactorNotFound) => {
            return Err(Problem::device_proof_refused());
        }
        Err(error) => return Err(ServiceError::from(error).into()),
    }
    let accepted = state.bindings.trust_proof(&browser, &key);
    let browser = TrustedBrowserCookie {
        key: Some(key),
        ..browser
    };
    let cookie = set_cookie::set_trusted(state.cookie_names(), &browser, MAX_LIFETIME);
    Ok(with_cookie(proved(&state, &browser, &accepted), cookie))
}

/// Verifies the proof for the trust of the cookie, or demands one. Whether auth-service still trusts the browser is not asked: the sign-in does.
pub(in crate::http) async fn refresh(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = text(&headers, &SESSION_ID).ok_or_else(Problem::device_proof_refused)?;
    let browser = cookies::trusted_browser(&headers, state.cookie_names());
    // A browser keeps the key of an earlier trust until the response ends it.
    let browser = browser.filter(|one| one.key.is_some() && id == identifier(&one.token));
    let Some(browser) = browser.filter(|_| state.bindings.binds_trust()) else {
        return Ok(Json(SessionEnd::of(id)).into_response());
    };
    let Some(jwt) = proof(&headers) else {
        return Ok(demand_proof(&state, &browser));
    };
    match state.bindings.refresh_trust(&browser, jwt).await {
        Ok(accepted) => Ok(proved(&state, &browser, &accepted)),
        Err(DeviceProofError::Unavailable(error)) => Err(ServiceError::from(error).into()),
        Err(_) => Ok(demand_proof(&state, &browser)),
    }
}

fn refused(error: DeviceProofError) -> Problem {
    match error {
        DeviceProofError::Unavailable(error) => ServiceError::from(error).into(),
        _ => Problem::device_proof_refused(),
    }
}

/// The name of the key in the browser: a hash of the token, which stays a secret.
fn identifier(token: &SecretString) -> String {
    let hash = digest(&SHA256, token.expose_secret().as_bytes());
    format!("trust-{}", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
}

/// The response to a valid proof: the configuration, the proof cookie, and the next challenge.
fn proved(state: &AppState, browser: &TrustedBrowserCookie, accepted: &AcceptedProof) -> Response {
    let (id, names) = (identifier(&browser.token), state.cookie_names());
    let mut response = SessionConfig::of_trust(&id, &state.public_url, names).into_response();
    if let Some(cookie) = set_cookie::set_trusted_proof(names, &accepted.cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    with_challenge(response, &id, &accepted.next_challenge)
}

fn demand_proof(state: &AppState, browser: &TrustedBrowserCookie) -> Response {
    let response = Problem::device_proof_refused().into_response();
    let token = browser.token.expose_secret();
    let challenge = state.bindings.refresh_challenge(token);
    with_challenge(response, &identifier(&browser.token), &challenge)
}
