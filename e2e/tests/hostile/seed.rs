//! Reproducible pseudo-random input.

use serde_json::{Map, Value, json};

/// Number of rounds: few, or many with `cargo xtask test --long`.
pub(crate) fn tries(short: usize) -> usize {
    if std::env::var_os("HOLDFAST_TEST_LONG").is_some() {
        short * 40
    } else {
        short
    }
}

/// A xorshift generator.
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next().to_le_bytes()[3]).collect()
    }

    /// A JSON value, sometimes with the field names of the routes.
    pub(crate) fn json(&mut self, names: &[&str], depth: usize) -> Value {
        match self.below(if depth == 0 { 7 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.next().is_multiple_of(2)),
            2 => json!(self.next()),
            3 => json!(f64::from_bits(self.next())),
            4 => json!(String::from_utf8_lossy(&self.bytes(40))),
            5 => json!("x".repeat(self.below(5000))),
            6 => json!("ada\u{0}\u{202e}\u{1f600}'\"<>${{7*7}}"),
            7 => {
                let length = self.below(5);
                (0..length).map(|_| self.json(names, depth - 1)).collect()
            }
            _ => self.object(names, depth - 1),
        }
    }

    pub(crate) fn object(&mut self, names: &[&str], depth: usize) -> Value {
        let mut object = Map::new();
        for name in names {
            if self.below(4) > 0 {
                object.insert((*name).to_owned(), self.json(names, depth));
            }
        }
        if self.below(3) == 0 {
            let name = String::from_utf8_lossy(&self.bytes(20)).into_owned();
            object.insert(name, self.json(names, depth));
        }
        Value::Object(object)
    }
}
