//! Applications with OpenID Connect libraries of other projects, to which a person signs in with Chromium.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod apache;
mod application;
mod guide;
mod journey;
mod next;

use application::{Application, Language};
use journey::Journey;

/// An application with the paths and the texts that most of them have.
const COMMON: Application = Application {
    file: "",
    language: Language::Node,
    is_public: false,
    id_token_algorithm: "ES256",
    access_ttl: "15m",
    // Another site than that of the provider, whose host is `localhost`.
    host: "127.0.0.1",
    callback: "/callback",
    sign_in: "/login",
    button: None,
    requires_consent: false,
    userinfo: "/userinfo",
    refresh: "/refresh",
    refreshed: "Refreshed",
    refused: ["Failed: "; 2],
    sign_out: Some("/logout"),
    signed_out: "/",
};

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "openid_client.mjs",
        id_token_algorithm: "EdDSA",
        ..COMMON
    };
    let journey = Journey::start(&application).await;
    journey.deny_consent().await;
    journey.complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "oauth4webapi.mjs",
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openidconnect_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "openidconnect",
        language: Language::Rust,
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

/// A page exchanges the code itself (CORS), with tokens that are bound to a key of the browser (DPoP).
#[tokio::test(flavor = "multi_thread")]
async fn oidc_client_ts_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "oidc_client_ts.mjs",
        requires_consent: true,
        is_public: true,
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn express_openid_connect_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "express_openid_connect.mjs",
        signed_out: "",
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passport_openidconnect_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "passport_openidconnect.mjs",
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

/// Auth.js without a framework. It ends its own session only.
#[tokio::test(flavor = "multi_thread")]
async fn auth_core_completes_sign_in_and_refresh() {
    let application = Application {
        file: "auth_core.mjs",
        callback: "/auth/callback/holdfast",
        sign_in: "/auth/signin",
        button: Some("Sign in with Holdfast"),
        sign_out: None,
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

/// Tokens are refreshed at each request, as they expire within a minute. Where that fails, Auth.js ends its session.
#[tokio::test(flavor = "multi_thread")]
async fn next_with_auth_js_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "next",
        language: Language::Next,
        access_ttl: "30s",
        // Next.js replaces a loopback address by it in the URL of each request.
        host: "localhost",
        callback: "/api/auth/callback/holdfast",
        sign_in: "/",
        button: Some("Sign in"),
        refresh: "/",
        refreshed: "Signed in as ada",
        refused: ["Signed out"; 2],
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authlib_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "flask_authlib.py",
        language: Language::Python,
        id_token_algorithm: "EdDSA",
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mozilla_django_oidc_completes_sign_in_silent_renewal_and_sign_out() {
    let application = Application {
        file: "django_mozilla.py",
        language: Language::Python,
        callback: "/oidc/callback/",
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

/// django-allauth ends its own session only.
#[tokio::test(flavor = "multi_thread")]
async fn django_allauth_completes_sign_in_and_refresh() {
    let application = Application {
        file: "django_allauth.py",
        language: Language::Python,
        callback: "/accounts/oidc/holdfast/login/callback/",
        sign_out: None,
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

/// It refuses a provider without RS256, which OpenID Connect Discovery 1.0 §3 requires, and sends `prompt=consent` with `offline_access`.
#[tokio::test(flavor = "multi_thread")]
async fn idpyoidc_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "flask_idpyoidc.py",
        requires_consent: true,
        language: Language::Python,
        id_token_algorithm: "RS256",
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}

/// The whole site requires a sign-in. The token is refreshed at each request, and where that fails the person signs in again.
#[tokio::test(flavor = "multi_thread")]
async fn mod_auth_openidc_completes_sign_in_refresh_and_sign_out() {
    let application = Application {
        file: "mod_auth_openidc.conf",
        language: Language::Apache,
        sign_in: "/",
        userinfo: "/",
        refresh: "/",
        refreshed: "Signed in as ada",
        refused: ["Logged Out", "Username"],
        sign_out: Some("/callback?logout={BASE_URL}/signed-out.shtml"),
        signed_out: "/signed-out.shtml",
        ..COMMON
    };
    Journey::start(&application).await.complete().await;
}
