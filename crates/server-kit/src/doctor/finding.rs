//! Checks and their findings.

use serde::Serialize;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As recommended, or not applicable.
    Ok,
    /// The service works, and is less safe or less available than it could be.
    Warning,
    /// The service does not work, or does not protect what it should.
    Error,
}

impl Severity {
    /// The word in the output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that `doctor` checks.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// The stable identifier, `subject.aspect`.
    pub id: &'static str,
    /// What is checked, and why it matters.
    pub why: &'static str,
}

impl Check {
    /// A finding that needs no action.
    pub fn ok(&'static self, found: impl Into<String>) -> Finding {
        self.finding(Severity::Ok, found.into(), None)
    }

    /// A finding that should be dealt with.
    pub fn warning(&'static self, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding(Severity::Warning, found.into(), Some(remedy.into()))
    }

    /// A finding that has to be dealt with.
    pub fn error(&'static self, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding(Severity::Error, found.into(), Some(remedy.into()))
    }

    const fn finding(
        &'static self,
        severity: Severity,
        found: String,
        remedy: Option<String>,
    ) -> Finding {
        Finding {
            check: self.id,
            severity,
            found,
            why: self.why,
            remedy,
        }
    }
}

/// The result of a check. Contains no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Identifier of the check.
    pub check: &'static str,
    /// How serious it is.
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// What is checked, and why it matters.
    pub why: &'static str,
    /// What to do; `None` where nothing has to be done.
    pub remedy: Option<String>,
}

impl Finding {
    /// Identifier of the check, and how serious the finding is.
    #[must_use]
    pub const fn outcome(&self) -> (&'static str, Severity) {
        (self.check, self.severity)
    }
}

/// The findings, or where there are none, that all is well.
#[must_use]
pub fn or_ok(findings: Vec<Finding>, check: &'static Check, found: &str) -> Vec<Finding> {
    if findings.is_empty() {
        vec![check.ok(found)]
    } else {
        findings
    }
}
