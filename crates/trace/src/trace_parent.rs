//! The header `traceparent` (W3C Trace Context, §3.2).

use std::{fmt, str::FromStr};

use thiserror::Error;

/// The flag `sampled` (§3.2.2.5.1).
const SAMPLED: u8 = 1;

/// Characters of a header of version 00.
const LENGTH: usize = 55;

/// The position of a span in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    span_id: u64,
    is_sampled: bool,
}

/// The text is no `traceparent`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a traceparent of W3C Trace Context")]
pub struct InvalidTraceParent;

impl TraceParent {
    /// The span of these identifiers; `None` if one of them is 0, which is invalid.
    #[must_use]
    pub const fn new(trace_id: u128, span_id: u64, is_sampled: bool) -> Option<Self> {
        if trace_id == 0 || span_id == 0 {
            return None;
        }
        Some(Self {
            trace_id,
            span_id,
            is_sampled,
        })
    }

    /// The identifier of the trace as a number. [`trace_id`](Self::trace_id) is its text.
    #[must_use]
    pub const fn trace_number(self) -> u128 {
        self.trace_id
    }

    /// The identifier of the span as a number.
    #[must_use]
    pub const fn span_number(self) -> u64 {
        self.span_id
    }

    /// The identifier of the trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.is_sampled
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        write!(
            f,
            "00-{:032x}-{:016x}-{flags:02x}",
            self.trace_id, self.span_id
        )
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    /// Parses a header. Of a later version, the fields of version 00 are used (§3.2.4).
    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        let mut fields = text.split('-');
        let mut next = |digits| fields.next().and_then(|field| hexadecimal(field, digits));
        let (Some(version), Some(trace_id), Some(span_id), Some(flags)) =
            (next(2), next(32), next(16), next(2))
        else {
            return Err(InvalidTraceParent);
        };
        let has_more = fields.next().is_some();
        if version == 0xff || (version == 0 && (has_more || text.len() != LENGTH)) {
            return Err(InvalidTraceParent);
        }
        let span_id = u64::try_from(span_id).map_err(|_| InvalidTraceParent)?;
        let is_sampled = flags & u128::from(SAMPLED) != 0;
        Self::new(trace_id, span_id, is_sampled).ok_or(InvalidTraceParent)
    }
}

/// The number in a field of exactly so many lower-case hexadecimal digits.
fn hexadecimal(field: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if field.len() != digits || !field.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(field, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN_ID: &str = "00f067aa0ba902b7";

    #[test]
    fn header_is_parsed_and_written() {
        for (flags, is_sampled) in [("00", false), ("01", true)] {
            let text = format!("00-{TRACE_ID}-{SPAN_ID}-{flags}");
            let parsed: TraceParent = text.parse().unwrap();
            assert_eq!(parsed.is_sampled(), is_sampled);
            assert_eq!(parsed.trace_id(), TRACE_ID);
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn later_version_and_unknown_flags_are_parsed() {
        for text in [
            format!("00-{TRACE_ID}-{SPAN_ID}-ff"),
            format!("cc-{TRACE_ID}-{SPAN_ID}-01"),
            format!("cc-{TRACE_ID}-{SPAN_ID}-01-what-comes-later"),
        ] {
            let parsed: TraceParent = text.parse().unwrap();
            assert!(parsed.is_sampled());
            assert_eq!(parsed.trace_id(), TRACE_ID);
        }
    }

    #[test]
    fn invalid_header_is_rejected() {
        for text in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE_ID}-{SPAN_ID}"),
            format!("00-{TRACE_ID}-{SPAN_ID}-1"),
            format!("00-{TRACE_ID}-{SPAN_ID}-01-"),
            format!("00-{TRACE_ID}-{SPAN_ID}-01-more"),
            format!("ff-{TRACE_ID}-{SPAN_ID}-01"),
            format!("00-{}-{SPAN_ID}-01", TRACE_ID.to_uppercase()),
            format!("00-{}-{SPAN_ID}-01", "0".repeat(32)),
            format!("00-{TRACE_ID}-{}-01", "0".repeat(16)),
            format!("00-{TRACE_ID}-+0f067aa0ba902b7-01"),
            format!(" 00-{TRACE_ID}-{SPAN_ID}-01"),
            format!("00-{}-{SPAN_ID}-01", &TRACE_ID[1..]),
        ] {
            assert_eq!(
                text.parse::<TraceParent>(),
                Err(InvalidTraceParent),
                "{text}"
            );
        }
    }
}
