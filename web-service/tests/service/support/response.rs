//! Parts of a response, and what is asserted of it.

use reqwest::Response;
use serde_json::Value;

/// The cookie that a response sets, as `name=value`.
pub(crate) fn cookie_of(response: &Response, name: &str) -> Option<String> {
    let mut cookies = response.headers().get_all("set-cookie").into_iter();
    cookies.find_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?;
        pair.starts_with(&format!("{name}="))
            .then(|| pair.to_owned())
    })
}

/// A header field of a response; empty where it is absent.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// Asserts status, media type and reason of a `problem+json` response; returns its challenge.
pub(crate) async fn assert_problem(response: Response, status: u16, reason: &str) -> String {
    let challenge = header(&response, "www-authenticate").to_owned();
    assert_eq!(
        header(&response, "content-type"),
        "application/problem+json"
    );
    let answered = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(
        (answered, problem["reason"].as_str().unwrap()),
        (status, reason),
        "{problem}"
    );
    assert_eq!(problem["status"], status);
    challenge
}
