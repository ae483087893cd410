use super::*;

/// WebAuthn §6.5.1.1.
const P256_X: [u8; 32] = [
    0x65, 0xed, 0xa5, 0xa1, 0x25, 0x77, 0xc2, 0xba, 0xe8, 0x29, 0x43, 0x7f, 0xe3, 0x38, 0x70, 0x1a,
    0x10, 0xaa, 0xa3, 0x75, 0xe1, 0xbb, 0x5b, 0x5d, 0xe1, 0x08, 0xde, 0x43, 0x9c, 0x08, 0x55, 0x1d,
];
const P256_Y: [u8; 32] = [
    0x1e, 0x52, 0xed, 0x75, 0x70, 0x11, 0x63, 0xf7, 0xf9, 0xe4, 0x0d, 0xdf, 0x9f, 0x34, 0x1b, 0x3d,
    0xc9, 0xba, 0x86, 0x0a, 0xf7, 0xe0, 0xca, 0x7c, 0xa7, 0xe9, 0xee, 0xcd, 0x00, 0x84, 0xd1, 0x9c,
];

/// The base point of Ed25519 (RFC 8032 §5.1).
const ED25519_X: [u8; 32] = [
    0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
];

/// A byte string of 32 bytes.
fn string(bytes: [u8; 32]) -> Vec<u8> {
    [[0x58, 32].as_slice(), &bytes].concat()
}

/// A map of these entries.
fn map(entries: &[&[u8]]) -> Vec<u8> {
    let head = 0xa0 | u8::try_from(entries.len()).unwrap();
    [&[head], entries.concat().as_slice()].concat()
}

fn ec2(x: [u8; 32], y: [u8; 32]) -> Vec<u8> {
    let x = [vec![0x21], string(x)].concat();
    let y = [vec![0x22], string(y)].concat();
    map(&[&[1, 2], &[3, 0x26], &[0x20, 1], &x, &y])
}

fn okp(x: [u8; 32]) -> Vec<u8> {
    let x = [vec![0x21], string(x)].concat();
    map(&[&[1, 1], &[3, 0x27], &[0x20, 6], &x])
}

fn rsa(n: &[u8], e: &[u8]) -> Vec<u8> {
    let length = u16::try_from(n.len()).unwrap().to_be_bytes();
    let n = match *n {
        [] => vec![0x20, 0x40],
        _ if n.len() < 256 => [&[0x20, 0x58, length[1]], n].concat(),
        _ => [&[0x20, 0x59], length.as_slice(), n].concat(),
    };
    let e = [&[0x21, 0x40 | u8::try_from(e.len()).unwrap()], e].concat();
    map(&[&[1, 3], &[3, 0x39, 1, 0], &n, &e])
}

#[test]
fn keys_are_read_with_their_algorithm() {
    for (cose, algorithm) in [
        (ec2(P256_X, P256_Y), Algorithm::Es256),
        (okp(ED25519_X), Algorithm::EdDsa),
        (rsa(&[0xff; 256], &[1, 0, 1]), Algorithm::Rs256),
        (rsa(&[0x03; 257], &[1, 0, 1]), Algorithm::Rs256),
        (rsa(&[0xff; 512], &[1, 0, 1]), Algorithm::Rs256),
    ] {
        let key = PublicKey::from_cose(&cose).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.as_cose(), cose);
        assert!(!key.verifies(b"m", b""));
    }
}

#[test]
fn keys_that_do_not_fit_their_algorithm_are_refused() {
    use InvalidPublicKey::{Cbor, Parameters, UnsupportedAlgorithm};
    let x = [vec![0x21], string(P256_X)].concat();
    let y = [vec![0x22], string(P256_Y)].concat();
    let alg: &[u8] = &[3, 0x26];
    let cases = [
        (map(&[&[1, 2], &[0x20, 1], &x, &y]), UnsupportedAlgorithm),
        (
            map(&[&[1, 2], &[3, 0x38, 34], &[0x20, 2], &x, &y]),
            UnsupportedAlgorithm,
        ),
        (
            map(&[&[1, 2], &[3, 0x61, b'a'], &[0x20, 1], &x, &y]),
            UnsupportedAlgorithm,
        ),
        (vec![0x80], UnsupportedAlgorithm),
        (map(&[&[1, 1], alg, &[0x20, 1], &x, &y]), Parameters),
        (map(&[&[1, 3], alg, &[0x20, 1], &x, &y]), Parameters),
        (map(&[&[1, 2], &[3, 0x27], &[0x20, 1], &x, &y]), Parameters),
        (
            map(&[&[1, 2], &[3, 0x39, 1, 0], &[0x20, 1], &x, &y]),
            Parameters,
        ),
        (map(&[&[1, 2], alg, &[0x20, 2], &x, &y]), Parameters),
        (map(&[&[1, 2], alg, &[0x20, 1], &x]), Parameters),
        (
            map(&[&[1, 2], alg, &[0x20, 1], &x, &[0x22, 0xf5]]),
            Parameters,
        ),
        (
            map(&[&[1, 2], alg, &[0x20, 1], &x, &[0x22, 0x41, 1]]),
            Parameters,
        ),
        // `key_ops`, an optional parameter.
        (
            map(&[&[1, 2], alg, &[4, 0x81, 2], &[0x20, 1], &x, &y]),
            Parameters,
        ),
        (
            [ec2(P256_X, P256_Y), vec![0]].concat(),
            Cbor(InvalidCbor::TrailingBytes),
        ),
        (
            map(&[&[1, 2], &[1, 2], alg, &x, &y]),
            Cbor(InvalidCbor::DuplicateKey),
        ),
    ];
    for (cose, expected) in cases {
        assert_eq!(PublicKey::from_cose(&cose), Err(expected), "{cose:02x?}");
    }
}

#[test]
fn numbers_that_are_no_key_are_refused() {
    let mut even = [0xff; 256];
    even[255] = 0xfe;
    let mut small = [0; 32];
    small[0] = 1;
    for cose in [
        ec2(P256_X, P256_X),
        ec2(P256_X, [0xff; 32]),
        ec2([0; 32], [0; 32]),
        okp(small),
        okp([0; 32]),
        okp([0xff; 32]),
        // There is no point with y = 2.
        okp({
            let mut x = [0; 32];
            x[0] = 2;
            x
        }),
        rsa(&[], &[1, 0, 1]),
        rsa(&[0xff; 255], &[1, 0, 1]),
        rsa(&[0x7f; 256], &[1, 0, 1]),
        rsa(&[0xff; 513], &[1, 0, 1]),
        rsa(&even, &[1, 0, 1]),
        rsa(&[&[0], [0xff; 256].as_slice()].concat(), &[1, 0, 1]),
        rsa(&[0xff; 256], &[3]),
        rsa(&[0xff; 256], &[1]),
        rsa(&[0xff; 256], &[0, 1, 0, 1]),
    ] {
        let error = PublicKey::from_cose(&cose).unwrap_err();
        assert_eq!(error, InvalidPublicKey::Key, "{cose:02x?}");
    }
}

#[test]
fn identifiers_of_algorithms_are_those_of_the_registry() {
    assert_eq!(Algorithm::ALL.map(Algorithm::id), [-8, -7, -257]);
    assert_eq!(Algorithm::from_id(-7), Some(Algorithm::Es256));
    assert_eq!(Algorithm::from_id(-65535), None);
}
