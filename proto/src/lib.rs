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

/// The metadata entry with which web-service proves itself to auth-service.
pub const SERVICE_SECRET: &str = "holdfast-service-secret";

/// The metadata entry of the proof that comes with `authorization: DPoP …` (RFC 9449 §4.1).
pub const DPOP: &str = "dpop";

/// The metadata entries in which web-service states the method and the URL of the request that such a proof came with.
pub const DPOP_METHOD: &str = "holdfast-dpop-method";
/// See [`DPOP_METHOD`].
pub const DPOP_URI: &str = "holdfast-dpop-uri";

/// The metadata entry in which web-service names the sign-in form that a `Login` call comes from: 16 random bytes in base64url.
/// Somebody who presses its button twice begins one login.
pub const SIGN_IN_FORM: &str = "holdfast-sign-in-form";

/// The `FileDescriptorSet` of the package and its imports, encoded, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
