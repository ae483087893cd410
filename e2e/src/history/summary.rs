//! The figures of many rounds.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::history::{Report, report::percentile};

/// The figures of each fault over all its rounds: a table in Markdown, which is printed at the end, also of a test that fails.
pub struct Summary {
    is_printed: bool,
    rows: Vec<Row>,
}

/// A fault, or several at once.
#[derive(Default)]
struct Row {
    faults: String,
    /// For each round, in ascending order.
    unavailable: Vec<Duration>,
    requests: usize,
    failed: BTreeMap<&'static str, usize>,
    lost_sessions: usize,
    /// In ascending order.
    refused_after: Vec<Duration>,
}

impl Summary {
    /// A table without rows.
    #[must_use]
    pub const fn new(is_printed: bool) -> Self {
        Self {
            is_printed,
            rows: Vec::new(),
        }
    }

    /// Adds a round of a fault.
    pub fn add(&mut self, report: &Report) {
        let mut rows = self.rows.iter();
        let known = rows.position(|row| row.faults == report.faults);
        let row = known.unwrap_or_else(|| {
            self.rows.push(Row {
                faults: report.faults.clone(),
                ..Row::default()
            });
            self.rows.len() - 1
        });
        self.rows[row].add(report);
    }
}

impl Row {
    fn add(&mut self, report: &Report) {
        self.unavailable.push(report.unavailable);
        self.unavailable.sort_unstable();
        self.requests += report.requests;
        for (kind, count) in &report.failed {
            *self.failed.entry(kind).or_default() += count;
        }
        self.lost_sessions += report.lost_sessions.len();
        self.refused_after.extend(&report.refused_after);
        self.refused_after.sort_unstable();
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| fault | rounds | unavailable p50 | max | requests | failed | sessions lost | ends | end to refused p50 | p99 | max |\n\
             |---|---|---|---|---|---|---|---|---|---|---|"
        )?;
        self.rows.iter().try_for_each(|row| row.fmt(f))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |percent| percentile(&self.unavailable, percent).as_secs_f64();
        let millis = |percent| percentile(&self.refused_after, percent).as_millis();
        let failed: Vec<_> = self
            .failed
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        let failed = match failed.as_slice() {
            [] => "none".to_owned(),
            failed => failed.join(", "),
        };
        writeln!(
            f,
            "| {} | {} | {:.1} s | {:.1} s | {} | {failed} | {} | {} | {} ms | {} ms | {} ms |",
            self.faults.trim_matches(['[', ']']),
            self.unavailable.len(),
            seconds(50),
            seconds(100),
            self.requests,
            self.lost_sessions,
            self.refused_after.len(),
            millis(50),
            millis(99),
            millis(100),
        )
    }
}

impl Drop for Summary {
    #[expect(clippy::print_stdout, reason = "it is the output of a test")]
    fn drop(&mut self) {
        if self.is_printed && !self.rows.is_empty() {
            println!("{self}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::history::{Answer, Event, Request};

    #[test]
    fn rounds_of_a_fault_are_one_row() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let event = |request, answer, began| Event {
            login: 1,
            request,
            answer,
            began: at(began),
            ended: at(began + 1),
        };
        let round = |failed_until| {
            let unavailable = Answer::Unavailable("503".to_owned());
            let events = [
                event(Request::Check, unavailable, failed_until),
                event(Request::End, Answer::Done, 10),
                event(Request::Check, Answer::Done, 12),
            ];
            Report::new("[Fault]", &events, start)
        };
        let mut summary = Summary::new(false);
        for failed_until in [4, 2, 3] {
            summary.add(&round(failed_until));
        }
        let printed = summary.to_string();
        let row =
            "| Fault | 3 | 3.0 s | 4.0 s | 9 | check 3 | 0 | 3 | 1000 ms | 1000 ms | 1000 ms |";
        assert_eq!(printed.lines().nth(2), Some(row), "{printed}");
    }
}
