//! Entries of the revocation log.

use auth_proto::v1;
use holdfast_identity::revocation::{Revocation, Revoked};

use crate::grpc::encode::timestamp;

pub(in crate::grpc) fn revocation(revocation: Revocation) -> v1::Revocation {
    v1::Revocation {
        sequence: revocation.sequence,
        revoked: Some(match revocation.revoked {
            Revoked::Token(jti) => v1::revocation::Revoked::Jti(jti.to_string()),
            Revoked::Login(sid) => v1::revocation::Revoked::Sid(sid.to_string()),
            Revoked::Grant(id) => v1::revocation::Revoked::GrantId(id.to_string()),
            Revoked::Client(id) => v1::revocation::Revoked::ClientId(id),
            Revoked::Key(kid) => v1::revocation::Revoked::Kid(kid),
        }),
        expires_at: Some(timestamp(revocation.expires_at)),
    }
}
