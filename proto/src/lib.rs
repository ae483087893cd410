//! The contract between auth-service and its callers, generated from `auth/v1/*.proto`.
//!
//! The comments in the `.proto` files are the reference: who may call what, units, limits and errors.

/// Package `auth.v1`.
#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("auth.v1");
}

const REASON_PREFIX: &str = "ERROR_REASON_";

impl v1::ErrorReason {
    /// The value of `google.rpc.ErrorInfo.reason`: this value's name without the prefix `ERROR_REASON_`, such as `TOKEN_EXPIRED`.
    #[must_use]
    pub fn wire_name(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix(REASON_PREFIX).unwrap_or(name)
    }

    /// The reason with this [`wire_name`](Self::wire_name); `None` for a name that this version of the contract does not have.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        let reason = Self::from_str_name(&format!("{REASON_PREFIX}{name}"))?;
        (reason != Self::Unspecified).then_some(reason)
    }
}

/// The metadata entry by whose value, the service secret, web-service authenticates to auth-service.
pub const SERVICE_SECRET: &str = "holdfast-service-secret";

/// The metadata entry with the id of the request that a call belongs to, for the audit trail.
pub const REQUEST_ID: &str = "x-request-id";

/// The key of `google.rpc.ErrorInfo.metadata` with the nonce that the next DPoP proof must contain (RFC 9449 §8).
pub const DPOP_NONCE: &str = "dpop_nonce";

/// The metadata entry of the DPoP proof that accompanies `authorization: DPoP …` (RFC 9449 §4.1).
pub const DPOP: &str = "dpop";

/// The metadata entry in which web-service states the HTTP method of the request that a proof came with.
pub const DPOP_METHOD: &str = "holdfast-dpop-method";
/// The metadata entry in which web-service states the URL of the request that a proof came with.
pub const DPOP_URI: &str = "holdfast-dpop-uri";

/// The metadata entry in which web-service identifies the sign-in form that a `Login` call comes from: 16 random bytes in base64url.
/// A form that is submitted twice starts one login.
pub const SIGN_IN_FORM: &str = "holdfast-sign-in-form";

/// The `FileDescriptorSet` of the package and its imports, encoded, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
