//! Errors of DPoP proofs, which carry the nonce that the next proof has to contain (RFC 9449 §8).

use auth_proto::{DPOP_NONCE, v1::ErrorReason};
use holdfast_identity::oauth::DpopError;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::grpc::errors::{IntoStatus, code_of, details};

impl IntoStatus for DpopError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        let (reason, nonce) = match self {
            DpopError::Required(nonce) => (ErrorReason::DpopProofRequired, nonce),
            DpopError::Invalid(nonce) => (ErrorReason::DpopProofInvalid, nonce),
            DpopError::NonceRequired(nonce) => (ErrorReason::DpopNonceRequired, nonce),
            DpopError::Fault(fault) => return fault.into_status(),
        };
        let details = details(reason, Some((DPOP_NONCE, nonce)));
        Status::with_error_details(code_of(reason), message, details)
    }
}
