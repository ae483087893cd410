//! Log lines about certificates that have expired or expire within two weeks, once a day each.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use holdfast_metrics::{Gauges, Registry};
use rustls_pki_types::CertificateDer;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{files::PemFile, validity::not_after};

/// Time before its expiry from which a certificate is logged.
const LOGGED_BEFORE: Duration = Duration::from_hours(14 * 24);
/// Time between two log lines about the same file.
const INTERVAL: Duration = Duration::from_hours(24);

static NOT_AFTER: LazyLock<Gauges<1>> = LazyLock::new(Gauges::default);

/// Adds the expiry of all certificates that are in use to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "certificate_expiry_timestamp_seconds",
        "Time of expiry of the certificate that expires first, in seconds since 1970, by the setting that names its file",
        NOT_AFTER.clone(),
    );
}

/// The expiry of the certificates in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    setting: &'static str,
    path: PathBuf,
    not_after: Vec<OffsetDateTime>,
    content: Content,
}

/// What the certificates of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// A chain, the own certificate first.
    Chain,
    /// Authorities, each of which can be used without the others.
    Authorities,
}

/// The state of a file that a log line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpiryNotice {
    /// A certificate expires within two weeks.
    ExpiresSoon,
    /// A certificate has expired.
    Expired,
}

/// When each line was last written, so that it is written once a day.
#[derive(Default)]
pub(super) struct ExpiryLog(HashMap<(PathBuf, ExpiryNotice), OffsetDateTime>);

impl Expiry {
    /// The expiry of the chain in `file`, the own certificate first.
    #[must_use]
    pub fn of(file: &PemFile, chain: &[CertificateDer<'_>]) -> Self {
        Self::with(file, chain, Content::Chain)
    }

    /// The expiry of the authorities in `file`.
    #[must_use]
    pub fn of_authorities(file: &PemFile, certificates: &[CertificateDer<'_>]) -> Self {
        Self::with(file, certificates, Content::Authorities)
    }

    fn with(file: &PemFile, certificates: &[CertificateDer<'_>], content: Content) -> Self {
        let not_after = certificates.iter().filter_map(|der| not_after(der));
        let not_after: Vec<_> = not_after.collect();
        if let Some(first) = not_after.iter().min() {
            let gauge = NOT_AFTER.get_or_create_owned(&[("setting", file.setting)]);
            gauge.set(first.unix_timestamp());
        }
        Self {
            setting: file.setting,
            path: file.path.clone(),
            not_after,
            content,
        }
    }

    /// Whether the file cannot be used any more, as its own certificate or all of its authorities have expired. Other certificates may have
    /// expired without an effect: a cross-signed root, or an authority that was replaced.
    #[must_use]
    pub fn is_unusable(&self, now: OffsetDateTime) -> bool {
        let has_expired = |end: &OffsetDateTime| *end <= now;
        match self.content {
            Content::Chain => self.not_after.first().is_some_and(has_expired),
            Content::Authorities => {
                !self.not_after.is_empty() && self.not_after.iter().all(has_expired)
            }
        }
    }

    /// The setting that names the file.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The states at this time, each with a time of expiry: the earliest one that is near, and the earliest one that has passed.
    pub fn notices(
        &self,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (ExpiryNotice, OffsetDateTime)> + use<> {
        let (passed, ahead): (Vec<_>, Vec<_>) = self.not_after.iter().partition(|end| **end <= now);
        let near = ahead
            .into_iter()
            .filter(move |end| *end - now <= LOGGED_BEFORE);
        let soon = near.min().map(|end| (ExpiryNotice::ExpiresSoon, end));
        let expired = passed
            .into_iter()
            .min()
            .map(|end| (ExpiryNotice::Expired, end));
        soon.into_iter().chain(expired)
    }
}

impl ExpiryLog {
    /// Writes the lines that are due.
    pub(super) fn report(&mut self, expiries: &[Expiry], now: OffsetDateTime) {
        for (expiry, notice, end) in self.due(expiries, now) {
            let (setting, file) = (expiry.setting, expiry.path.display());
            let end = end.format(&Rfc3339).unwrap_or_default();
            match notice {
                ExpiryNotice::ExpiresSoon => {
                    tracing::warn!(
                        event = "certificate.expires_soon",
                        setting,
                        %file,
                        end,
                        "a certificate expires soon; replace it"
                    );
                }
                ExpiryNotice::Expired => {
                    tracing::error!(
                        event = "certificate.expired",
                        setting,
                        %file,
                        end,
                        "a certificate has expired; replace it"
                    );
                }
            }
        }
    }

    fn due<'a>(
        &mut self,
        expiries: &'a [Expiry],
        now: OffsetDateTime,
    ) -> Vec<(&'a Expiry, ExpiryNotice, OffsetDateTime)> {
        let notices = expiries.iter().flat_map(|expiry| {
            let notices = expiry.notices(now);
            notices.map(move |(notice, end)| (expiry, notice, end))
        });
        notices
            .filter(|(expiry, notice, _)| {
                let logged_at = self.0.entry((expiry.path.clone(), *notice));
                let mut is_due = false;
                logged_at
                    .and_modify(|last| {
                        // An absolute difference, as the clock may be set back.
                        if (now - *last).unsigned_abs() >= INTERVAL {
                            (*last, is_due) = (now, true);
                        }
                    })
                    .or_insert_with(|| {
                        is_due = true;
                        now
                    });
                is_due
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const HOUR: Duration = Duration::from_hours(1);
    const DAY: Duration = Duration::from_hours(24);

    fn file(ends: &[OffsetDateTime]) -> Expiry {
        Expiry {
            setting: "AUTH_TLS_CERT",
            path: "/etc/own.pem".into(),
            not_after: ends.to_vec(),
            content: Content::Chain,
        }
    }

    #[test]
    fn chain_is_unusable_without_its_own_certificate_and_a_bundle_without_all() {
        let (past, future) = (NOW - DAY, NOW + DAY);
        let is_unusable = |content, ends: &[_]| {
            let expiry = Expiry {
                content,
                ..file(ends)
            };
            expiry.is_unusable(NOW)
        };
        assert!(is_unusable(Content::Chain, &[past, future]));
        assert!(!is_unusable(Content::Chain, &[future, past]));
        assert!(!is_unusable(Content::Authorities, &[past, future]));
        assert!(is_unusable(Content::Authorities, &[past, past]));
        assert!(!is_unusable(Content::Authorities, &[]));
    }

    fn due(log: &mut ExpiryLog, expiry: &Expiry, now: OffsetDateTime) -> Vec<ExpiryNotice> {
        let due = log.due(std::slice::from_ref(expiry), now);
        due.into_iter().map(|(_, notice, _)| notice).collect()
    }

    #[test]
    fn expiry_is_logged_daily_from_two_weeks_before() {
        let mut log = ExpiryLog::default();
        let expiry = file(&[NOW + 14 * DAY + HOUR]);
        assert_eq!(due(&mut log, &expiry, NOW), []);
        assert_eq!(
            due(&mut log, &expiry, NOW + HOUR),
            [ExpiryNotice::ExpiresSoon]
        );
        assert_eq!(due(&mut log, &expiry, NOW + 2 * HOUR), []);
        assert_eq!(due(&mut log, &expiry, NOW + DAY), []);
        assert_eq!(
            due(&mut log, &expiry, NOW + DAY + HOUR),
            [ExpiryNotice::ExpiresSoon]
        );
        let end = NOW + 14 * DAY + HOUR;
        assert_eq!(due(&mut log, &expiry, end), [ExpiryNotice::Expired]);
        assert_eq!(due(&mut log, &expiry, end + HOUR), []);
        assert_eq!(due(&mut log, &expiry, end + DAY), [ExpiryNotice::Expired]);
    }

    #[test]
    fn clock_set_back_delays_a_line_by_at_most_a_day() {
        let mut log = ExpiryLog::default();
        let expiry = file(&[NOW]);
        assert_eq!(
            due(&mut log, &expiry, NOW + 100 * DAY),
            [ExpiryNotice::Expired]
        );
        assert_eq!(due(&mut log, &expiry, NOW + DAY), [ExpiryNotice::Expired]);
    }

    #[test]
    fn bundle_causes_one_line_of_each_kind() {
        let mut log = ExpiryLog::default();
        let ends = [
            NOW - DAY,
            NOW - HOUR,
            NOW + DAY,
            NOW + 2 * DAY,
            NOW + 99 * DAY,
        ];
        let expiry = file(&ends);
        let due = log.due(std::slice::from_ref(&expiry), NOW);
        let due: Vec<_> = due
            .into_iter()
            .map(|(_, notice, end)| (notice, end))
            .collect();
        assert_eq!(
            due,
            [
                (ExpiryNotice::ExpiresSoon, NOW + DAY),
                (ExpiryNotice::Expired, NOW - DAY)
            ]
        );
    }
}
