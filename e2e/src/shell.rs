//! Runs the commands of a document as written, and compares their output with the document.

use std::path::Path;

use tokio::process::Command;

use crate::packages;

/// One command and its documented output, in which `…` stands for any text.
#[derive(Debug)]
pub struct Step {
    /// The command.
    pub command: String,
    /// The output, with gaps.
    pub expected: String,
}

/// The commands of all `console` blocks: lines that start with `$ `, continued while they end with a backslash.
#[must_use]
pub fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    let mut continued = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
            continued = false;
        } else if inside && line.starts_with("$ ") {
            let command = line.trim_start_matches("$ ").to_owned();
            continued = command.ends_with('\\');
            steps.push(Step {
                command,
                expected: String::new(),
            });
        } else if inside && let Some(step) = steps.last_mut() {
            let text = if continued {
                &mut step.command
            } else {
                &mut step.expected
            };
            if continued || !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
            continued = continued && line.ends_with('\\');
        }
    }
    steps
}

/// `PATH` with the directory of grpcurl appended.
#[must_use]
pub fn path_with_grpcurl(path: &str) -> String {
    let grpcurl = packages::grpcurl();
    let directory = grpcurl.parent().unwrap_or(Path::new(""));
    format!("{path}:{}", directory.display())
}

/// Runs all steps in one shell; panics where the output of one differs from the documented one.
pub async fn run(steps: &[Step], directory: &Path, environment: &[(String, String)]) {
    let marker = "--- next step ---";
    let commands: Vec<_> = steps
        .iter()
        .map(|step| {
            format!(
                "{{ {}
}} 2>&1
echo; echo '{marker}'
",
                step.command
            )
        })
        .collect();
    let script = format!(
        "set -o pipefail
{}",
        commands.concat()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory)
        .envs(environment.iter().cloned())
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let outputs: Vec<_> = printed.split(marker).collect();
    assert_eq!(outputs.len(), steps.len() + 1, "{printed}");
    for (step, output) in steps.iter().zip(outputs) {
        assert!(
            matches(step.expected.trim(), output.trim()),
            "$ {}\nprinted\n{output}\nand not\n{}",
            step.command,
            step.expected
        );
    }
}

/// Whether `actual` is `expected` with some text for each `…`. White space at the ends of lines is ignored.
fn matches(expected: &str, actual: &str) -> bool {
    let normalize = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (expected, actual) = (normalize(expected), normalize(actual));
    let mut pieces = expected.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = actual.strip_prefix(first) else {
        return false;
    };
    let mut ends_open = true;
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
        ends_open = piece.is_empty();
    }
    rest.is_empty() || (ends_open && expected.contains('…'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_gap_with_any_text_and_the_rest_exactly() {
        assert!(matches("", ""));
        assert!(matches("a … c", "a b c"));
        assert!(matches("a …", "a b c"));
        assert!(matches("…\nb", "x y\nb"));
        assert!(!matches("a", "a b"));
        assert!(!matches("a … c", "a b"));
        assert!(!matches("a … c", "a b c d"));
        assert!(!matches("", "a"));
    }

    #[test]
    fn steps_console_block_gives_commands_with_continuations_and_output() {
        let steps = steps("```sh\n$ no\n```\n```console\n$ a \\\n  b\nout\n$ c\n```\n");
        assert_eq!(steps.len(), 2);
        assert_eq!(
            (steps[0].command.as_str(), steps[0].expected.as_str()),
            ("a \\\n  b", "out")
        );
        assert_eq!(
            (steps[1].command.as_str(), steps[1].expected.as_str()),
            ("c", "")
        );
    }
}
