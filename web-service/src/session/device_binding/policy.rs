//! The operator's settings of device binding.

/// `WEB_DEVICE_BINDING`: whether sessions are bound to devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceBinding {
    /// Sessions are not bound, and earlier bindings are not enforced.
    Off,
    /// Sessions of browsers that support it are bound.
    Prefer,
    /// Sessions must be bound; browsers that do not support it are refused.
    Require,
}

/// `WEB_DEVICE_THEFT`: what happens to a login whose session cookie was probably stolen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTheft {
    /// An audit event is recorded.
    Report,
    /// The login ends, too.
    EndLogin,
}

/// The settings together.
#[derive(Clone, Copy, Debug)]
pub struct BindingPolicy {
    /// Whether sessions are bound.
    pub binding: DeviceBinding,
    /// What happens at a probable theft.
    pub on_theft: OnTheft,
}
