//! The dashboard of `deploy/monitoring`: its panels, their series, and a picture of them.

mod chart;
mod picture;
mod scale;
mod stat;

use serde_json::Value;

pub use self::picture::{Phase, picture};
use crate::prometheus::{Prometheus, Series};

/// The place of a panel: 24 columns, and rows from the top, as in Grafana.
#[derive(Clone, Copy)]
pub struct Place {
    /// The first column.
    pub x: u32,
    /// The first row.
    pub y: u32,
    /// The number of columns.
    pub w: u32,
    /// The number of rows.
    pub h: u32,
}

/// The form of a panel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The title of the panels below it.
    Row,
    /// The latest values, in the colours of the thresholds.
    Stat,
    /// A line for each series.
    TimeSeries,
}

/// An expression of a panel.
pub struct Query {
    /// Expression in the language of Prometheus, with the variables of Grafana.
    pub expr: String,
    /// The name of each series, with labels in double braces.
    pub legend: String,
}

/// A panel.
pub struct Panel {
    /// The title.
    pub title: String,
    /// The form.
    pub form: Form,
    /// The place.
    pub place: Place,
    /// The unit, by its name in Grafana: `s`, `bytes`, `reqps`, `percentunit`, `none`.
    pub unit: String,
    /// The end of the axis, where it is fixed.
    pub max: Option<f64>,
    /// From which value on which colour applies; the first one from minus infinity.
    pub thresholds: Vec<(f64, String)>,
    /// The expressions; none for a row.
    pub queries: Vec<Query>,
}

/// A series with its name in the legend.
pub struct Line {
    /// The name.
    pub name: String,
    /// Seconds since the first moment of the picture, and value.
    pub points: Vec<(f64, f64)>,
}

/// Reads the panels of a dashboard of Grafana.
#[must_use]
pub fn panels(dashboard: &Value) -> Vec<Panel> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().map(panel).collect()
}

fn panel(value: &Value) -> Panel {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |name: &str| u32::try_from(value["gridPos"][name].as_u64().unwrap()).unwrap();
    let defaults = &value["fieldConfig"]["defaults"];
    let steps = defaults["thresholds"]["steps"].as_array();
    let targets = value["targets"].as_array();
    Panel {
        title: text(&value["title"]),
        form: match value["type"].as_str().unwrap() {
            "row" => Form::Row,
            "stat" => Form::Stat,
            "timeseries" => Form::TimeSeries,
            other => panic!("a panel of the type {other}"),
        },
        place: Place {
            x: place("x"),
            y: place("y"),
            w: place("w"),
            h: place("h"),
        },
        unit: text(&defaults["unit"]),
        max: defaults["max"].as_f64(),
        thresholds: steps.map_or_else(Vec::new, |steps| {
            let steps = steps.iter();
            let steps = steps.map(|step| {
                let from = step["value"].as_f64().unwrap_or(f64::NEG_INFINITY);
                (from, text(&step["color"]))
            });
            steps.collect()
        }),
        queries: targets.map_or_else(Vec::new, |targets| {
            let targets = targets.iter().map(|target| Query {
                expr: text(&target["expr"]),
                legend: text(&target["legendFormat"]),
            });
            targets.collect()
        }),
    }
}

impl Query {
    /// The series from `start` to `end` (seconds since 1970). `expand` replaces the variables of Grafana.
    ///
    /// # Errors
    /// The message of Prometheus, where it cannot evaluate the expression.
    pub async fn lines(
        &self,
        prometheus: &Prometheus,
        (start, end): (f64, f64),
        expand: impl Fn(&str) -> String,
    ) -> Result<Vec<Line>, String> {
        let found = prometheus.range(&expand(&self.expr), start, end).await?;
        let lines = found.into_iter().map(|series| Line {
            name: self.name(&series),
            points: series
                .samples
                .into_iter()
                .map(|(time, value)| (time - start, value))
                .collect(),
        });
        Ok(lines.collect())
    }

    /// The name of a series: the legend with the values of its labels.
    fn name(&self, series: &Series) -> String {
        let mut name = self.legend.clone();
        for (label, value) in &series.labels {
            name = name.replace(&format!("{{{{{label}}}}}"), value);
        }
        name
    }
}

impl Line {
    /// The greatest finite value; minus infinity without any.
    #[must_use]
    pub fn max(&self) -> f64 {
        let values = self.points.iter().map(|(_, value)| *value);
        values
            .filter(|value| value.is_finite())
            .fold(f64::NEG_INFINITY, f64::max)
    }

    /// The latest finite value.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        let mut values = self.points.iter().rev().map(|(_, value)| *value);
        values.find(|value| value.is_finite())
    }
}
