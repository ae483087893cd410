//! Values of header fields that may be repeated.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue};

/// `Sec-Fetch-Site` (Fetch Metadata).
pub const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The value of a header. Where the header is repeated, the values are joined by commas (RFC 9110 §5.3), so that none of them
/// counts alone.
#[must_use]
pub fn joined<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, [u8]>> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = values.next()?;
    let rest: Vec<_> = values.collect();
    Some(if rest.is_empty() {
        first.into()
    } else {
        [&[first], rest.as_slice()]
            .concat()
            .join(b", ".as_slice())
            .into()
    })
}
