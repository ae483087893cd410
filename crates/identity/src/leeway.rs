//! The clock skew that is tolerated.

use std::time::Duration;

/// How far the clocks of this instance, of other instances and of callers may differ: 30 seconds to either side of `iat`, `nbf`
/// and `exp` (RFC 7519 §4.1.4).
pub const LEEWAY: Duration = Duration::from_secs(30);
