//! An SVG picture of all panels, in their places. Its colours do not depend on the colour scheme of the page that shows it.

use std::fmt::Write as _;

use super::{Form, Line, Panel, chart, stat};

/// The size of a place of the grid.
const COLUMN: f64 = 55.0;
const ROW: f64 = 27.0;
/// The number of columns, as in Grafana.
const COLUMNS: f64 = 24.0;
/// The space around the panels.
const MARGIN: f64 = 12.0;
const GAP: f64 = 8.0;
/// The space for the title and the phases.
const HEAD: f64 = 64.0;

const STYLE: &str = "text { fill: #24312e; font-size: 13px } .title { font-size: 14px; font-weight: 600 } \
    .head { font-size: 20px; font-weight: 600 } .small { font-size: 12px; fill: #44524e } .value { font-size: 24px } \
    .back { fill: #eef2f1 } .panel { fill: #ffffff; stroke: #d5dcda } .axis { stroke: #dfe5e3 } \
    .attack { fill: #fbe3cf } .outage { fill: #dfe3f5 } \
    .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round } .mark { stroke-width: 3 } \
    .c0 { stroke: #0f6e63 } .c1 { stroke: #b0632a } .c2 { stroke: #3465a4 } .c3 { stroke: #8b3a8b } \
    .c4 { stroke: #6b7a00 } .c5 { stroke: #b03a5b } .c6 { stroke: #5f6b73 } .c7 { stroke: #8a6d1a } \
    .threshold { stroke-dasharray: 6 4; stroke-width: 1.4 } .red-line { stroke: #c62828 } .orange-line { stroke: #b86e00 } \
    .green-line { stroke: #2f7d32 } .red { fill: #c62828 } .orange { fill: #b86e00 } .green { fill: #2f7d32 }";

/// A rectangle of the picture.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

/// What happened meanwhile, as a background in each chart.
pub struct Phase {
    /// What happened.
    pub name: &'static str,
    /// The class of the background: `attack` or `outage`.
    pub class: &'static str,
    /// The begin, in seconds.
    pub from: f64,
    /// The end, in seconds.
    pub to: f64,
}

/// Draws all panels, each with the series of its queries.
#[must_use]
pub fn picture(panels: &[(Panel, Vec<Line>)], seconds: f64, phases: &[Phase]) -> String {
    let rows = panels.iter().map(|(panel, _)| panel.place);
    let rows = rows.map(|place| place.y + place.h).max().unwrap_or(0);
    let (width, height) = (
        COLUMNS * COLUMN + MARGIN * 2.0,
        HEAD + f64::from(rows) * ROW + MARGIN,
    );
    let mut drawn = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\">\n\
         <style>{STYLE}</style>\n<rect class=\"back\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"head\" x=\"{MARGIN}\" y=\"30\">Holdfast</text>\n"
    );
    drawn += &key(phases);
    for (panel, lines) in panels {
        drawn += &draw(panel, lines, seconds, phases);
    }
    drawn + "</svg>\n"
}

/// The names of the phases, beside their colours.
fn key(phases: &[Phase]) -> String {
    let mut drawn = String::new();
    let mut x = MARGIN;
    for phase in phases {
        let text = format!("{} ({:.0} s to {:.0} s)", phase.name, phase.from, phase.to);
        let _ = writeln!(
            drawn,
            "<rect class=\"{}\" x=\"{x}\" y=\"42\" width=\"16\" height=\"14\"/><text x=\"{}\" y=\"54\">{}</text>",
            phase.class,
            x + 22.0,
            escape(&text)
        );
        x += 320.0;
    }
    drawn
}

fn draw(panel: &Panel, lines: &[Line], seconds: f64, phases: &[Phase]) -> String {
    let place = panel.place;
    let area = Area {
        x: MARGIN + f64::from(place.x) * COLUMN,
        y: HEAD + f64::from(place.y) * ROW,
        w: f64::from(place.w) * COLUMN - GAP,
        h: f64::from(place.h) * ROW - GAP,
    };
    let title = escape(&panel.title);
    if panel.form == Form::Row {
        let (x, y) = (area.x, area.y + area.h);
        return format!("<text class=\"head\" x=\"{x}\" y=\"{y}\">{title}</text>\n");
    }
    let Area { x, y, w, h } = area;
    let card = format!(
        "<rect class=\"panel\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"3\"/>\
         <text class=\"title\" x=\"{}\" y=\"{}\">{title}</text>\n",
        x + 12.0,
        y + 22.0
    );
    let content = match panel.form {
        Form::Stat => stat::draw(panel, lines, area),
        Form::Row | Form::TimeSeries => chart::draw(panel, lines, area, seconds, phases),
    };
    format!("{card}{content}")
}

/// Text for XML.
pub(super) fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;")
}
