//! Pages have one address, without a slash at its end; who asks with one is led there.

use axum::{
    Router,
    http::Uri,
    response::Redirect,
    routing::{MethodRouter, any},
};

/// Routes of pages.
pub(in crate::http) trait PageRoutes<S> {
    /// A page at `path`, and with a slash behind it a permanent redirect (308, so that a form's body is kept).
    fn page(self, path: &str, page: MethodRouter<S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> PageRoutes<S> for Router<S> {
    fn page(self, path: &str, page: MethodRouter<S>) -> Self {
        self.route(path, page)
            .route(&format!("{path}/"), any(without_slash))
    }
}

/// The route is one of ours, so that the target begins with its name, and not with a host.
async fn without_slash(uri: Uri) -> Redirect {
    let path = uri.path().trim_end_matches('/');
    let query = uri.query().map(|query| format!("?{query}"));
    Redirect::permanent(&format!("{path}{}", query.unwrap_or_default()))
}
