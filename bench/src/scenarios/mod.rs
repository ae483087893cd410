//! Every section, a file each.

mod cache_miss;
mod contended;
mod logins;
mod paced;
mod processes;
mod revocations;
mod sessions;
mod starts;
mod tokens;
mod watchers;

use crate::scenario::Part;

pub(super) static ALL: [Part; 10] = [
    paced::PART,
    cache_miss::PART,
    logins::PART,
    contended::PART,
    starts::PART,
    sessions::PART,
    revocations::PART,
    tokens::PART,
    watchers::PART,
    processes::PART,
];

/// A number for people: `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
