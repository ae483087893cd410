//! RSA keys for RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3). They sign ID tokens only.

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::key::PublicKey;
use zeroize::Zeroizing;

/// Size of generated keys: 128 bits of security (NIST SP 800-57 part 1, table 2; ASVS 11.2.3).
const GENERATED: KeySize = KeySize::Rsa3072;

/// Lengths of a modulus, in bytes: 2048 and 3072 bits.
const MODULUS_LENGTHS: [usize; 2] = [256, 384];

/// The exponent 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// Generates a key; returns its public half, and its private half as PKCS #8.
pub(super) fn generate() -> Result<(PublicKey, Zeroizing<Vec<u8>>), String> {
    let pair = RsaKeyPair::generate(GENERATED).map_err(|why| why.to_string())?;
    let private_key: Pkcs8V1Der<'_> = pair.as_der().map_err(|why| why.to_string())?;
    let n = modulus(pair.public_key().as_ref()).ok_or("unexpected form of the public key")?;
    Ok((
        PublicKey::Rsa {
            n: n.to_vec(),
            e: EXPONENT,
        },
        Zeroizing::new(private_key.as_ref().to_vec()),
    ))
}

/// The modulus in a DER-encoded `RSAPublicKey` (RFC 8017 §A.1.1) of an accepted length with the exponent 65537.
fn modulus(der: &[u8]) -> Option<&[u8]> {
    MODULUS_LENGTHS.into_iter().find_map(|length| {
        // A zero byte precedes a modulus, whose highest bit is set, and the exponent is an INTEGER of 5 bytes.
        let [integer_high, integer_low] = u16::try_from(length + 1).ok()?.to_be_bytes();
        let [sequence_high, sequence_low] = u16::try_from(length + 10).ok()?.to_be_bytes();
        let sequence = [0x30, 0x82, sequence_high, sequence_low];
        let integer = [0x02, 0x82, integer_high, integer_low, 0];
        let rest = der.strip_prefix(&sequence)?.strip_prefix(&integer)?;
        let (n, e) = rest.split_at_checked(length)?;
        (e == [0x02, 3, 1, 0, 1]).then_some(n)
    })
}

/// An RSA public key of an accepted size.
pub(super) struct RsaVerifyingKey {
    n: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl RsaVerifyingKey {
    /// The key with this modulus and exponent.
    pub(super) fn new(n: &[u8], e: [u8; 3]) -> Result<Self, String> {
        let has_full_size = n.first().is_some_and(|byte| byte & 0x80 != 0);
        let is_odd = n.last().is_some_and(|byte| byte & 1 == 1);
        if !MODULUS_LENGTHS.contains(&n.len()) || !has_full_size || !is_odd || e != EXPONENT {
            return Err("the RSA key has another size or exponent".to_owned());
        }
        let components = RsaPublicKeyComponents { n, e: &e };
        let parsed = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        Ok(Self {
            n: n.to_vec(),
            parsed: parsed.map_err(|why| why.to_string())?,
        })
    }

    /// Whether `signature`, in base64url, is a signature of this key over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature);
        signature.is_ok_and(|signature| self.parsed.verify_sig(message, &signature).is_ok())
    }

    /// The JWK thumbprint with SHA-256, in base64url (RFC 7638).
    pub(super) fn thumbprint(&self) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (e, n) = (encode(&EXPONENT), encode(&self.n));
        let jwk = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        encode(digest(&SHA256, jwk.as_bytes()).as_ref())
    }
}

/// The private half of an RSA key.
pub(super) struct RsaSigningKey(RsaKeyPair);

impl RsaSigningKey {
    /// The key in this PKCS #8 document.
    pub(super) fn from_pkcs8(private_key: &[u8]) -> Result<Self, String> {
        let pair = RsaKeyPair::from_pkcs8(private_key);
        pair.map(Self).map_err(|why| why.to_string())
    }

    /// The signature over `message`, in base64url.
    pub(super) fn sign(&self, message: &[u8]) -> Result<String, String> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        // The library draws its own random numbers, for blinding.
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|why| why.to_string())?;
        Ok(URL_SAFE_NO_PAD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638 §3.1.
    const RFC_7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn example() -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(RFC_7638_N).unwrap()
    }

    #[test]
    fn thumbprint_is_that_of_the_specification() {
        let key = RsaVerifyingKey::new(&example(), EXPONENT).unwrap();
        assert_eq!(
            key.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn key_of_another_size_or_exponent_is_rejected() {
        let n = example();
        let small = [&[0x80], &n[1..128]].concat();
        let (mut zero, mut short, mut even) = (n.clone(), n.clone(), n.clone());
        zero[0] = 0;
        short[0] = 0x7f;
        even[255] &= 0xfe;
        let padded = [&[0], n.as_slice()].concat();
        for rejected in [&[], small.as_slice(), &zero, &short, &even, &padded] {
            assert!(RsaVerifyingKey::new(rejected, EXPONENT).is_err());
        }
        assert!(RsaVerifyingKey::new(&n, [0, 0, 3]).is_err());
        assert!(RsaVerifyingKey::new(&n, EXPONENT).is_ok());
    }

    #[test]
    fn generated_key_has_3072_bits_and_verifies_its_signatures() {
        let (public_key, private_key) = generate().unwrap();
        let PublicKey::Rsa { n, e } = public_key else {
            panic!("an RSA key was made");
        };
        assert_eq!(n.len() * 8, 3072);
        let verifying = RsaVerifyingKey::new(&n, e).unwrap();
        let signing = RsaSigningKey::from_pkcs8(&private_key).unwrap();
        let signature = signing.sign(b"m").unwrap();
        assert!(verifying.verifies(b"m", &signature));
        assert!(!verifying.verifies(b"n", &signature));
        for malformed in ["", "AAAA", &signature[4..], &format!("{signature}=")] {
            assert!(!verifying.verifies(b"m", malformed), "{malformed}");
        }
    }

    #[test]
    fn modulus_is_read_from_both_sizes_only() {
        for (size, is_accepted) in [
            (KeySize::Rsa2048, true),
            (KeySize::Rsa3072, true),
            (KeySize::Rsa4096, false),
        ] {
            let pair = RsaKeyPair::generate(size).unwrap();
            let der = pair.public_key().as_ref();
            let n = modulus(der);
            assert_eq!(n.is_some(), is_accepted);
            assert!(n.is_none_or(|n| n.len() == size.len()));
            assert_eq!(modulus(&der[..der.len() - 1]), None);
        }
    }
}
