//! The size limit of a source file. That of a function is in `clippy.toml`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod source;

use std::fs;

/// Lines of the longest file, tests included.
const MAX_LINES: usize = 400;

/// Lines of the median file.
const MAX_MEDIAN: usize = 110;

#[test]
fn source_file_is_small() {
    let mut lengths = Vec::new();
    for file in source::rust_files(source::root()) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        lengths.push((lines, file));
    }
    lengths.sort();
    let too_long: Vec<_> = lengths
        .iter()
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(too_long.is_empty(), "split these files: {too_long:#?}");
    let (median, _) = lengths[lengths.len() / 2];
    assert!(median < MAX_MEDIAN, "the median file has {median} lines");
}
