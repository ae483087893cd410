//! Figures of another form than a row's: what grows with what, and what else is promised.

use std::fmt::Write as _;

/// A table of its own.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    /// What was done, and what the figures mean.
    pub(super) about: &'static str,
    pub(super) columns: &'static [Column],
    pub(super) lines: Vec<Line>,
}

/// What a figure is, in what unit, and with how many decimals people see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) decimals: usize,
}

/// One figure for each column, or why there are none.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) figures: Result<Vec<f64>, String>,
}

impl Line {
    /// What was measured, or what came in between.
    pub(super) fn of(name: impl Into<String>, figures: anyhow::Result<Vec<f64>>) -> Self {
        let name = name.into();
        let figures = figures.map_err(|error| format!("{error:#}"));
        Self { name, figures }
    }
}

impl Section {
    /// For people.
    pub(super) fn table(&self) -> String {
        let mut text = format!("\n## {}\n\n{}\n\n|", self.title, self.about);
        for column in self.columns {
            let _ = write!(text, " | {}", column.name);
        }
        text += " |\n|---|";
        text += &"---|".repeat(self.columns.len());
        for line in &self.lines {
            let _ = write!(text, "\n| {}", line.name);
            match &line.figures {
                Ok(figures) => {
                    for (figure, column) in figures.iter().zip(self.columns) {
                        let _ = write!(text, " | {}", column.said(*figure));
                    }
                }
                Err(why) => {
                    let _ = write!(text, " | failed: {why}");
                    text += &" |".repeat(self.columns.len().saturating_sub(1));
                }
            }
            text += " |";
        }
        text + "\n"
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| self.line_json(line)).collect();
        format!(
            "{{\"title\":{:?},\"lines\":[\n{}\n]}}",
            self.title,
            lines.join(",\n")
        )
    }

    fn line_json(&self, line: &Line) -> String {
        let mut text = format!("{{\"name\":{:?}", line.name);
        match &line.figures {
            Ok(figures) => {
                for (figure, column) in figures.iter().zip(self.columns) {
                    let key = [column.name, column.unit].join(", ");
                    let key = key.trim_end_matches(", ");
                    let _ = write!(text, ",{key:?}:{figure:.3}");
                }
            }
            Err(why) => {
                let _ = write!(text, ",\"failed\":{why:?}");
            }
        }
        text + "}"
    }
}

impl Column {
    fn said(&self, figure: f64) -> String {
        let number = format!("{figure:.*}", self.decimals);
        [number.as_str(), self.unit].join(" ").trim_end().to_owned()
    }
}
