use super::*;

#[test]
fn canonical_items_are_read() {
    let cases: [(&[u8], Value<'_>); 12] = [
        (&[0x17], Value::Integer(23)),
        (&[0x18, 24], Value::Integer(24)),
        (&[0x20], Value::Integer(-1)),
        (&[0x38, 24], Value::Integer(-25)),
        (&[0x39, 1, 0], Value::Integer(-257)),
        (
            &[0x3b, 255, 255, 255, 255, 255, 255, 255, 255],
            Value::Integer(-1 - i128::from(u64::MAX)),
        ),
        (&[0x42, 1, 2], Value::Bytes(&[1, 2])),
        (&[0x61, b'a'], Value::Text("a")),
        (&[0x80], Value::Array(Vec::new())),
        (
            &[0xa1, 1, 0x81, 0xf6],
            Value::Map(vec![(Value::Integer(1), Value::Array(vec![Value::Null]))]),
        ),
        (&[0xf4], Value::Bool(false)),
        // The order of keys is not significant.
        (
            &[0xa2, 2, 0, 1, 0],
            Value::Map(vec![
                (Value::Integer(2), Value::Integer(0)),
                (Value::Integer(1), Value::Integer(0)),
            ]),
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Value::parse(bytes), Ok(expected), "{bytes:02x?}");
    }
}

#[test]
fn other_encodings_are_refused() {
    use InvalidCbor::{DuplicateKey, Malformed, NotCanonical, TrailingBytes, Unsupported};
    let cases: [(&[u8], InvalidCbor); 38] = [
        (&[], Malformed),
        (&[0x18], Malformed),
        (&[0x38], Malformed),
        (&[0x1c], Malformed),
        (&[0x3f], Malformed),
        (&[0x42, 1], Malformed),
        (&[0x5b, 255, 255, 255, 255, 255, 255, 255, 255], Malformed),
        (&[0x61, 0xff], Malformed),
        (&[0x81], Malformed),
        (&[0xa1, 1], Malformed),
        (&[0xff], NotCanonical),
        // Integers that are longer than necessary.
        (&[0x18, 23], NotCanonical),
        (&[0x19, 0, 255], NotCanonical),
        (&[0x1a, 0, 0, 255, 255], NotCanonical),
        (&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255], NotCanonical),
        (&[0x38, 23], NotCanonical),
        (&[0x39, 0, 255], NotCanonical),
        (&[0x58, 1, 0], NotCanonical),
        (&[0x59, 0, 1, 0], NotCanonical),
        (&[0x78, 1, b'a'], NotCanonical),
        (&[0x98, 0], NotCanonical),
        (&[0xb8, 0], NotCanonical),
        // Indefinite lengths.
        (&[0x5f, 0x41, 0, 0xff], NotCanonical),
        (&[0x7f, 0x61, b'a', 0xff], NotCanonical),
        (&[0x9f, 0xff], NotCanonical),
        (&[0xbf, 0xff], NotCanonical),
        (&[0xa2, 1, 0, 1, 0], DuplicateKey),
        (&[0xa2, 0x61, b'a', 0, 0x61, b'a', 0], DuplicateKey),
        (&[0xa1, 0, 0xa2, 1, 0, 1, 0], DuplicateKey),
        // The same key in two encodings.
        (&[0xa2, 1, 0, 0x18, 1, 0], NotCanonical),
        (&[0, 0], TrailingBytes),
        (&[0xa0, 0xff], TrailingBytes),
        (&[0xc0, 0], Unsupported),
        (&[0xf7], Unsupported),
        (&[0xe0], Unsupported),
        (&[0xf8, 32], Unsupported),
        (&[0xf9, 0, 0], Unsupported),
        (&[0xfb, 0, 0, 0, 0, 0, 0, 0, 0], Unsupported),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Value::parse(bytes), Err(expected), "{bytes:02x?}");
    }
}

#[test]
fn size_is_bounded() {
    let nested = |levels: usize| [vec![0x81; levels], vec![0]].concat();
    assert!(Value::parse(&nested(MAX_DEPTH)).is_ok());
    let error = Value::parse(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error, InvalidCbor::TooLarge);
    let error = Value::parse(&vec![0x81; 100_000]).unwrap_err();
    assert_eq!(error, InvalidCbor::TooLarge);
    for huge in [
        [0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
        [0xbb, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        assert_eq!(Value::parse(&huge), Err(InvalidCbor::TooLarge));
    }
    assert!(Value::parse(&[&[0x98, 64], [0; 64].as_slice()].concat()).is_ok());
    let error = Value::parse(&[&[0x98, 65], [0; 65].as_slice()].concat()).unwrap_err();
    assert_eq!(error, InvalidCbor::TooLarge);
}

#[test]
fn prefix_tells_its_length() {
    assert_eq!(
        Value::parse_prefix(&[0x42, 1, 2, 3]),
        Ok((Value::Bytes(&[1, 2]), 3))
    );
}
