//! Validation of Ed25519 public keys (RFC 8032 §5.1.3). aws-lc detects only during verification that an encoding is not a point, and
//! accepts points of small order.
//!
//! Public keys are not secret, so that nothing here runs in constant time.

use crate::invalid_key::InvalidKey;

/// Numbers below 2^256, the least significant limb first.
pub type Limbs = [u64; 4];

/// The field's order, 2^255 - 19.
const P: Limbs = [
    0xffff_ffff_ffff_ffed,
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
];

/// The curve's constant, -121665/121666.
const D: Limbs = [
    0x75eb_4dca_1359_78a3,
    0x0070_0a4d_4141_d8ab,
    0x8cc7_4079_7779_e898,
    0x5203_6cee_2b6f_fe73,
];

/// (P - 1) / 2.
const HALF: Limbs = [
    0xffff_ffff_ffff_fff6,
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
    0x3fff_ffff_ffff_ffff,
];

const ZERO: Limbs = [0; 4];
const ONE: Limbs = [1, 0, 0, 0];

/// The y coordinates of the eight points whose order divides 8: 0, 1, -1, and those of the four points of order 8.
pub const SMALL_ORDER: [Limbs; 5] = [
    ZERO,
    ONE,
    [
        0xffff_ffff_ffff_ffec,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0x7fff_ffff_ffff_ffff,
    ],
    [
        0xb027_b2c2_8f95_e826,
        0xf098_eff2_89f4_c345,
        0x3933_c6d3_05ac_dfd5,
        0x05fc_536d_8802_38b1,
    ],
    [
        0x4fd8_4d3d_706a_17c7,
        0x0f67_100d_760b_3cba,
        0xc6cc_392c_fa53_202a,
        0x7a03_ac92_77fd_c74e,
    ],
];

/// Checks that an encoding is canonical, and that of a point on the curve whose order is not small.
///
/// # Errors
/// [`InvalidKey::NotOnCurve`], [`InvalidKey::SmallOrder`].
pub fn validate(encoding: &[u8; 32]) -> Result<(), InvalidKey> {
    let y = y_coordinate(encoding);
    if !is_below(&y, &P) {
        return Err(InvalidKey::NotOnCurve);
    }
    // Among these are points with x = 0, whose encoding with the sign bit set is not canonical.
    if SMALL_ORDER.contains(&y) {
        return Err(InvalidKey::SmallOrder);
    }
    // x² = (y² - 1) / (d y² + 1). A quotient is a square if and only if the product is one.
    let square = multiply(&y, &y);
    let numerator = subtract(&square, &ONE);
    let denominator = add(&multiply(&D, &square), &ONE);
    if is_square(&multiply(&numerator, &denominator)) {
        Ok(())
    } else {
        Err(InvalidKey::NotOnCurve)
    }
}

/// The y coordinate: the encoding without its highest bit, which is the sign of x.
fn y_coordinate(encoding: &[u8; 32]) -> Limbs {
    let mut limbs = ZERO;
    for (limb, bytes) in limbs.iter_mut().zip(encoding.as_chunks().0) {
        *limb = u64::from_le_bytes(*bytes);
    }
    limbs[3] &= u64::MAX >> 1;
    limbs
}

/// Whether a number below P is a square, by Euler's criterion.
fn is_square(number: &Limbs) -> bool {
    let mut power = ONE;
    for limb in HALF.iter().rev() {
        for bit in (0..u64::BITS).rev() {
            power = multiply(&power, &power);
            if limb >> bit & 1 == 1 {
                power = multiply(&power, number);
            }
        }
    }
    power == ONE || power == ZERO
}

fn is_below(a: &Limbs, b: &Limbs) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// `a + b` of two numbers below P.
fn add(a: &Limbs, b: &Limbs) -> Limbs {
    let (sum, _) = add_with_carry(a, b);
    reduce_once(sum)
}

/// `a - b` of two numbers below P.
fn subtract(a: &Limbs, b: &Limbs) -> Limbs {
    add(a, &below(&P, b))
}

/// `a b` modulo P of two numbers below P.
fn multiply(a: &Limbs, b: &Limbs) -> Limbs {
    let mut product = [0_u64; 8];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (place, y) in product[i..].iter_mut().zip(b.iter().chain([&0])) {
            let sum = u128::from(*place) + u128::from(*x) * u128::from(*y) + carry;
            (*place, carry) = (low(sum), sum >> 64);
        }
    }
    // 2^256 is 38 modulo P.
    let (head, tail) = product.split_at(4);
    let mut folded = ZERO;
    let mut carry = 0;
    for ((place, low_limb), high) in folded.iter_mut().zip(head).zip(tail) {
        let sum = u128::from(*low_limb) + u128::from(*high) * 38 + carry;
        (*place, carry) = (low(sum), sum >> 64);
    }
    let (mut folded, overflow) = add_with_carry(&folded, &[low(carry * 38), 0, 0, 0]);
    folded[0] += u64::from(overflow) * 38;
    reduce_once(reduce_once(folded))
}

fn reduce_once(number: Limbs) -> Limbs {
    if is_below(&number, &P) {
        number
    } else {
        below(&number, &P)
    }
}

/// `a - b` where that is not negative.
fn below(a: &Limbs, b: &Limbs) -> Limbs {
    let mut difference = ZERO;
    let mut borrow = false;
    for ((place, x), y) in difference.iter_mut().zip(a).zip(b) {
        (*place, borrow) = x.borrowing_sub(*y, borrow);
    }
    difference
}

fn add_with_carry(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let mut sum = ZERO;
    let mut carry = false;
    for ((place, x), y) in sum.iter_mut().zip(a).zip(b) {
        (*place, carry) = x.carrying_add(*y, carry);
    }
    (sum, carry)
}

#[expect(clippy::cast_possible_truncation, reason = "the high half is carried")]
const fn low(wide: u128) -> u64 {
    wide as u64
}
