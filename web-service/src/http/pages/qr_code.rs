//! QR codes as inline SVG, without a style or a script.

use std::fmt::Write as _;

use qrcodegen::{QrCode as Code, QrCodeEcc};

/// Modules of free space on each side (ISO/IEC 18004 §5.3.8).
const QUIET_ZONE: i32 = 4;

/// A QR code for the template of a page.
pub(super) struct QrCode {
    /// Width and height of the view box, in modules.
    pub(super) size: i32,
    /// The dark modules: `d` of a path.
    pub(super) path: String,
}

impl QrCode {
    /// The code of a text; `None` if it is too long for one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = Code::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            for (x, length) in dark_runs(&code, y) {
                let (x, y) = (x + QUIET_ZONE, y + QUIET_ZONE);
                let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
            }
        }
        Some(Self {
            size: code.size() + 2 * QUIET_ZONE,
            path,
        })
    }
}

/// Start and length of each run of dark modules in a row.
fn dark_runs(code: &Code, y: i32) -> Vec<(i32, i32)> {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == x => *length += 1,
            _ => runs.push((x, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_draws_every_dark_module_once() {
        let text = "otpauth://totp/id.example:ada?secret=MFRGG&issuer=id.example";
        let code = Code::encode_text(text, QrCodeEcc::Medium).unwrap();
        let is_dark = |x, y| i32::from(code.get_module(x, y));
        let row = |y| (0..code.size()).map(move |x| is_dark(x, y)).sum::<i32>();
        let modules: i32 = (0..code.size()).map(row).sum();
        let drawn: i32 = (0..code.size())
            .flat_map(|y| dark_runs(&code, y))
            .map(|(_, length)| length)
            .sum();
        assert_eq!(drawn, modules);
        let qr_code = QrCode::of(text).unwrap();
        assert_eq!(qr_code.size, code.size() + 8);
        assert!(qr_code.path.starts_with("M4 4h7v1h-7z"), "{}", qr_code.path);
        assert!(QrCode::of(&"a".repeat(5000)).is_none());
    }
}
