//! The behaviour of hostile clients.

use e2e::frames::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, SETTINGS_WITHOUT_WINDOW, frame, head,
};

/// What follows the head of a request on each stream or connection.
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// Some bytes of the body, which never ends.
    Bytes(Vec<u8>),
    /// One byte in each round.
    Trickle,
    /// The whole body; the response is not read.
    Whole(Vec<u8>),
}

/// A kind of client that starts requests and does not finish them.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Number of connections that it keeps open.
    pub(crate) connections: usize,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
    /// Whether it answers `PING` and `SETTINGS`.
    pub(crate) http2: bool,
    /// What it sends at the start of each connection.
    pub(crate) opening: Vec<u8>,
    /// What it sends on each connection in every later round.
    pub(crate) each_round: Vec<u8>,
}

impl Shape {
    /// HTTP/2 with this many requests on each connection.
    pub(crate) fn http2(
        name: &'static str,
        (connections, streams): (usize, u32),
        fields: &[(&str, &str)],
        rest: &Rest,
    ) -> Self {
        let block = head(fields);
        let numbers = || (0..streams).map(|number| number * 2 + 1);
        let of_stream = |stream| {
            let mut frames = frame(HEADERS, END_HEADERS, stream, &block);
            match rest {
                Rest::Nothing | Rest::Trickle => {}
                Rest::Bytes(bytes) => frames.extend(data(stream, 0, bytes)),
                Rest::Whole(bytes) => frames.extend(data(stream, END_STREAM, bytes)),
            }
            frames
        };
        let each_round = match rest {
            Rest::Trickle => numbers().flat_map(|stream| data(stream, 0, &[0])).collect(),
            _ => Vec::new(),
        };
        let settings = match rest {
            Rest::Whole(_) => SETTINGS_WITHOUT_WINDOW,
            _ => SETTINGS,
        };
        Self {
            name,
            connections,
            tls: false,
            http2: true,
            opening: [PREFACE, settings]
                .concat()
                .into_iter()
                .chain(numbers().flat_map(of_stream))
                .collect(),
            each_round,
        }
    }

    /// A connection with bytes that are not a complete request.
    pub(crate) fn bytes(name: &'static str, connections: usize, opening: &[u8]) -> Self {
        Self {
            name,
            connections,
            tls: false,
            http2: false,
            opening: opening.to_vec(),
            each_round: Vec::new(),
        }
    }

    /// Uses TLS.
    pub(crate) fn over_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Sends these bytes in every round.
    pub(crate) fn then(self, each_round: &[u8]) -> Self {
        let each_round = each_round.to_vec();
        Self { each_round, ..self }
    }
}

/// `DATA` frames for a body, split at the largest frame size.
fn data(stream: u32, last_flags: u8, bytes: &[u8]) -> Vec<u8> {
    let chunks: Vec<_> = bytes.chunks(16 * 1024).collect();
    let last = chunks.len().saturating_sub(1);
    let flags = |index| if index == last { last_flags } else { 0 };
    let frames = chunks.iter().enumerate();
    frames
        .flat_map(|(index, chunk)| frame(DATA, flags(index), stream, chunk))
        .collect()
}
