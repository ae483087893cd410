//! The output of `doctor`.

use std::{fmt::Write as _, process::ExitCode};

use serde::Serialize;

use crate::doctor::{Finding, Severity};

/// Everything that `doctor` found, in the order of the checks. Its serialization is the output of `--json`.
#[derive(Debug, Serialize)]
pub struct Report {
    service: &'static str,
    version: &'static str,
    severity: Severity,
    findings: Vec<Finding>,
}

impl Report {
    /// A report of a service. `version` is that of the program that checks.
    #[must_use]
    pub fn new(service: &'static str, version: &'static str, findings: Vec<Finding>) -> Self {
        let severities = findings.iter().map(|finding| finding.severity);
        Self {
            service,
            version,
            severity: severities.max().unwrap_or(Severity::Ok),
            findings,
        }
    }

    /// 0 where all findings are [`Severity::Ok`], 1 with a warning, 2 with an error.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.severity as u8)
    }

    /// The report as text or as one JSON object, with a line end.
    ///
    /// # Errors
    /// JSON cannot represent it, which does not occur.
    pub fn render(&self, as_json: bool) -> serde_json::Result<String> {
        if as_json {
            return Ok(serde_json::to_string_pretty(self)? + "\n");
        }
        let mut text = String::new();
        for finding in &self.findings {
            let (severity, check) = (finding.severity.as_str(), finding.check);
            let _ = writeln!(text, "{severity:<8} {check:<26} {}", indent(&finding.found));
            if let Some(remedy) = &finding.remedy {
                let _ = writeln!(text, "         why: {}", finding.why);
                let _ = writeln!(text, "         do:  {}", indent(remedy));
            }
        }
        let count = |severity| {
            let found = self.findings.iter();
            found.filter(|found| found.severity == severity).count()
        };
        let [fine, warnings, errors] =
            [Severity::Ok, Severity::Warning, Severity::Error].map(count);
        let _ = writeln!(text, "ok: {fine}, warnings: {warnings}, errors: {errors}");
        Ok(text)
    }
}

/// A text of several lines, of which all but the first are indented.
fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n         ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Check;

    static REFLECTION: Check = Check {
        id: "settings.reflection",
        why: "Reflection describes every call",
    };

    fn report(findings: Vec<Finding>) -> Report {
        Report::new("auth-service", "1.2.3", findings)
    }

    #[test]
    fn exit_code_is_that_of_the_most_serious_finding() {
        let (fine, warning) = (
            REFLECTION.ok("off"),
            REFLECTION.warning("on", "switch it off"),
        );
        let error = REFLECTION.error("unknown", "set it");
        let code = |findings| report(findings).exit_code();
        assert_eq!(code(Vec::new()), ExitCode::from(0));
        assert_eq!(code(vec![fine.clone()]), ExitCode::from(0));
        assert_eq!(code(vec![warning.clone(), fine.clone()]), ExitCode::from(1));
        assert_eq!(code(vec![fine, error, warning]), ExitCode::from(2));
    }

    #[test]
    fn text_has_the_reason_and_the_remedy_of_what_is_to_be_done() {
        let findings = vec![
            REFLECTION.ok("reflection is off"),
            REFLECTION.warning("reflection is on\nfor all", "set AUTH_REFLECTION=off"),
        ];
        let expected = "\
ok       settings.reflection        reflection is off
warning  settings.reflection        reflection is on
         for all
         why: Reflection describes every call
         do:  set AUTH_REFLECTION=off
ok: 1, warnings: 1, errors: 0
";
        assert_eq!(report(findings).render(false).unwrap(), expected);
    }

    #[test]
    fn json_is_one_object_with_all_findings() {
        let findings = vec![
            REFLECTION.ok("off"),
            REFLECTION.error("on", "switch it off"),
        ];
        let json = report(findings).render(true).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "service": "auth-service",
            "version": "1.2.3",
            "severity": "error",
            "findings": [
                {"check": "settings.reflection", "severity": "ok", "found": "off",
                 "why": REFLECTION.why, "remedy": null},
                {"check": "settings.reflection", "severity": "error", "found": "on",
                 "why": REFLECTION.why, "remedy": "switch it off"},
            ],
        });
        assert_eq!(json, expected);
    }
}
