//! HTTP/2 below any library: frames as bytes, for clients that break off, wait or flood (RFC 9113 §4, RFC 7541 §6.2).

/// What a client sends first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty `SETTINGS` frame.
pub const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// `SETTINGS_INITIAL_WINDOW_SIZE` of nothing: the client takes no bodies.
pub const SETTINGS_WITHOUT_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];

/// `DATA`.
pub const DATA: u8 = 0;
/// `HEADERS`.
pub const HEADERS: u8 = 1;
/// `RST_STREAM`.
pub const RST_STREAM: u8 = 3;
/// `PING`.
pub const PING: u8 = 6;
/// `GOAWAY`.
pub const GOAWAY: u8 = 7;
/// `CONTINUATION`.
pub const CONTINUATION: u8 = 9;

const SETTINGS_TYPE: u8 = 4;
const ACK: u8 = 1;
const HEAD: usize = 9;

/// The flag `END_STREAM`.
pub const END_STREAM: u8 = 1;
/// The flag `END_HEADERS`.
pub const END_HEADERS: u8 = 4;

/// A frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literal fields without compression; none may be longer than 126 bytes.
#[must_use]
pub fn head(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 127, "{text}");
        [&[length], text.as_bytes()].concat()
    };
    let field = |(name, value): &(&str, &str)| [vec![0], text(name), text(value)].concat();
    fields.iter().flat_map(field).collect()
}

/// What a client has to answer of what came, so that it counts as alive; takes whole frames out of `received`.
#[must_use]
pub fn replies(received: &mut Vec<u8>) -> Vec<u8> {
    let mut replies = Vec::new();
    while let Some((kind, flags, payload)) = first(received) {
        match kind {
            PING if flags & ACK == 0 => replies.extend(frame(PING, ACK, 0, payload)),
            SETTINGS_TYPE if flags & ACK == 0 => replies.extend(frame(SETTINGS_TYPE, ACK, 0, &[])),
            _ => {}
        }
        let length = HEAD + payload.len();
        received.drain(..length);
    }
    replies
}

/// Whether a whole frame of this kind is among `bytes`.
#[must_use]
pub fn has_frame(bytes: &[u8], kind: u8) -> bool {
    let mut rest = bytes;
    while let Some((found, _, payload)) = first(rest) {
        if found == kind {
            return true;
        }
        rest = &rest[HEAD + payload.len()..];
    }
    false
}

/// Type, flags and payload.
fn first(bytes: &[u8]) -> Option<(u8, u8, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let payload = rest.get(..usize::try_from(length).unwrap())?;
    Some((head[3], head[4], payload))
}
