//! A page has one address, without a slash at its end. The same address with one redirects to it.

use axum::{http::Uri, response::Redirect};

/// Permanent (308), so that the body of a form is kept. The route is one of this service, so that the target begins with its name,
/// and not with a host.
pub(in crate::http) async fn redirect(uri: Uri) -> Redirect {
    let path = uri.path().trim_end_matches('/');
    let query = uri.query().map(|query| format!("?{query}"));
    Redirect::permanent(&format!("{path}{}", query.unwrap_or_default()))
}
