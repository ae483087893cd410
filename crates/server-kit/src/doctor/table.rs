//! The tables of checks in `docs/OPERATIONS.md`.

use std::path::Path;

use crate::{config::reference, doctor::Check};

const HEAD: &str = "| check | what is checked, and why it matters |\n|---|---|\n";

/// Compares the table of a service in a document with its checks. The table is between the lines `<!-- begin: SERVICE doctor -->` and
/// `<!-- end -->`. Where the variable `UPDATE_DOCS` is set, the table is rewritten.
///
/// # Errors
/// When the document has no such table, or another one.
pub fn verify_table(document: &Path, service: &str, checks: &[&Check]) -> Result<(), String> {
    let rows = checks
        .iter()
        .map(|check| format!("| `{}` | {} |\n", check.id, check.why));
    let table = rows.fold(HEAD.to_owned(), |table, row| table + &row);
    reference::verify_table(document, &format!("{service} doctor"), &table)
}
