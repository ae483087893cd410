//! The tables of settings in `docs/CONFIGURATION.md`, generated from the command line.

use std::{env, fs, path::Path};

use clap::{Arg, Command};

/// The variable that makes [`verify`] rewrite the document instead of failing.
const UPDATE: &str = "UPDATE_DOCS";

const HEAD: &str = "| flag | environment variable | default | meaning |\n|---|---|---|---|\n";

/// How a help text states a default that is computed, and that a setting has none and is needed.
const DEFAULT: &str = " [default: ";
const REQUIRED: &str = " [required to serve]";

/// Compares the table of `program` in a document with the settings of `command`. The table is between the lines
/// `<!-- begin: PROGRAM serve --help -->` and `<!-- end -->`. Where the variable `UPDATE_DOCS` is set, the table is rewritten.
///
/// # Errors
/// When the document has no such table, or another one. The message states how to generate it.
pub fn verify(document: &Path, program: &str, command: &Command) -> Result<(), String> {
    verify_table(
        document,
        &format!("{program} serve --help"),
        &table(command),
    )
}

/// Compares a table in a document with the expected one. The table is between the lines `<!-- begin: NAME -->` and `<!-- end -->`. Where
/// the variable `UPDATE_DOCS` is set, the table is rewritten.
///
/// # Errors
/// When the document has no such table, or another one. The message states how to generate it.
pub fn verify_table(document: &Path, name: &str, expected: &str) -> Result<(), String> {
    let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", document.display());
    let text = fs::read_to_string(document).map_err(|why| failed(&why))?;
    let begin = format!("<!-- begin: {name} -->\n\n");
    let parts = text.split_once(&begin).and_then(|(before, rest)| {
        let (table, after) = rest.split_once("\n<!-- end -->\n")?;
        Some((before, table, after))
    });
    let (before, found, after) = parts.ok_or_else(|| failed(&"has no such table"))?;
    if found == expected {
        return Ok(());
    }
    if env::var_os(UPDATE).is_none() {
        let hint =
            format!("the table differs from `{name}`; run the test with {UPDATE}=1 to rewrite it");
        return Err(failed(&hint));
    }
    let updated = format!("{before}{begin}{expected}\n<!-- end -->\n{after}");
    fs::write(document, updated).map_err(|why| failed(&why))
}

/// The settings of a command as a Markdown table, in the order of its help.
fn table(command: &Command) -> String {
    let rows = command.get_arguments().filter_map(row);
    rows.fold(HEAD.to_owned(), |table, row| table + &row)
}

fn row(arg: &Arg) -> Option<String> {
    let flag = arg.get_long()?;
    let variable = arg.get_env()?.to_string_lossy();
    let help = arg.get_help()?.to_string().replace('|', "\\|");
    let (meaning, stated) = match (help.split_once(DEFAULT), help.strip_suffix(REQUIRED)) {
        (Some((meaning, default)), _) => (meaning, default.trim_end_matches(']')),
        (None, Some(meaning)) => (meaning, "required"),
        (None, None) => (help.as_str(), ""),
    };
    let default = match arg.get_default_values() {
        [] => stated.to_owned(),
        [value, ..] => format!("`{}`", value.to_string_lossy()),
    };
    let default = if default.is_empty() {
        default
    } else {
        format!(" {default}")
    };
    Some(format!(
        "| `--{flag}` | `{variable}` |{default} | {meaning} |\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(flag: &'static str, help: &'static str) -> Arg {
        Arg::new(flag).long(flag).env(flag).help(help)
    }

    #[test]
    fn table_has_a_row_for_each_setting() {
        let command = Command::new("service").args([
            setting("log", "Log filter").default_value("info"),
            setting("audience", "Audiences [default: the issuer]"),
            setting("issuer", "Public URL [required to serve]"),
            setting("ca", "Either a | or b"),
        ]);
        let rows = "| `--log` | `log` | `info` | Log filter |\n\
                    | `--audience` | `audience` | the issuer | Audiences |\n\
                    | `--issuer` | `issuer` | required | Public URL |\n\
                    | `--ca` | `ca` | | Either a \\| or b |\n";
        assert_eq!(table(&command), format!("{HEAD}{rows}"));
    }
}
