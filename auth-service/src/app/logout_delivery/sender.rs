//! One attempt to send a logout token (OpenID Connect Back-Channel Logout 1.0 §2.5).

use std::sync::Arc;

use holdfast_core::{clock::Clock, random::Random};
use holdfast_identity::{
    id::Jti,
    oauth::{LogoutDelivery, LogoutReceiver, SubjectIdCodec},
    token::{LogoutTokenClaims, LogoutTokens, SigningError},
};
use http::StatusCode;

use crate::outbound::OutboundClient;

/// Signs and sends logout tokens.
pub(in crate::app) struct LogoutSender {
    /// Signs the tokens.
    pub(in crate::app) tokens: Arc<dyn LogoutTokens>,
    /// Computes `sub` and `sid`.
    pub(in crate::app) subject_ids: Arc<dyn SubjectIdCodec>,
    /// `iss`.
    pub(in crate::app) issuer: String,
    /// Sends the requests.
    pub(in crate::app) client: OutboundClient,
    /// Source of `jti`.
    pub(in crate::app) random: Arc<dyn Random>,
    /// The system clock.
    pub(in crate::app) clock: Arc<dyn Clock>,
}

/// What became of an attempt.
pub(super) enum Attempt {
    /// The relying party has ended its session.
    Delivered,
    /// The relying party does not accept the token, and would not accept another one.
    Refused,
    /// The relying party could not be reached, or failed.
    Failed(String),
}

impl LogoutSender {
    /// Makes one attempt.
    pub(super) async fn send(
        &self,
        receiver: &LogoutReceiver,
        delivery: &LogoutDelivery,
    ) -> Attempt {
        let token = match self.sign(receiver, delivery) {
            Ok(token) => token,
            Err(why) => return Attempt::Failed(why.to_string()),
        };
        // A JWT consists of characters that forms do not encode.
        let form = format!("logout_token={token}");
        match self.client.post_form(receiver.uri.url(), form).await {
            Ok(StatusCode::OK | StatusCode::NO_CONTENT) => Attempt::Delivered,
            Ok(StatusCode::BAD_REQUEST) => Attempt::Refused,
            Ok(status) => Attempt::Failed(format!("status {}", status.as_u16())),
            Err(why) => Attempt::Failed(why.to_string()),
        }
    }

    fn sign(
        &self,
        receiver: &LogoutReceiver,
        delivery: &LogoutDelivery,
    ) -> Result<String, SigningError> {
        let claims = LogoutTokenClaims {
            issuer: &self.issuer,
            client: &receiver.client,
            issued_at: self.clock.now().truncate_to_second(),
            jti: Jti::random(&*self.random),
            ids: self
                .subject_ids
                .encode(receiver.sector.as_ref(), delivery.user, delivery.sid),
        };
        self.tokens.sign(&claims, receiver.algorithm)
    }
}
