//! Scenarios: measurements with columns of their own, such as growth with the number of sessions.

use std::fmt::Write as _;

use crate::{
    Bench,
    plot::{self, Bar, Curve},
    sampler::medians,
};

/// The result of a scenario.
#[derive(Clone, Debug)]
pub(super) struct ScenarioReport {
    pub(super) scenario: &'static Scenario,
    pub(super) rows: Vec<Measurement>,
}

/// The description of a scenario.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) title: &'static str,
    /// What is measured, and what the figures mean.
    pub(super) about: &'static str,
    /// Names of the rows, where they are not numbers.
    pub(super) names: &'static [&'static str],
    pub(super) columns: &'static [Column],
    pub(super) chart: Chart,
    pub(super) measure: fn(&Bench) -> Vec<Measurement>,
}

/// The chart of a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chart {
    None,
    /// A bar for each row, with the figure of this column.
    Bars(usize),
    /// A curve over the rows, for each of these columns.
    Curves(&'static [usize]),
}

/// Name, unit and number of decimals of a figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    name: &'static str,
    unit: &'static str,
    decimals: usize,
}

/// A row: one figure for each column, or the reason for their absence.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    pub(super) name: String,
    pub(super) figures: Result<Vec<f64>, String>,
}

impl Measurement {
    /// A row with its figures or error.
    pub(super) fn new(name: impl Into<String>, figures: anyhow::Result<Vec<f64>>) -> Self {
        let name = name.into();
        let figures = figures.map_err(|error| format!("{error:#}"));
        Self { name, figures }
    }

    /// Prints the name of the row, and measures it.
    pub(super) fn measured(
        name: impl Into<String>,
        measure: impl FnOnce() -> anyhow::Result<Vec<f64>>,
    ) -> Self {
        let name = name.into();
        println!("  {name}");
        Self::new(name, measure())
    }

    /// The figure of a column, if it was measured.
    pub(super) fn figure(&self, column: usize) -> Option<f64> {
        let figures = self.figures.as_ref().ok()?;
        figures
            .get(column)
            .copied()
            .filter(|figure| !figure.is_nan())
    }
}

/// A row name, and a function that performs one run and returns its figures.
pub(super) type Runner<'a> = (
    &'static str,
    Box<dyn FnMut() -> anyhow::Result<Vec<f64>> + 'a>,
);

/// Measures several rows with interleaved runs, so that other load on the machine affects all alike. The figures are medians.
pub(super) fn measure_interleaved(runs: usize, runners: Vec<Runner<'_>>) -> Vec<Measurement> {
    let (names, mut runners): (Vec<_>, Vec<_>) = runners.into_iter().unzip();
    let all = run_interleaved(runs, &mut runners);
    let lines = names.into_iter().zip(all);
    lines
        .map(|(name, all)| Measurement::new(name, all.map(|all| medians(&all))))
        .collect()
}

/// Performs the first run of each runner, then the second of each, and so on. A runner that fails is not run again.
pub(super) fn run_interleaved<T>(
    runs: usize,
    runners: &mut [impl FnMut() -> anyhow::Result<T>],
) -> Vec<anyhow::Result<Vec<T>>> {
    let mut all: Vec<anyhow::Result<Vec<T>>> = runners.iter().map(|_| Ok(Vec::new())).collect();
    for run in 1..=runs {
        println!("  run {run} of {runs}");
        for (runner, results) in runners.iter_mut().zip(&mut all) {
            if let Ok(outcomes) = results {
                match runner() {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(error) => *results = Err(error),
                }
            }
        }
    }
    all
}

/// Adds a column with the ratio of each figure in `column` to that of the row `floor`.
pub(super) fn add_ratios(lines: &mut [Measurement], column: usize, floor: usize) {
    let floor = lines.get(floor).and_then(|line| line.figure(column));
    for line in lines {
        let times = line.figure(column).zip(floor);
        if let Ok(figures) = &mut line.figures {
            figures.push(times.map_or(f64::NAN, |(figure, floor)| figure / floor));
        }
    }
}

/// The rows, or one row that contains the error.
pub(super) fn or_failed(lines: anyhow::Result<Vec<Measurement>>) -> Vec<Measurement> {
    lines.unwrap_or_else(|error| vec![Measurement::new("all", Err(error))])
}

impl Scenario {
    pub(super) fn run(&'static self, bench: &Bench) -> ScenarioReport {
        println!("{}", self.title);
        let rows = (self.measure)(bench);
        let report = ScenarioReport {
            scenario: self,
            rows,
        };
        println!("{}", report.table());
        report
    }

    /// Whether the title or the name of a row contains the text.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut names = [self.title].into_iter().chain(self.names.iter().copied());
        names.any(|name| name.contains(text))
    }

    /// The name of the file of the chart, without its extension.
    pub(super) fn slug(&self) -> String {
        let words = self.title.to_lowercase();
        words.replace(',', "").replace(' ', "-")
    }
}

impl ScenarioReport {
    /// The scenario as Markdown.
    pub(super) fn table(&self) -> String {
        let Scenario { title, about, .. } = self.scenario;
        let mut text = format!("\n## {title}\n\n{about}\n\n");
        if !matches!(self.scenario.chart, Chart::None) {
            let _ = write!(text, "![{title}]({}.svg)\n\n", self.scenario.slug());
        }
        text += "|";
        for column in self.scenario.columns {
            let _ = write!(text, " | {}", column.name);
        }
        text += " |\n|---|";
        text += &"---|".repeat(self.scenario.columns.len());
        for line in &self.rows {
            let _ = write!(text, "\n| {}", line.name);
            match &line.figures {
                Ok(figures) => {
                    for (figure, column) in figures.iter().zip(self.scenario.columns) {
                        let _ = write!(text, " | {}", column.format(*figure));
                    }
                }
                Err(why) => {
                    let _ = write!(text, " | failed: {why}");
                    text += &" |".repeat(self.scenario.columns.len().saturating_sub(1));
                }
            }
            text += " |";
        }
        text + "\n"
    }

    /// The chart as SVG, if the scenario has one.
    pub(super) fn chart(&self) -> Option<String> {
        let Scenario { title, columns, .. } = self.scenario;
        match self.scenario.chart {
            Chart::None => None,
            Chart::Bars(index) => {
                let column = columns.get(index)?;
                let bars: Vec<_> = self
                    .rows
                    .iter()
                    .map(|line| bar(line, index, column))
                    .collect();
                Some(plot::bars(&format!("{title}: {}", column.name), &bars))
            }
            Chart::Curves(indices) => {
                let curve = |index: &usize| {
                    Some(Curve {
                        name: columns.get(*index)?.name,
                        figures: self.rows.iter().map(|line| line.figure(*index)).collect(),
                    })
                };
                let curves = indices.iter().map(curve).collect::<Option<Vec<_>>>()?;
                let positions: Vec<_> = self.rows.iter().map(|line| line.name.as_str()).collect();
                let unit = columns.get(*indices.first()?)?.unit;
                Some(plot::curves(title, unit, &positions, &curves))
            }
        }
    }

    /// The scenario as JSON.
    pub(super) fn json(&self) -> String {
        let lines: Vec<_> = self.rows.iter().map(|line| self.row_json(line)).collect();
        format!(
            "{{\"title\":{:?},\"lines\":[\n{}\n]}}",
            self.scenario.title,
            lines.join(",\n")
        )
    }

    fn row_json(&self, line: &Measurement) -> String {
        let mut text = format!("{{\"name\":{:?}", line.name);
        match &line.figures {
            Ok(figures) => {
                for (figure, column) in figures.iter().zip(self.scenario.columns) {
                    let key = [column.name, column.unit].join(", ");
                    let key = key.trim_end_matches(", ");
                    let figure = if figure.is_nan() {
                        "null".to_owned()
                    } else {
                        format!("{figure:.3}")
                    };
                    let _ = write!(text, ",{key:?}:{figure}");
                }
            }
            Err(why) => {
                let _ = write!(text, ",\"failed\":{why:?}");
            }
        }
        text + "}"
    }
}

fn bar<'a>(line: &'a Measurement, index: usize, column: &Column) -> Bar<'a> {
    let figure = line.figure(index);
    Bar {
        name: &line.name,
        figure: figure.unwrap_or_default(),
        label: figure.map_or_else(|| "failed".to_owned(), |figure| column.format(figure)),
    }
}

impl Column {
    pub(super) const fn new(name: &'static str, unit: &'static str, decimals: usize) -> Self {
        Self {
            name,
            unit,
            decimals,
        }
    }

    pub(super) fn format(&self, figure: f64) -> String {
        if figure.is_nan() {
            return String::new();
        }
        let number = format!("{figure:.*}", self.decimals);
        [number.as_str(), self.unit].join(" ").trim_end().to_owned()
    }
}
