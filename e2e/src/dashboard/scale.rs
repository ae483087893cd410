//! Units, and axes that end at a round value.

/// Bytes of a kibibyte, a mebibyte, …
const BINARY: f64 = 1024.0;

/// Formats a value with its unit.
pub(super) fn format(value: f64, unit: &str) -> String {
    match unit {
        "s" => seconds(value),
        "bytes" => {
            let (divisor, name) = binary(value);
            format!("{} {name}", short(value / divisor))
        }
        "reqps" => format!("{}/s", short(value)),
        "percentunit" => format!("{} %", short(value * 100.0)),
        _ => short(value),
    }
}

/// The end of an axis that begins at zero: a round value in its unit, not below `max`.
pub(super) fn end(max: f64, unit: &str) -> f64 {
    if !max.is_finite() || max <= 0.0 {
        // A line at zero is at the bottom.
        return if unit == "percentunit" { 0.01 } else { 1.0 };
    }
    let step = match unit {
        "bytes" => binary(max).0,
        _ => 1.0,
    };
    let scaled = max / step;
    let magnitude = 10_f64.powf(scaled.log10().floor());
    let round = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].into_iter();
    let mut round = round.map(|factor| factor * magnitude);
    let end = round.find(|end| *end >= scaled * 0.999);
    end.unwrap_or(scaled) * step
}

fn seconds(value: f64) -> String {
    let size = value.abs();
    let (divisor, unit) = match size {
        _ if size == 0.0 => (1.0, "s"),
        _ if size < 0.001 => (0.000_001, "µs"),
        _ if size < 1.0 => (0.001, "ms"),
        _ if size < 120.0 => (1.0, "s"),
        _ if size < 7_200.0 => (60.0, "min"),
        _ if size < 172_800.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    };
    format!("{} {unit}", short(value / divisor))
}

fn binary(value: f64) -> (f64, &'static str) {
    let units = ["B", "KiB", "MiB", "GiB"];
    let mut divisor = 1.0;
    for unit in units {
        if value < divisor * BINARY {
            return (divisor, unit);
        }
        divisor *= BINARY;
    }
    (divisor / BINARY, "GiB")
}

/// Three digits, without zeros at the end.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 || size == 0.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        let text = text.trim_end_matches('0').trim_end_matches('.');
        text.to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_formatted_with_its_unit() {
        for (value, unit, expected) in [
            (0.0, "s", "0 s"),
            (0.000_25, "s", "250 µs"),
            (0.025, "s", "25 ms"),
            (1.5, "s", "1.5 s"),
            (7_776_000.0, "s", "90 d"),
            (31_457_280.0, "bytes", "30 MiB"),
            (0.12, "reqps", "0.12/s"),
            (0.5, "percentunit", "50 %"),
            (340.0, "none", "340"),
        ] {
            assert_eq!(format(value, unit), expected);
        }
    }

    #[test]
    fn axis_ends_at_round_value_above_the_maximum() {
        for (max, unit, expected) in [
            (0.0, "none", 1.0),
            (0.0, "percentunit", 0.01),
            (1.0, "none", 1.0),
            (37.0, "none", 40.0),
            (34_000_000.0, "bytes", 41_943_040.0),
        ] {
            let end = end(max, unit);
            assert!((end - expected).abs() < expected / 1000.0, "{max}: {end}");
        }
    }
}
