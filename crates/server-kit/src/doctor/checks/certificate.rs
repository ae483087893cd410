//! Expiry of certificates.

use holdfast_tls::{Expiry, ExpiryNotice};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::doctor::{Check, Finding, or_ok};

/// Assesses the expiry of certificates: a warning from two weeks before. An expired one is an error where the file cannot be used without
/// it, and a warning otherwise.
#[must_use]
pub fn assess_expiry(
    check: &'static Check,
    expiries: &[Expiry],
    now: OffsetDateTime,
) -> Vec<Finding> {
    let notices = expiries.iter().flat_map(|expiry| {
        let notices = expiry.notices(now);
        let is_unusable = expiry.is_unusable(now);
        notices.map(move |(notice, end)| finding(check, expiry, (notice, end), is_unusable))
    });
    or_ok(
        notices.collect(),
        check,
        "no certificate expires within two weeks",
    )
}

fn finding(
    check: &'static Check,
    expiry: &Expiry,
    (notice, end): (ExpiryNotice, OffsetDateTime),
    is_unusable: bool,
) -> Finding {
    let end = end.format(&Rfc3339).unwrap_or_default();
    let name = format!(
        "a certificate of {} ({})",
        expiry.path().display(),
        expiry.setting()
    );
    let remedy =
        "replace the certificate; a running service uses the changed file within two seconds";
    match notice {
        ExpiryNotice::ExpiresSoon => check.warning(format!("{name} expires at {end}"), remedy),
        ExpiryNotice::Expired if is_unusable => {
            check.error(format!("{name} has expired at {end}"), remedy)
        }
        ExpiryNotice::Expired => check.warning(
            format!("{name} has expired at {end}, without which the others can be used"),
            "remove it from the file",
        ),
    }
}
