//! Both services in this process, and a browser without scripts.

mod auth_service;
mod factors;
mod forms;
mod grants;
mod passkey;
mod published_keys;
mod receiver;
mod relying_party;
mod requests;
mod response;
mod signing_key;
mod site;
mod time;
mod tls;
mod totp_app;

pub(crate) use self::{
    auth_service::{AuthOptions, REGISTRATION_TOKEN},
    factors::{FactorStep, options_of, secret_of, step},
    forms::form_token,
    passkey::Passkey,
    receiver::RECEIVER_SECRET,
    relying_party::{
        APP_REDIRECT, REDIRECT, SIGNED_OUT, VERIFIER, authorize_path, claims_of, field_of,
        refresh_target, request, response_of,
    },
    requests::with_headers,
    response::{assert_problem, cookie_of, header},
    signing_key::{SigningKey, sha256},
    site::Site,
    time::until,
    totp_app::TotpApp,
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
const SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";
