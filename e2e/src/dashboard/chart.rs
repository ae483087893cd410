//! A panel with a line for each series.

use std::fmt::Write as _;

use super::{
    Line, Panel, Phase,
    picture::{Area, escape},
    scale,
};

/// The space for the values of the axis.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 34.0;
/// The space for the times.
const TIMES: f64 = 20.0;
/// The height of a line of the legend.
const LINE: f64 = 16.0;
/// The width of a letter of the legend.
const LETTER: f64 = 6.3;
/// The width of a capital letter of the legend.
const CAPITAL: f64 = 8.2;
/// The width of the mark of a name, with the spaces around it.
const MARK: f64 = 26.0;
/// The lines of the legend at most.
const LINES: u32 = 3;
/// The number of classes of colours in the style of the picture.
const COLOURS: usize = 8;
/// Samples that are further apart, in seconds, are not connected.
const GAP: f64 = 2.5;

/// Where times and values are in the picture.
struct Axes {
    area: Area,
    seconds: f64,
    end: f64,
}

impl Axes {
    fn x(&self, time: f64) -> f64 {
        self.area.x + time / self.seconds * self.area.w
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value / self.end).clamp(0.0, 1.0);
        self.area.y + self.area.h * (1.0 - share)
    }
}

/// Draws the panel into an area.
pub(super) fn draw(
    panel: &Panel,
    lines: &[Line],
    area: Area,
    seconds: f64,
    phases: &[Phase],
) -> String {
    let mut order: Vec<_> = lines.iter().filter(|line| line.last().is_some()).collect();
    order.sort_by(|one, other| other.max().total_cmp(&one.max()));
    let legend = legend(&order, area.w - 24.0);
    let lines_of_legend = legend.last().map_or(1, |entry| entry.line + 1);
    let below = TIMES + LINE * f64::from(lines_of_legend) + 8.0;
    let max = order.first().map_or(0.0, |line| line.max());
    let axes = Axes {
        area: Area {
            x: area.x + LEFT,
            y: area.y + TOP,
            w: area.w - LEFT - RIGHT,
            h: area.h - TOP - below,
        },
        seconds,
        end: panel.max.unwrap_or_else(|| scale::end(max, &panel.unit)),
    };
    let mut drawn = frame(&axes, &panel.unit, phases);
    for (from, colour) in &panel.thresholds {
        if from.is_finite() && *from > 0.0 && *from <= axes.end {
            let (y, x, w) = (axes.y(*from), axes.area.x, axes.area.w);
            let _ = writeln!(
                drawn,
                "<path class=\"threshold {colour}-line\" d=\"M{x:.1} {y:.1}h{w:.1}\"/>"
            );
        }
    }
    // The greatest ones are drawn last, above the others.
    for (number, line) in order.iter().enumerate().rev() {
        let colour = number % COLOURS;
        let path = path(&axes, &line.points);
        let _ = writeln!(drawn, "<path class=\"line c{colour}\" d=\"{path}\"/>");
    }
    let y = area.y + area.h - below + TIMES + LINE;
    format!("{drawn}{}", draw_legend(&legend, area.x + 12.0, y))
}

/// The axes with their values and times, and the phases behind them.
fn frame(axes: &Axes, unit: &str, phases: &[Phase]) -> String {
    let mut drawn = String::new();
    let Area { x, y, w, h } = axes.area;
    for phase in phases {
        let (from, to) = (axes.x(phase.from), axes.x(phase.to));
        let _ = writeln!(
            drawn,
            "<rect class=\"{}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{h:.1}\"/>",
            phase.class,
            to - from
        );
    }
    for share in [0.0, 0.5, 1.0] {
        let value = axes.end * share;
        let at = axes.y(value);
        let _ = writeln!(
            drawn,
            "<path class=\"axis\" d=\"M{x:.1} {at:.1}h{w:.1}\"/><text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            x - 6.0,
            at + 4.0,
            scale::format(value, unit)
        );
    }
    for share in [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0] {
        let time = axes.seconds * share;
        let _ = writeln!(
            drawn,
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{time:.0} s</text>",
            axes.x(time),
            y + h + 15.0
        );
    }
    drawn
}

/// The line through the points, interrupted where samples are missing. A point between two of its height is left out.
fn path(axes: &Axes, points: &[(f64, f64)]) -> String {
    let placed = points.iter().map(|(time, value)| {
        let y = value.is_finite().then(|| axes.y(*value));
        (*time, y)
    });
    let placed: Vec<_> = placed
        .filter_map(|(time, y)| Some((time, format!("{:.1}", y?))))
        .collect();
    let follows = |one: usize, other: usize| placed[other].0 - placed[one].0 < GAP;
    let mut path = String::new();
    for (index, (time, y)) in placed.iter().enumerate() {
        let joins_previous = index > 0 && follows(index - 1, index);
        let joins_next = index + 1 < placed.len() && follows(index, index + 1);
        let is_level =
            joins_previous && joins_next && placed[index - 1].1 == *y && placed[index + 1].1 == *y;
        if !is_level {
            let command = if joins_previous { 'L' } else { 'M' };
            let _ = write!(path, "{command}{:.1} {y}", axes.x(*time));
        }
        if !joins_previous && !joins_next {
            // A dot.
            path.push_str("h0");
        }
    }
    path
}

/// A name of the legend: its colour (none for the remark on those that are left out), its line, and where it begins.
struct Entry {
    name: String,
    colour: Option<usize>,
    line: u32,
    x: f64,
}

/// The names of the lines, as many as there is space for.
fn legend(lines: &[&Line], width: f64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    // Where the next name may begin.
    let (mut line, mut x) = (0, 0.0);
    for (number, named) in lines.iter().enumerate() {
        let name = shortened(&named.name, width);
        let needed = name_width(&name);
        let wraps = x > 0.0 && x + needed > width;
        let place = if wraps { (line + 1, 0.0) } else { (line, x) };
        let remark = format!("and {} lower", lines.len() - number);
        let is_last_name = number + 1 == lines.len();
        let reserved = if is_last_name {
            0.0
        } else {
            name_width(&remark)
        };
        if place.0 == LINES || place.0 + 1 == LINES && place.1 + needed + reserved > width {
            let (line, x) = if place.0 == LINES { (line, x) } else { place };
            entries.push(Entry {
                name: remark,
                colour: None,
                line,
                x,
            });
            return entries;
        }
        entries.push(Entry {
            name,
            colour: Some(number % COLOURS),
            line: place.0,
            x: place.1,
        });
        (line, x) = (place.0, place.1 + needed);
    }
    entries
}

/// The beginning of a name that is too long for a line.
fn shortened(name: &str, width: f64) -> String {
    let mut shortened = name.to_owned();
    while name_width(&shortened) > width && shortened.pop().is_some() {}
    if shortened.len() < name.len() {
        shortened.pop();
        shortened.push('…');
    }
    shortened
}

fn name_width(name: &str) -> f64 {
    let width = |letter: char| match letter {
        'A'..='Z' | '_' | '→' => CAPITAL,
        _ => LETTER,
    };
    MARK + name.chars().map(width).sum::<f64>()
}

fn draw_legend(entries: &[Entry], left: f64, top: f64) -> String {
    let mut drawn = String::new();
    for entry in entries {
        let (x, y) = (left + entry.x, top + LINE * f64::from(entry.line));
        if let Some(colour) = entry.colour {
            let _ = write!(
                drawn,
                "<path class=\"mark c{colour}\" d=\"M{x:.1} {:.1}h12\"/>",
                y - 4.0
            );
        }
        let _ = writeln!(
            drawn,
            "<text class=\"small\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
            x + 17.0,
            escape(&entry.name)
        );
    }
    drawn
}
