//! `next` in the query of the pages that a person is redirected to: the address to continue at afterwards.

use url::form_urlencoded::byte_serialize;

/// Longest `next`, in bytes, so that the head of the next request stays below its limit; a longer one is left out.
const MAX_LENGTH: usize = 12 * 1024;

/// Percent-encodes a text as a value in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// `/login?next=…` for a `page` such as `/login`. With `is_unsent` the page says that the form which was sent had no effect.
#[must_use]
pub fn page_with(page: &str, next: Option<&str>, is_unsent: bool) -> String {
    let next = next.map(|next| format!("next={}", encoded(next)));
    let next = next.filter(|next| next.len() <= MAX_LENGTH);
    let unsent = is_unsent.then(|| "unsent".to_owned());
    let query: Vec<_> = next.into_iter().chain(unsent).collect();
    if query.is_empty() {
        return page.to_owned();
    }
    format!("{page}?{}", query.join("&"))
}

/// `target` with one more parameter in its query. The value needs no encoding.
#[must_use]
pub fn with_parameter(target: &str, name: &str, value: &str) -> String {
    let separator = if target.contains('?') { '&' } else { '?' };
    format!("{target}{separator}{name}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_beyond_the_limit_is_left_out() {
        let page = |next: &str, unsent| page_with("/login", Some(next), unsent);
        assert_eq!(page("/a?b", false), "/login?next=%2Fa%3Fb");
        assert_eq!(page("/a", true), "/login?next=%2Fa&unsent");
        assert_eq!(page_with("/login", None, false), "/login");
        assert_eq!(page_with("/login", None, true), "/login?unsent");
        assert!(page(&"/a".repeat(3000), false).len() > 12_000);
        assert_eq!(page(&"/a".repeat(3100), true), "/login?unsent");
    }
}
