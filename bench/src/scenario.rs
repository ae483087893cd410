//! Figures of another form than a row's: what grows with what, and what else is promised.

use std::fmt::Write as _;

use crate::{
    Bench,
    plot::{self, Bar, Curve},
    sampler::medians,
};

/// A table of its own.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) part: &'static Part,
    pub(super) lines: Vec<Line>,
}

/// What a section says, before it is measured.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) title: &'static str,
    /// What was done, and what the figures mean.
    pub(super) about: &'static str,
    /// Of its lines, where they are no numbers.
    pub(super) names: &'static [&'static str],
    pub(super) columns: &'static [Column],
    pub(super) picture: Picture,
    pub(super) measure: fn(&Bench) -> Vec<Line>,
}

/// What is to be seen at a glance.
#[derive(Clone, Copy, Debug)]
pub(super) enum Picture {
    None,
    /// A bar for each line, of this column.
    Bars(usize),
    /// A curve over the lines, for each of these columns.
    Curves(&'static [usize]),
}

/// What a figure is, in what unit, and with how many decimals people see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    name: &'static str,
    unit: &'static str,
    decimals: usize,
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

    /// The same, and says what is measured meanwhile.
    pub(super) fn measured(
        name: impl Into<String>,
        measure: impl FnOnce() -> anyhow::Result<Vec<f64>>,
    ) -> Self {
        let name = name.into();
        println!("  {name}");
        Self::of(name, measure())
    }

    pub(super) fn figure(&self, column: usize) -> Option<f64> {
        let figures = self.figures.as_ref().ok()?;
        figures
            .get(column)
            .copied()
            .filter(|figure| !figure.is_nan())
    }
}

/// A name, and a run that gives its figures.
pub(super) type Runner<'a> = (
    &'static str,
    Box<dyn FnMut() -> anyhow::Result<Vec<f64>> + 'a>,
);

/// Runs of each of them in turn, so that what else the machine does meanwhile hits all alike; medians.
pub(super) fn in_turn(runs: usize, runners: Vec<Runner<'_>>) -> Vec<Line> {
    let (names, mut runners): (Vec<_>, Vec<_>) = runners.into_iter().unzip();
    let all = take_turns(runs, &mut runners);
    let lines = names.into_iter().zip(all);
    lines
        .map(|(name, all)| Line::of(name, all.map(|all| medians(&all))))
        .collect()
}

/// Each once, then each again: what the machine suffers meanwhile hits them alike. What fails has no further turn.
pub(super) fn take_turns<T>(
    runs: usize,
    runners: &mut [impl FnMut() -> anyhow::Result<T>],
) -> Vec<anyhow::Result<Vec<T>>> {
    let mut all: Vec<anyhow::Result<Vec<T>>> = runners.iter().map(|_| Ok(Vec::new())).collect();
    for run in 1..=runs {
        println!("  run {run} of {runs}");
        for (runner, so_far) in runners.iter_mut().zip(&mut all) {
            if let Ok(outcomes) = so_far {
                match runner() {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(error) => *so_far = Err(error),
                }
            }
        }
    }
    all
}

/// Adds how many times the figure in `column` of the line `floor` each one is.
pub(super) fn compare(lines: &mut [Line], column: usize, floor: usize) {
    let floor = lines.get(floor).and_then(|line| line.figure(column));
    for line in lines {
        let times = line.figure(column).zip(floor);
        if let Ok(figures) = &mut line.figures {
            figures.push(times.map_or(f64::NAN, |(figure, floor)| figure / floor));
        }
    }
}

/// A failure is a result, too.
pub(super) fn or_failed(lines: anyhow::Result<Vec<Line>>) -> Vec<Line> {
    lines.unwrap_or_else(|error| vec![Line::of("all", Err(error))])
}

impl Part {
    pub(super) fn run(&'static self, bench: &Bench) -> Section {
        println!("{}", self.title);
        let lines = (self.measure)(bench);
        let section = Section { part: self, lines };
        println!("{}", section.table());
        section
    }

    /// Whether this is what somebody wants to see.
    pub(super) fn is_about(&self, text: &str) -> bool {
        let mut names = [self.title].into_iter().chain(self.names.iter().copied());
        names.any(|name| name.contains(text))
    }

    /// The name of its picture's file.
    pub(super) fn slug(&self) -> String {
        let words = self.title.to_lowercase();
        words.replace(',', "").replace(' ', "-")
    }
}

impl Section {
    /// For people.
    pub(super) fn table(&self) -> String {
        let Part { title, about, .. } = self.part;
        let mut text = format!("\n## {title}\n\n{about}\n\n");
        if !matches!(self.part.picture, Picture::None) {
            let _ = write!(text, "![{title}]({}.svg)\n\n", self.part.slug());
        }
        text += "|";
        for column in self.part.columns {
            let _ = write!(text, " | {}", column.name);
        }
        text += " |\n|---|";
        text += &"---|".repeat(self.part.columns.len());
        for line in &self.lines {
            let _ = write!(text, "\n| {}", line.name);
            match &line.figures {
                Ok(figures) => {
                    for (figure, column) in figures.iter().zip(self.part.columns) {
                        let _ = write!(text, " | {}", column.said(*figure));
                    }
                }
                Err(why) => {
                    let _ = write!(text, " | failed: {why}");
                    text += &" |".repeat(self.part.columns.len().saturating_sub(1));
                }
            }
            text += " |";
        }
        text + "\n"
    }

    /// For the eye, where it helps.
    pub(super) fn picture(&self) -> Option<String> {
        let Part { title, columns, .. } = self.part;
        match self.part.picture {
            Picture::None => None,
            Picture::Bars(index) => {
                let column = columns.get(index)?;
                let bars: Vec<_> = self
                    .lines
                    .iter()
                    .map(|line| bar(line, index, column))
                    .collect();
                Some(plot::bars(&format!("{title}: {}", column.name), &bars))
            }
            Picture::Curves(indices) => {
                let curve = |index: &usize| {
                    Some(Curve {
                        name: columns.get(*index)?.name,
                        figures: self.lines.iter().map(|line| line.figure(*index)).collect(),
                    })
                };
                let curves = indices.iter().map(curve).collect::<Option<Vec<_>>>()?;
                let places: Vec<_> = self.lines.iter().map(|line| line.name.as_str()).collect();
                let unit = columns.get(*indices.first()?)?.unit;
                Some(plot::curves(title, unit, &places, &curves))
            }
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| self.line_json(line)).collect();
        format!(
            "{{\"title\":{:?},\"lines\":[\n{}\n]}}",
            self.part.title,
            lines.join(",\n")
        )
    }

    fn line_json(&self, line: &Line) -> String {
        let mut text = format!("{{\"name\":{:?}", line.name);
        match &line.figures {
            Ok(figures) => {
                for (figure, column) in figures.iter().zip(self.part.columns) {
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

fn bar<'a>(line: &'a Line, index: usize, column: &Column) -> Bar<'a> {
    let figure = line.figure(index);
    Bar {
        name: &line.name,
        figure: figure.unwrap_or_default(),
        said: figure.map_or_else(|| "failed".to_owned(), |figure| column.said(figure)),
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

    pub(super) fn said(&self, figure: f64) -> String {
        if figure.is_nan() {
            return String::new();
        }
        let number = format!("{figure:.*}", self.decimals);
        [number.as_str(), self.unit].join(" ").trim_end().to_owned()
    }
}
