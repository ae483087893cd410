//! The expiry of a certificate: the part of X.509 (RFC 5280 §4.1.2.5) that is needed to read it.

use time::{Date, Month, OffsetDateTime, Time};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const EXPLICIT_0: u8 = 0xa0;

/// `notAfter` of a certificate in DER. `None`: it is not a certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<OffsetDateTime> {
    let mut outer = Reader(certificate);
    let mut certificate = Reader(outer.value(SEQUENCE)?);
    let mut body = Reader(certificate.value(SEQUENCE)?);
    // Absent for version 1.
    if body.0.first() == Some(&EXPLICIT_0) {
        body.value(EXPLICIT_0)?;
    }
    body.value(INTEGER)?; // serial number
    body.value(SEQUENCE)?; // algorithm of the signature
    body.value(SEQUENCE)?; // issuer
    let mut validity = Reader(body.value(SEQUENCE)?);
    validity.next()?;
    let (tag, time) = validity.next()?;
    let text = std::str::from_utf8(time).ok()?;
    match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i32 = year.parse().ok()?;
            // RFC 5280 §4.1.2.5.1
            parse_time(year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            parse_time(year.parse().ok()?, rest)
        }
        _ => None,
    }
}

/// Parses `MMDDHHMMSSZ`.
fn parse_time(year: i32, rest: &str) -> Option<OffsetDateTime> {
    let digits = rest.strip_suffix('Z').filter(|digits| digits.len() == 10)?;
    let pair = |index: usize| digits.get(2 * index..2 * index + 2)?.parse::<u8>().ok();
    let month = Month::try_from(pair(0)?).ok()?;
    let date = Date::from_calendar_date(year, month, pair(1)?).ok()?;
    let time = Time::from_hms(pair(2)?, pair(3)?, pair(4)?).ok()?;
    Some(OffsetDateTime::new_utc(date, time))
}

/// The unread rest of DER.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The value of the next element, if it has the expected tag.
    fn value(&mut self, expected: u8) -> Option<&'a [u8]> {
        let (tag, value) = self.next()?;
        (tag == expected).then_some(value)
    }

    /// Tag and value of the next element.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let zero = (length.len() <= 4).then_some(0);
            let append = |length: usize, byte: &u8| (length << 8) | usize::from(*byte);
            (length.iter().fold(zero?, append), rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use time::macros::datetime;

    use super::*;

    #[test]
    fn not_after_is_read_in_both_time_formats() {
        for end in [
            datetime!(2026-12-13 07:08:09 UTC),
            datetime!(2049-12-31 23:59:59 UTC),
            datetime!(2050-01-01 00:00:00 UTC),
            datetime!(9999-12-31 23:59:59 UTC),
        ] {
            let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.not_after = end;
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(not_after(certificate.der()), Some(end));
        }
    }

    #[test]
    fn truncated_certificate_has_no_expiry() {
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = certificate.der();
        for length in 0..der.len() {
            assert_eq!(not_after(&der[..length]), None);
        }
        assert_eq!(
            not_after(&[SEQUENCE, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            None
        );
    }
}
