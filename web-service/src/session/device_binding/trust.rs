//! The binding of the trust of a browser to its device. It has a key of its own, which the browser proves at a sign-in, when there is no session.
//!
//! Challenges and proof cookies are those of sessions, with the token of the browser in place of the `sid`: no two of them are the same.

use secrecy::ExposeSecret as _;

use crate::session::{
    device_binding::{
        AcceptedProof, DeviceBinding, DeviceBindings, DeviceProofError, device::DeviceKey,
        protocol::ChallengePurpose,
    },
    trusted_browser::TrustedBrowserCookie,
};

impl DeviceBindings {
    /// The challenge with which a browser registers a key for its trust; `None` where browsers are not bound. It must be sent with the token
    /// only.
    #[must_use]
    pub fn trust_registration_challenge(&self, token: &str) -> Option<String> {
        self.binds_trust()
            .then(|| self.challenge(ChallengePurpose::Registration, token))
    }

    /// Whether the trust of browsers is bound. Unlike the proof of a session, this one is for this service alone, whatever other origins there
    /// are.
    #[must_use]
    pub fn binds_trust(&self) -> bool {
        self.policy.binding != DeviceBinding::Off
    }

    /// Verifies a device proof that registers a key for the trust of a browser, and returns the key. Nothing is bound yet.
    pub async fn verify_trust_registration(
        &self,
        browser: &TrustedBrowserCookie,
        jwt: &str,
    ) -> Result<DeviceKey, DeviceProofError> {
        if browser.key.is_some() || !self.binds_trust() {
            return Err(DeviceProofError::NotExpected);
        }
        let registration = self.proofs.registration(jwt);
        let registration = registration.ok_or(DeviceProofError::Invalid)?;
        let (token, challenge) = (browser.token.expose_secret(), &registration.challenge);
        self.consume_challenge(ChallengePurpose::Registration, token, challenge)
            .await?;
        Ok(registration.key)
    }

    /// Accepts a new proof of the key that the trust of a browser is bound to. Only the use of the challenge is recorded.
    pub async fn refresh_trust(
        &self,
        browser: &TrustedBrowserCookie,
        jwt: &str,
    ) -> Result<AcceptedProof, DeviceProofError> {
        let key = browser.key.as_ref().filter(|_| self.binds_trust());
        let key = key.ok_or(DeviceProofError::NotExpected)?;
        let challenge = self.proofs.refresh(jwt, key);
        let challenge = challenge.ok_or(DeviceProofError::Invalid)?;
        let token = browser.token.expose_secret();
        self.consume_challenge(ChallengePurpose::Refresh, token, &challenge)
            .await?;
        Ok(self.trust_proof(browser, key))
    }

    /// The proof cookie and the next challenge of a browser that has just proved this key.
    #[must_use]
    pub fn trust_proof(&self, browser: &TrustedBrowserCookie, key: &DeviceKey) -> AcceptedProof {
        self.accepted(browser.token.expose_secret(), key)
    }

    /// The key that the trust of a browser is bound to, if its proof cookie shows that it was proved a few minutes ago.
    #[must_use]
    pub fn proved_trust_key<'a>(
        &self,
        browser: &'a TrustedBrowserCookie,
        proof_cookie: Option<&str>,
    ) -> Option<&'a DeviceKey> {
        let key = browser.key.as_ref()?;
        let token = browser.token.expose_secret();
        let until = self.proofs.open_proof_cookie(token, key, proof_cookie?)?;
        (self.clock.now() < until).then_some(key)
    }
}
