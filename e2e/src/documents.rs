//! Tables of the documents, of which tests cover each row.

use std::fs;

use crate::compose::root;

/// The first cell of each row of the first table under a heading of the second level.
#[must_use]
pub fn rows(document: &str, heading: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let table = lines.take_while(|line| line.starts_with('|'));
    // The first two lines are the names of the columns, and the line below them.
    let cells = table.skip(2).map(|row| row.split(" | ").next().unwrap());
    cells
        .map(|cell| cell.trim_start_matches("| ").to_owned())
        .collect()
}

/// Panics unless each row has a case, and each case a row. A case names the row up to a comma, a colon or a parenthesis.
pub fn assert_covered(rows: &[String], cases: &[&str]) {
    let is_of = |row: &str, case: &str| {
        let rest = row.strip_prefix(case);
        rest.is_some_and(|rest| {
            rest.is_empty() || [",", ":", " ("].iter().any(|end| rest.starts_with(end))
        })
    };
    for row in rows {
        let is_covered = cases.iter().any(|case| is_of(row, case));
        assert!(is_covered, "no case covers the row {row:?}");
    }
    for case in cases {
        let has_row = rows.iter().any(|row| is_of(row, case));
        assert!(has_row, "no row begins with {case:?}");
    }
}
