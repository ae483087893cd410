//! The paths of RPCs that a layer distinguishes or that a `DPoP` proof names.

/// Verifies username and password, and returns a login ticket.
pub(super) const LOGIN: &str = "/auth.v1.AuthService/Login";
/// May verify a factor, and return a login ticket.
pub(super) const START_AUTHENTICATION: &str = "/auth.v1.AuthService/StartAuthentication";
/// Verifies a factor, and may return a login ticket.
pub(super) const CONTINUE_AUTHENTICATION: &str = "/auth.v1.AuthService/ContinueAuthentication";
/// Returns a login ticket, as all other logins end.
pub(super) const CHANGE_PASSWORD: &str = "/auth.v1.AccountService/ChangePassword";
/// May carry a proof in its message.
pub(super) const ISSUE_TOKEN: &str = "/auth.v1.AuthService/IssueToken";
/// May carry a proof in its message.
pub(super) const REVOKE_TOKEN: &str = "/auth.v1.AuthService/RevokeToken";
/// Changes nothing.
pub(super) const VALIDATE_TOKEN: &str = "/auth.v1.AuthService/ValidateToken";
/// Changes nothing.
pub(super) const GET_JWKS: &str = "/auth.v1.AuthService/GetJwks";
/// A stream that lasts as long as the process of its caller, which is web-service.
pub(super) const WATCH_REVOCATIONS: &str = "/auth.v1.AuthService/WatchRevocations";

#[cfg(test)]
mod tests {
    use auth_proto::FILE_DESCRIPTOR_SET;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn paths_are_those_of_the_contract() {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut paths = Vec::new();
        for file in &set.file {
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                let methods = service.method.iter();
                paths.extend(methods.map(|method| format!("/{name}/{}", method.name())));
            }
        }
        for path in [
            LOGIN,
            START_AUTHENTICATION,
            CONTINUE_AUTHENTICATION,
            CHANGE_PASSWORD,
            ISSUE_TOKEN,
            REVOKE_TOKEN,
            VALIDATE_TOKEN,
            GET_JWKS,
            WATCH_REVOCATIONS,
        ] {
            assert!(paths.iter().any(|known| known == path), "{path}");
        }
    }
}
