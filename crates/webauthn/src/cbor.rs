//! CBOR (RFC 8949) in the strict form that the field requires: the CTAP2 canonical encoding, except for the order of keys (WebAuthn §2.4,
//! CTAP 2.2 §8). The order is left out because some clients do not keep it in attestation objects, and nothing becomes ambiguous by it.

use minicbor::{Decoder, data::Type};

/// Maximum nesting of arrays and maps. CTAP2 messages have four levels; a compound attestation object has five.
const MAX_DEPTH: usize = 8;

/// Maximum number of entries of one map or array.
const MAX_ENTRIES: u64 = 64;

/// Why an encoding is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCbor {
    /// It ends within an item, or is not well-formed (RFC 8949 §5.3.1).
    #[error("the CBOR is truncated or not well-formed")]
    Malformed,
    /// A length or an integer is not in its shortest form, or a length is indefinite.
    #[error("the CBOR is not in its canonical form")]
    NotCanonical,
    /// It has a tag, a floating-point number, or a simple value other than `false`, `true` and `null`.
    #[error("the CBOR has an item of a type that is not used")]
    Unsupported,
    /// A map has a key twice.
    #[error("a map of the CBOR has a key twice")]
    DuplicateKey,
    /// It is nested deeper than eight levels, or a map or array has more than 64 entries.
    #[error("the CBOR is nested too deeply, or has too many entries")]
    TooLarge,
    /// Bytes follow the item.
    #[error("bytes follow the CBOR item")]
    TrailingBytes,
}

/// A data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'b> {
    Integer(i128),
    Bytes(&'b [u8]),
    Text(&'b str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Bool(bool),
    Null,
}

impl<'b> Value<'b> {
    /// Reads the one item that `bytes` consist of.
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, InvalidCbor> {
        let (value, length) = Self::parse_prefix(bytes)?;
        if length == bytes.len() {
            Ok(value)
        } else {
            Err(InvalidCbor::TrailingBytes)
        }
    }

    /// Reads the item that `bytes` begin with; returns its length, too.
    pub(crate) fn parse_prefix(bytes: &'b [u8]) -> Result<(Self, usize), InvalidCbor> {
        let mut decoder = Decoder::new(bytes);
        let value = item(&mut decoder, 0)?;
        Ok((value, decoder.position()))
    }

    pub(crate) fn as_map(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of this map.
    pub(crate) fn get(&self, key: &Value<'_>) -> Option<&Self> {
        let entry = self.as_map()?.iter().find(|(name, _)| name == key);
        entry.map(|(_, value)| value)
    }

    pub(crate) const fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    pub(crate) const fn as_bytes(&self) -> Option<&'b [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) const fn as_text(&self) -> Option<&'b str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn item<'b>(decoder: &mut Decoder<'b>, depth: usize) -> Result<Value<'b>, InvalidCbor> {
    match decoder.datatype().map_err(malformed)? {
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => integer(decoder),
        Type::Bytes => {
            let start = decoder.position();
            let bytes = decoder.bytes().map_err(malformed)?;
            shortest(decoder, start, bytes.len())?;
            Ok(Value::Bytes(bytes))
        }
        Type::String => {
            let start = decoder.position();
            let text = decoder.str().map_err(malformed)?;
            shortest(decoder, start, text.len())?;
            Ok(Value::Text(text))
        }
        Type::Array => array(decoder, depth),
        Type::Map => map(decoder, depth),
        Type::Bool => Ok(Value::Bool(decoder.bool().map_err(malformed)?)),
        Type::Null => decoder.null().map(|()| Value::Null).map_err(malformed),
        Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef | Type::Break => {
            Err(InvalidCbor::NotCanonical)
        }
        Type::Unknown(_) => Err(InvalidCbor::Malformed),
        Type::Undefined | Type::F16 | Type::F32 | Type::F64 | Type::Simple | Type::Tag => {
            Err(InvalidCbor::Unsupported)
        }
    }
}

fn malformed(_: minicbor::decode::Error) -> InvalidCbor {
    InvalidCbor::Malformed
}

fn integer<'b>(decoder: &mut Decoder<'b>) -> Result<Value<'b>, InvalidCbor> {
    let start = decoder.position();
    let integer = i128::from(decoder.int().map_err(malformed)?);
    // Of a negative integer, -1 - n is encoded.
    let argument = if integer < 0 { -1 - integer } else { integer };
    let argument = u64::try_from(argument).map_err(|_| InvalidCbor::Malformed)?;
    if decoder.position() - start == head_length(argument) {
        Ok(Value::Integer(integer))
    } else {
        Err(InvalidCbor::NotCanonical)
    }
}

fn array<'b>(decoder: &mut Decoder<'b>, depth: usize) -> Result<Value<'b>, InvalidCbor> {
    let start = decoder.position();
    let length = decoder.array().map_err(malformed)?;
    let length = entries(decoder, start, length, depth)?;
    let items = (0..length).map(|_| item(decoder, depth + 1));
    Ok(Value::Array(items.collect::<Result<_, _>>()?))
}

fn map<'b>(decoder: &mut Decoder<'b>, depth: usize) -> Result<Value<'b>, InvalidCbor> {
    let start = decoder.position();
    let length = decoder.map().map_err(malformed)?;
    let length = entries(decoder, start, length, depth)?;
    let mut map: Vec<(Value<'b>, Value<'b>)> = Vec::new();
    for _ in 0..length {
        let key = item(decoder, depth + 1)?;
        if map.iter().any(|(name, _)| *name == key) {
            return Err(InvalidCbor::DuplicateKey);
        }
        map.push((key, item(decoder, depth + 1)?));
    }
    Ok(Value::Map(map))
}

/// Checks the head of an array or a map, which begins at `start`; returns the number of its entries.
fn entries(
    decoder: &Decoder<'_>,
    start: usize,
    length: Option<u64>,
    depth: usize,
) -> Result<u64, InvalidCbor> {
    let length = length.ok_or(InvalidCbor::NotCanonical)?;
    if decoder.position() - start != head_length(length) {
        return Err(InvalidCbor::NotCanonical);
    }
    if depth == MAX_DEPTH || length > MAX_ENTRIES {
        return Err(InvalidCbor::TooLarge);
    }
    Ok(length)
}

/// Checks that the string of `length` bytes that began at `start` has the shortest head.
fn shortest(decoder: &Decoder<'_>, start: usize, length: usize) -> Result<(), InvalidCbor> {
    let head = decoder.position() - start - length;
    let argument = u64::try_from(length).map_err(|_| InvalidCbor::TooLarge)?;
    if head == head_length(argument) {
        Ok(())
    } else {
        Err(InvalidCbor::NotCanonical)
    }
}

/// Length of the shortest head with this argument, in bytes (RFC 8949 §3).
const fn head_length(argument: u64) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests;
