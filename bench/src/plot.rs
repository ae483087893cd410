//! SVG charts.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 260.0;
const BAR: f64 = 26.0;

const STYLE: &str = ".own { fill: #0f6e63 } .other { fill: #7d8c88 } text { fill: #24312e } .back { fill: #ffffff } \
    .curve0 { stroke: #0f6e63 } .curve1 { stroke: #b0632a } .name0 { fill: #0f6e63 } .name1 { fill: #b0632a } \
    .axis { stroke: #c3ccca }";

/// A bar of a bar chart, with the text beside it.
pub(super) struct Bar<'a> {
    pub(super) name: &'a str,
    pub(super) figure: f64,
    pub(super) label: String,
}

/// A bar chart with horizontal bars.
#[expect(clippy::cast_precision_loss, reason = "coordinates of a chart")]
pub(super) fn bars(title: &str, bars: &[Bar<'_>]) -> String {
    let max = bars.iter().map(|bar| bar.figure).fold(1.0, f64::max);
    let height = BAR * (bars.len() as f64 + 1.0) + 16.0;
    let mut drawn = String::new();
    for (index, bar) in bars.iter().enumerate() {
        let top = BAR * (index as f64 + 1.0);
        let length = bar.figure / max * (WIDTH - LEFT - 90.0);
        let class = if bar.name.starts_with("Holdfast") {
            "own"
        } else {
            "other"
        };
        let _ = write!(
            drawn,
            "  <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n  <rect class=\"{class}\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"16\"/>\n  <text x=\"{:.1}\" y=\"{}\">{}</text>\n",
            LEFT - 8.0,
            top + 13.0,
            bar.name,
            top,
            LEFT + length + 6.0,
            top + 13.0,
            bar.label,
        );
    }
    chart(title, height, &drawn)
}

/// A curve, with a figure for each position on the x-axis; none where it was not measured.
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    pub(super) figures: Vec<Option<f64>>,
}

const TOP: f64 = 40.0;
const BOTTOM: f64 = 240.0;
const SIDE: f64 = 60.0;

/// A line chart over evenly spaced positions. The y-axis starts at zero.
#[expect(clippy::cast_precision_loss, reason = "coordinates of a chart")]
pub(super) fn curves(title: &str, unit: &str, places: &[&str], curves: &[Curve<'_>]) -> String {
    let figures = curves
        .iter()
        .flat_map(|curve| curve.figures.iter().flatten());
    let max = figures.copied().fold(1.0, f64::max) * 1.1;
    let step = (WIDTH - SIDE * 2.0) / (places.len().max(2) - 1) as f64;
    let x = |index: usize| SIDE + step * index as f64;
    let y = |figure: f64| BOTTOM - figure / max * (BOTTOM - TOP);
    let mut drawn = format!(
        "  <path class=\"axis\" d=\"M{SIDE} {TOP} V{BOTTOM} H{}\" fill=\"none\"/>\n  <text x=\"{SIDE}\" y=\"{}\">{max:.0} {unit}</text>\n",
        WIDTH - SIDE,
        TOP - 6.0
    );
    for (index, place) in places.iter().enumerate() {
        let _ = writeln!(
            drawn,
            "  <text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{place}</text>",
            x(index),
            BOTTOM + 18.0
        );
    }
    for (number, curve) in curves.iter().enumerate() {
        let found = curve.figures.iter().enumerate();
        let found: Vec<_> = found
            .filter_map(|(index, figure)| Some((x(index), (*figure)?)))
            .collect();
        let points: Vec<_> = found
            .iter()
            .map(|(x, figure)| format!("{x:.1},{:.1}", y(*figure)))
            .collect();
        let _ = write!(
            drawn,
            "  <polyline class=\"curve{number}\" fill=\"none\" stroke-width=\"2\" points=\"{}\"/>\n  <text class=\"name{number}\" x=\"{}\" y=\"{}\">{}</text>\n",
            points.join(" "),
            SIDE + 8.0,
            BOTTOM + 40.0 + 18.0 * number as f64,
            curve.name
        );
        for (x, figure) in found {
            let _ = writeln!(
                drawn,
                "  <text class=\"name{number}\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{figure:.1}</text>",
                y(figure) - 8.0
            );
        }
    }
    let height = BOTTOM + 40.0 + 18.0 * curves.len() as f64;
    chart(title, height, &drawn)
}

fn chart(title: &str, height: f64, drawn: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n  <style>{STYLE}</style>\n  <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\"/>\n  <text x=\"8\" y=\"16\">{title}</text>\n{drawn}</svg>\n"
    )
}
