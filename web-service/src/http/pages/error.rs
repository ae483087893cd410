//! Error pages, and what is answered where a page's session is missing.

use std::{borrow::Cow, time::Duration};

use askama::Template;
use axum::{
    http::{Method, StatusCode, Uri, uri::PathAndQuery},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    http::pages::{
        form_error::sentence,
        render::{page, with_wait},
        self_reload::SelfReload,
    },
    request::next_query,
    service_error::{ServiceError, UnavailableReason},
    session::authenticator::SessionError,
};

/// A page with the error and what the person can do.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub(in crate::http) struct ErrorPage {
    status: StatusCode,
    title: &'static str,
    text: Cow<'static, str>,
    retry_after: Option<Duration>,
    /// Whether it links to the sign-in page.
    signs_in_again: bool,
    /// The address of the page with the form that was sent.
    form: Option<String>,
    /// A page that helps: its address, and the text of the link.
    help: Option<(&'static str, &'static str)>,
}

impl ErrorPage {
    fn new(status: StatusCode, title: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            title,
            text: text.into(),
            retry_after: None,
            signs_in_again: false,
            form: None,
            help: None,
        }
    }

    /// Adds a link to the page with the form that was sent to `uri`.
    fn of_form(self, uri: &Uri) -> Self {
        Self {
            form: Some(page_of(uri).to_owned()),
            ..self
        }
    }

    pub(in crate::http) fn foreign_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This request came from another site",
            "Nothing was changed. If you meant to do this, go to the page here and do it again.",
        )
    }

    pub(in crate::http) fn bad_host() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "This request cannot be read",
            "Nothing was changed. The request does not name exactly one valid host.",
        )
    }

    pub(in crate::http) fn head_too_large() -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Your browser sent too many cookies",
            "Nothing was changed, and you are not signed out. Applications of this site, or of its domain, have left more cookies \
             in your browser than can be sent along. Please delete the cookies of this site in your browser's settings, and \
             load the page again. You may have to sign in again then.",
        )
    }

    pub(in crate::http) fn form_out_of_date(uri: &Uri) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This form is out of date",
            "Nothing was changed: this browser has signed in, or confirmed a password, since the page was loaded. Load the page \
             again and do it there. Cookies must be allowed for this site.",
        )
        .of_form(uri)
    }

    /// The same, with the address of the page that has the form.
    pub(in crate::http) fn form_of_page_out_of_date(uri: &Uri, page: String) -> Self {
        Self {
            form: Some(page),
            ..Self::form_out_of_date(uri)
        }
    }

    /// A request of a relying party that cannot be answered to it (`AUTHORIZATION_INVALID`).
    pub(in crate::http) fn authorization_invalid(message: &str) -> Self {
        let text = format!(
            "{} Nothing was changed. Go back to the application, and start there again.",
            sentence(message)
        );
        let title = "This request of an application is not valid";
        Self::new(StatusCode::BAD_REQUEST, title, text)
    }

    pub(in crate::http) fn unreadable_form(status: StatusCode) -> Self {
        Self::new(
            status,
            "This form cannot be read",
            "Nothing was changed. Go back, reload the page, and try again.",
        )
    }

    pub(in crate::http) fn no_device_proof(uri: &Uri) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Is this still your device?",
            "Nothing was changed: your browser did not show that it is. Load the page again and do it there.",
        )
        .of_form(uri)
    }

    fn device_not_asked(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            signs_in_again: true,
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "We cannot do this right now",
                "Your browser could not show that this is still your device, as we did not answer it. You are not signed out. \
                 Please try again in a few minutes, or sign in again.",
            )
        }
    }

    pub(in crate::http) fn not_bound() -> Self {
        Self {
            signs_in_again: true,
            ..Self::new(
                StatusCode::FORBIDDEN,
                "This browser cannot keep you signed in here",
                "Sign-ins are bound to the device here, so that nobody can use a stolen cookie, and this browser did not \
             take part. Please sign in again; if that does not help, use a current Chrome or Edge on a computer with a security \
             chip, or ask the operator of this site.",
            )
        }
    }

    /// The account has no factor as strong as an application requires.
    pub(in crate::http) fn factor_not_enrolled() -> Self {
        Self {
            help: Some(("/account/security", "Security of your account")),
            ..Self::new(
                StatusCode::FORBIDDEN,
                "This needs a stronger factor",
                "The application asks for a stronger sign-in than your account has set up, such as a passkey. Set one up first, and then \
                 go back to the application.",
            )
        }
    }

    /// A change of the account's factors that is not possible now.
    pub(in crate::http) fn factor_not_changed(text: &'static str) -> Self {
        Self {
            help: Some(("/account/security", "Security of your account")),
            ..Self::new(StatusCode::CONFLICT, "Nothing was changed", text)
        }
    }

    fn unavailable(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "We cannot do this right now",
                "A part of this service does not answer. You are not signed out. Please try again in a moment.",
            )
        }
    }

    fn throttled(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "This was asked too often",
                "Nothing was changed, and you are not signed out. Please wait a little and try again.",
            )
        }
    }

    pub(in crate::http) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "This did not arrive in time",
            "Nothing was changed. Your connection may be slow; please try again.",
        )
    }

    fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong here",
            "It is not your fault, and it was noted. Please try again later.",
        )
    }
}

impl From<ServiceError> for ErrorPage {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Unavailable {
                reason: UnavailableReason::DeviceNotAsked,
                retry_after,
            } => Self::device_not_asked(retry_after),
            ServiceError::Unavailable { retry_after, .. } => Self::unavailable(retry_after),
            ServiceError::Throttled { retry_after } => Self::throttled(retry_after),
            ServiceError::InvalidRequest => Self::unreadable_form(StatusCode::BAD_REQUEST),
            ServiceError::Internal => Self::internal(),
        }
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        with_wait(page(self.status, &self), self.retry_after)
    }
}

/// The answer in place of a page that needs a session.
pub(in crate::http) enum PageRejection {
    /// A redirect to the sign-in page.
    SignIn(Redirect),
    /// A page that loads itself again, so that the browser renews the device proof.
    SelfReload(SelfReload),
    /// An error page.
    Error(ErrorPage),
}

impl PageRejection {
    /// A redirect to the sign-in page, and from there back to the requested page. A form is not sent again: the sign-in page says so,
    /// and leads back to the page that has the form.
    pub(in crate::http) fn sign_in(method: &Method, uri: &Uri) -> Self {
        let (next, unsent) = if method.is_safe() {
            (address(uri), false)
        } else {
            (page_of(uri), true)
        };
        let target = next_query::page_with("/login", Some(next), unsent);
        Self::SignIn(Redirect::to(&target))
    }

    /// The answer where the session ended while a form was processed.
    pub(in crate::http) fn after_form(error: SessionError) -> Self {
        match error {
            SessionError::NoSession | SessionError::NoDeviceProof => {
                Self::SignIn(Redirect::to("/login?unsent"))
            }
            SessionError::NotBound => Self::Error(ErrorPage::not_bound()),
            SessionError::Failed(error) => Self::Error(error.into()),
        }
    }
}

impl IntoResponse for PageRejection {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(redirect) => redirect.into_response(),
            Self::SelfReload(page) => page.into_response(),
            Self::Error(page) => page.into_response(),
        }
    }
}

fn address(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", PathAndQuery::as_str)
}

/// The page with the form that is sent to `uri`.
fn page_of(uri: &Uri) -> &str {
    match uri.path() {
        "/logout" => "/dashboard",
        path if path.starts_with("/account/logins/") => "/account/logins",
        path if path.starts_with("/account/applications/") => "/account/applications",
        path if path.starts_with("/account/passkeys/") => "/account/passkeys",
        path if path.starts_with("/account/totp/") => "/account/totp",
        path if path.starts_with("/account/factors/")
            || path == "/account/password/remove"
            || path.starts_with("/account/trusted-browsers/") =>
        {
            "/account/security"
        }
        _ => address(uri),
    }
}

/// For paths without a page.
pub(in crate::http) async fn not_found() -> ErrorPage {
    no_such_page()
}

pub(super) fn no_such_page() -> ErrorPage {
    ErrorPage::new(
        StatusCode::NOT_FOUND,
        "There is no such page",
        "The address may be mistyped, or the page has moved.",
    )
}

/// For methods that a page does not have.
pub(in crate::http) async fn method_not_allowed() -> ErrorPage {
    ErrorPage::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This page cannot be used like that",
        "Nothing was changed.",
    )
}
