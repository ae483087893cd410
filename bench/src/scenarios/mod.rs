//! All scenarios, one file each.

mod cache_miss;
mod codes;
mod contended;
mod instances;
mod logins;
mod paced;
mod processes;
mod revocations;
mod sessions;
mod starts;
mod tokens;
mod traces;
mod watchers;

use crate::scenario::Scenario;

pub(super) static ALL: [Scenario; 13] = [
    paced::SCENARIO,
    cache_miss::SCENARIO,
    logins::SCENARIO,
    instances::SCENARIO,
    codes::SCENARIO,
    contended::SCENARIO,
    starts::SCENARIO,
    sessions::SCENARIO,
    revocations::SCENARIO,
    tokens::SCENARIO,
    watchers::SCENARIO,
    processes::SCENARIO,
    traces::SCENARIO,
];

/// A number with thousands separators: `1,000,000`.
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
