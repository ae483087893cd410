//! Where somebody goes on after signing in, in the query of the page that asks them to.

use url::form_urlencoded::byte_serialize;

/// As much as fits into the head of a request beside cookies. What is longer would lead to a page that cannot be asked for.
const MAX_LENGTH: usize = 12 * 1024;

/// The text as a value in a query.
pub(super) fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// `/login?next=…` for a `page` such as `/login`. `unsent`: it says that a form that was sent was not passed on.
pub(super) fn page_with(page: &str, next: Option<&str>, unsent: bool) -> String {
    let next = next.map(|next| format!("next={}", encoded(next)));
    let next = next.filter(|next| next.len() <= MAX_LENGTH);
    let unsent = unsent.then(|| "unsent".to_owned());
    let query: Vec<_> = next.into_iter().chain(unsent).collect();
    if query.is_empty() {
        return page.to_owned();
    }
    format!("{page}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_a_head_is_left_out() {
        let page = |next: &str, unsent| page_with("/login", Some(next), unsent);
        assert_eq!(page("/a?b", false), "/login?next=%2Fa%3Fb");
        assert_eq!(page("/a", true), "/login?next=%2Fa&unsent");
        assert_eq!(page_with("/login", None, false), "/login");
        assert_eq!(page_with("/login", None, true), "/login?unsent");
        assert!(page(&"/a".repeat(3000), false).len() > 12_000);
        assert_eq!(page(&"/a".repeat(3100), true), "/login?unsent");
    }
}
