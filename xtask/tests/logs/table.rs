//! The table of events in docs/OPERATIONS.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::calls::{LogCall, SERVICES, is_part_of, log_calls};

const HEADER: &str =
    "| event | level | service | line, with its fields | meaning, and what to do |";
const RULE: &str = "|---|---|---|---|---|";

/// The document, split at its table of events.
pub(crate) struct Document<'a> {
    before: &'a str,
    after: &'a str,
    /// The meaning of each event, which is written by hand.
    meanings: BTreeMap<&'a str, &'a str>,
}

impl<'a> Document<'a> {
    pub(crate) fn parse(document: &'a str) -> Self {
        let begin = document.find("| event | level |").unwrap();
        let (before, rest) = document.split_at(begin);
        let (table, after) = rest.split_at(rest.find("\n\n").unwrap());
        // | `event` | … | meaning |
        let rows = table.lines().filter_map(|row| row.strip_prefix("| `"));
        let meanings = rows.map(|row| {
            let (event, cells) = row.split_once("` |").unwrap();
            let (_, meaning) = cells.trim_end_matches('|').rsplit_once("| ").unwrap();
            (event, meaning.trim())
        });
        Self {
            before,
            after,
            meanings: meanings.collect(),
        }
    }

    /// The document with the table of the events that the source has.
    pub(crate) fn generate(&self) -> String {
        let calls = log_calls();
        let mut events = BTreeMap::<_, Vec<_>>::new();
        for call in &calls {
            events.entry(call.event().unwrap()).or_default().push(call);
        }
        let rows = events.iter().map(|(event, calls)| {
            let meaning = self.meanings.get(event).unwrap_or(&"");
            assert!(
                !meaning.is_empty(),
                "docs/OPERATIONS.md: add the row | `{event}` | | | | meaning |"
            );
            row(event, calls, meaning)
        });
        let table = [HEADER.to_owned(), RULE.to_owned()].into_iter().chain(rows);
        let table = table.collect::<Vec<_>>().join("\n");
        [self.before, &table, self.after].concat()
    }
}

fn row(event: &str, calls: &[&LogCall], meaning: &str) -> String {
    let levels: BTreeSet<_> = calls.iter().map(|call| call.level).collect();
    let levels = levels.into_iter().collect::<Vec<_>>().join(", ");
    let services = SERVICES
        .iter()
        .filter(|service| calls.iter().any(|call| is_part_of(service, &call.file)));
    let services = match services.collect::<Vec<_>>()[..] {
        [service] => service,
        _ => "both",
    };
    let messages: BTreeSet<_> = calls.iter().map(|call| call.message()).collect();
    let fields: BTreeSet<_> = calls.iter().flat_map(|call| call.fields()).collect();
    let fields = if fields.is_empty() {
        String::new()
    } else {
        format!(": {}", quoted(&fields))
    };
    format!(
        "| `{event}` | {levels} | {services} | {}{fields} | {meaning} |",
        quoted(&messages)
    )
}

fn quoted(texts: &BTreeSet<String>) -> String {
    let texts = texts.iter().map(|text| format!("`{text}`"));
    texts.collect::<Vec<_>>().join(", ")
}
