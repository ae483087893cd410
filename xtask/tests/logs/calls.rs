//! The log calls in the source.

use std::{
    collections::BTreeSet,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use crate::source;

/// The log macros with their levels. `tracing::event!` is not used, so that the level is part of the name.
const MACROS: [(&str, &str); 5] = [
    ("tracing::error!(", "error"),
    ("tracing::warn!(", "warn"),
    ("tracing::info!(", "info"),
    ("tracing::debug!(", "debug"),
    ("tracing::trace!(", "trace"),
];

/// The packages that log, below the root. A crate belongs to every service that depends on it.
const DIRECTORIES: [&str; 3] = ["auth-service", "web-service", "crates"];

/// The services.
pub(crate) const SERVICES: [&str; 2] = ["auth-service", "web-service"];

/// A call of a log macro.
pub(crate) struct LogCall {
    pub(crate) file: PathBuf,
    pub(crate) level: &'static str,
    /// The arguments as in the source.
    pub(crate) arguments: String,
    /// Whether it is an argument of `LogRateLimiter::log`.
    pub(crate) is_limited: bool,
}

impl LogCall {
    /// The value of the field `event`.
    pub(crate) fn event(&self) -> Option<&str> {
        let (_, value) = self.arguments.split_once("event = \"")?;
        value.split('"').next()
    }

    /// The message as in the source, on one line, with `…` for inserted values.
    pub(crate) fn message(&self) -> String {
        let message = arguments(&self.arguments).pop().unwrap_or_default();
        let lines = message.trim_matches('"').split("\\\n").map(str::trim_start);
        let mut text = String::new();
        for (number, part) in lines.collect::<String>().split(['{', '}']).enumerate() {
            text.push_str(if number % 2 == 0 { part } else { "…" });
        }
        text
    }

    /// The names of the fields, apart from `event` and the message.
    pub(crate) fn fields(&self) -> BTreeSet<String> {
        let arguments = arguments(&self.arguments);
        let fields = arguments
            .iter()
            .filter(|argument| !argument.starts_with('"') && !argument.starts_with("target:"));
        let names = fields.filter_map(|field| field.split(" = ").next());
        let names = names.map(|name| name.trim_start_matches(['%', '?']).to_owned());
        names.filter(|name| name != "event").collect()
    }
}

/// The top-level arguments of a macro call.
fn arguments(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut begin = 0;
    for at in outside_of_strings(code)
        .filter_map(|(at, character, depth)| (character == ',' && depth == 0).then_some(at))
    {
        found.push(code[begin..at].trim());
        begin = at + 1;
    }
    found.push(code[begin..].trim());
    found.retain(|argument| !argument.is_empty());
    found
}

/// All log calls in the services and their crates.
pub(crate) fn log_calls() -> Vec<LogCall> {
    let calls: Vec<_> = files().iter().flat_map(|file| calls_in(file)).collect();
    assert!(calls.len() > 80, "{}", calls.len());
    calls
}

/// The source files of the services and their crates.
pub(crate) fn files() -> Vec<PathBuf> {
    let directories = DIRECTORIES.map(|directory| source::root().join(directory));
    let files = directories.iter().flat_map(|path| source::rust_files(path));
    files.collect()
}

fn calls_in(file: &Path) -> Vec<LogCall> {
    let code = fs::read_to_string(file).unwrap();
    let limited = limited_ranges(&code);
    let mut calls = Vec::new();
    for (name, level) in MACROS {
        for (at, _) in code.match_indices(name) {
            calls.push(LogCall {
                file: file.to_owned(),
                level,
                arguments: code[parentheses(&code, at + name.len() - 1)].to_owned(),
                is_limited: limited.iter().any(|range| range.contains(&at)),
            });
        }
    }
    calls
}

/// The arguments of every `.log(…)`: the calls of a `LogRateLimiter`.
fn limited_ranges(code: &str) -> Vec<Range<usize>> {
    let calls = code.match_indices(".log(");
    calls
        .map(|(at, call)| parentheses(code, at + call.len() - 1))
        .collect()
}

/// The range between the parenthesis at `open` and its counterpart.
fn parentheses(code: &str, open: usize) -> Range<usize> {
    let end = outside_of_strings(&code[open..])
        .find(|(_, character, depth)| *character == ')' && *depth == 0);
    let (length, ..) = end.unwrap();
    open + 1..open + length
}

/// The characters that are not in a string, with their position and the number of open brackets around them.
fn outside_of_strings(code: &str) -> impl Iterator<Item = (usize, char, u32)> {
    let (mut depth, mut is_string, mut is_escaped) = (0_u32, false, false);
    code.char_indices().filter_map(move |(at, character)| {
        let was_string = is_string;
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_string => is_escaped = true,
            '"' => is_string = !is_string,
            '(' | '[' | '{' if !is_string => depth += 1,
            ')' | ']' | '}' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        (!was_string && !is_string).then_some((at, character, depth))
    })
}

/// Whether the code logs with a macro whose name does not tell that it is one of `tracing`, or not its level.
pub(crate) fn has_other_macro(code: &str) -> bool {
    let names = [
        "error!(", "warn!(", "info!(", "debug!(", "trace!(", "event!(",
    ];
    names.iter().any(|name| {
        code.match_indices(name).any(|(at, _)| {
            let before = &code[..at];
            let is_named = before.ends_with("tracing::") && *name != "event!(";
            !is_named && !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
        })
    })
}

/// Whether a service contains the code of a file: its own, or that of a crate on which it depends.
pub(crate) fn is_part_of(service: &str, file: &Path) -> bool {
    let path = file.strip_prefix(source::root()).unwrap();
    packages_of(service)
        .iter()
        .any(|package| path.starts_with(package))
}

/// The directories of a service and of the crates on which it depends.
fn packages_of(service: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![PathBuf::from(service)];
    while let Some(package) = open.pop() {
        let manifest = source::root().join(&package).join("Cargo.toml");
        if found.insert(package) {
            let manifest = fs::read_to_string(manifest).unwrap();
            let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
            let lines = dependencies
                .lines()
                .take_while(|line| !line.starts_with('['));
            let names = lines.filter_map(|line| line.strip_prefix("holdfast-"));
            let names = names.filter_map(|line| line.split(['.', ' ']).next());
            open.extend(names.map(|name| Path::new("crates").join(name)));
        }
    }
    found
}

/// The names of the events of a service that are counted for `log_events_total`.
pub(crate) fn counted_events(service: &str) -> BTreeSet<String> {
    let mut events = BTreeSet::new();
    for file in files().iter().filter(|file| is_part_of(service, file)) {
        let code = fs::read_to_string(file).unwrap();
        for call in ["LogRateLimiter::new(", "count_event("] {
            let names = code.split(call).skip(1);
            let names =
                names.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
            events.extend(names.map(str::to_owned));
        }
    }
    events.retain(|event| !event.starts_with("test."));
    events
}
