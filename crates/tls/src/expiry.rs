//! The end of certificates, announced two weeks before, and then each day.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use rustls_pki_types::CertificateDer;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{files::PemFile, validity::not_after};

const ANNOUNCED_BEFORE: Duration = Duration::from_hours(14 * 24);
const INTERVAL: Duration = Duration::from_hours(24);

/// When the certificates of a file end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    setting: &'static str,
    path: PathBuf,
    ends: Vec<OffsetDateTime>,
}

/// What is to be said of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Notice {
    /// A certificate ends within two weeks.
    EndsSoon,
    /// A certificate has ended.
    Expired,
}

/// Remembers what was said, so that it is said once a day.
#[derive(Default)]
pub(super) struct ExpiryLog(HashMap<(PathBuf, Notice), OffsetDateTime>);

impl Expiry {
    pub(super) fn of(file: &PemFile, certificates: &[CertificateDer<'_>]) -> Self {
        let ends = certificates.iter().filter_map(|der| not_after(der));
        Self {
            setting: file.setting,
            path: file.path.clone(),
            ends: ends.collect(),
        }
    }

    /// What there is to say at this time, and of which end: of those that are near, and of those that have passed, the earliest.
    fn notices(&self, now: OffsetDateTime) -> impl Iterator<Item = (Notice, OffsetDateTime)> {
        let (passed, ahead): (Vec<_>, Vec<_>) = self.ends.iter().partition(|end| **end <= now);
        let near = ahead
            .into_iter()
            .filter(move |end| *end - now <= ANNOUNCED_BEFORE);
        let soon = near.min().map(|end| (Notice::EndsSoon, end));
        let expired = passed.into_iter().min().map(|end| (Notice::Expired, end));
        soon.into_iter().chain(expired)
    }
}

impl ExpiryLog {
    /// Logs what is due.
    pub(super) fn report(&mut self, expiries: &[Expiry], now: OffsetDateTime) {
        for (expiry, notice, end) in self.due(expiries, now) {
            let (setting, file) = (expiry.setting, expiry.path.display());
            let end = end.format(&Rfc3339).unwrap_or_default();
            match notice {
                Notice::EndsSoon => {
                    tracing::warn!(setting, %file, end, "a certificate ends soon; replace it");
                }
                Notice::Expired => {
                    tracing::error!(setting, %file, end, "a certificate has expired; replace it");
                }
            }
        }
    }

    fn due<'a>(
        &mut self,
        expiries: &'a [Expiry],
        now: OffsetDateTime,
    ) -> Vec<(&'a Expiry, Notice, OffsetDateTime)> {
        let notices = expiries.iter().flat_map(|expiry| {
            let of_one = expiry.notices(now);
            of_one.map(move |(notice, end)| (expiry, notice, end))
        });
        notices
            .filter(|(expiry, notice, _)| {
                let said = self.0.entry((expiry.path.clone(), *notice));
                let mut is_due = false;
                said.and_modify(|last| {
                    // Also where the clock was set back.
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
            ends: ends.to_vec(),
        }
    }

    fn due(log: &mut ExpiryLog, expiry: &Expiry, now: OffsetDateTime) -> Vec<Notice> {
        let due = log.due(std::slice::from_ref(expiry), now);
        due.into_iter().map(|(_, notice, _)| notice).collect()
    }

    #[test]
    fn end_is_announced_two_weeks_before_and_then_daily_until_it_is_an_error() {
        let mut log = ExpiryLog::default();
        let expiry = file(&[NOW + 14 * DAY + HOUR]);
        assert_eq!(due(&mut log, &expiry, NOW), []);
        assert_eq!(due(&mut log, &expiry, NOW + HOUR), [Notice::EndsSoon]);
        assert_eq!(due(&mut log, &expiry, NOW + 2 * HOUR), []);
        assert_eq!(due(&mut log, &expiry, NOW + DAY), []);
        assert_eq!(due(&mut log, &expiry, NOW + DAY + HOUR), [Notice::EndsSoon]);
        let end = NOW + 14 * DAY + HOUR;
        assert_eq!(due(&mut log, &expiry, end), [Notice::Expired]);
        assert_eq!(due(&mut log, &expiry, end + HOUR), []);
        assert_eq!(due(&mut log, &expiry, end + DAY), [Notice::Expired]);
    }

    #[test]
    fn clock_that_was_set_back_silences_nothing_for_more_than_a_day() {
        let mut log = ExpiryLog::default();
        let expiry = file(&[NOW]);
        assert_eq!(due(&mut log, &expiry, NOW + 100 * DAY), [Notice::Expired]);
        assert_eq!(due(&mut log, &expiry, NOW + DAY), [Notice::Expired]);
    }

    #[test]
    fn bundle_says_one_line_of_each_kind() {
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
            [(Notice::EndsSoon, NOW + DAY), (Notice::Expired, NOW - DAY)]
        );
    }
}
