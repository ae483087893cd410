//! Requests that change something come from our own pages, or from no page at all (ASVS 3.5).

use std::borrow::Cow;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
};

use crate::{
    http::route::{CsrfCheck, CsrfExemption},
    request::fetch_metadata::{RequestInitiator, verify},
};

pub(super) const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Whether a request is rejected because of the page that caused it. What says nothing of where it comes from is let through to the
/// form token, without which no form is read.
pub(super) fn is_rejected(request: &Request, check: CsrfCheck, own_origin: &str) -> bool {
    if request.method().is_safe() {
        return false;
    }
    match check {
        CsrfCheck::Checked => {
            provenance(request.headers(), own_origin) == RequestInitiator::Foreign
        }
        CsrfCheck::Exempt(CsrfExemption::DeviceBinding) => says_cross_site(request.headers()),
        CsrfCheck::Exempt(CsrfExemption::OriginalRequest) => false,
    }
}

pub(super) fn provenance(headers: &HeaderMap, own_origin: &str) -> RequestInitiator {
    let site = joined(headers, SEC_FETCH_SITE);
    let origin = joined(headers, header::ORIGIN.as_str());
    verify(site.as_deref(), origin.as_deref(), Some(own_origin))
}

/// Whether the browser says that a page of another site sent it. Of the requests that browsers send by themselves for a session that
/// is bound to a device none says so.
fn says_cross_site(headers: &HeaderMap) -> bool {
    let site = joined(headers, SEC_FETCH_SITE);
    site.is_some_and(|site| site.as_ref() == b"cross-site" || site.contains(&b','))
}

/// What a header says. Where it came more than once, its values are joined (RFC 9110 §5.3), so that none of them counts alone.
pub(super) fn joined<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, [u8]>> {
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
