//! OAuth clients that no operator registers, from the settings.

use holdfast_server_kit::config::{Problems, SecretSource};
use secrecy::SecretString;

use crate::config::settings::Settings;

impl Settings {
    /// `Some(None)`: not set.
    pub(super) fn client_registration_token(
        &self,
        problems: &mut Problems,
    ) -> Option<Option<SecretString>> {
        let source = SecretSource::new(
            self.client_registration_token.as_deref(),
            self.client_registration_token_file.as_deref(),
        );
        problems.service_secret("AUTH_CLIENT_REGISTRATION_TOKEN", source)
    }

    pub(super) fn client_documents(&self, problems: &mut Problems) -> Option<bool> {
        problems.switch(
            "AUTH_CLIENT_METADATA_DOCUMENTS",
            &self.client_metadata_documents,
        )
    }
}
