//! A panel with the latest value of each series.

use std::fmt::Write as _;

use super::{
    Line, Panel,
    picture::{Area, escape},
    scale,
};

/// The baseline of the first value, below the top of the panel.
const FIRST: f64 = 62.0;
const LINE: f64 = 34.0;

/// Draws the panel into an area.
pub(super) fn draw(panel: &Panel, lines: &[Line], area: Area) -> String {
    let mut drawn = String::new();
    let mut y = area.y + FIRST;
    for line in lines {
        let Some(value) = line.last() else {
            continue;
        };
        let reached = panel.thresholds.iter().rev();
        let mut reached = reached.filter(|(from, _)| value >= *from);
        let colour = reached.next().map_or("text", |(_, colour)| colour);
        let _ = writeln!(
            drawn,
            "<text x=\"{:.1}\" y=\"{y:.1}\">{}</text><text class=\"value {colour}\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
            area.x + 14.0,
            escape(&line.name),
            area.x + area.w - 14.0,
            scale::format(value, &panel.unit)
        );
        y += LINE;
    }
    drawn
}
