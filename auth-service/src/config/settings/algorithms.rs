//! The algorithms of signing keys, from the settings.

use holdfast_core::text;
use holdfast_identity::key::Algorithm;
use holdfast_server_kit::config::Problems;

use crate::config::settings::Settings;

const ID_TOKEN_ALGORITHMS: &str = "AUTH_ID_TOKEN_ALGORITHMS";

impl Settings {
    pub(super) fn signing_algorithm(&self, problems: &mut Problems) -> Option<Algorithm> {
        let choices = Algorithm::ALL
            .into_iter()
            .filter(|algorithm| algorithm.is_for_access_tokens());
        let choices: Vec<_> = choices.map(keyword).collect();
        problems.choice("AUTH_SIGNING_ALGORITHM", &self.signing_algorithm, &choices)
    }

    /// At least one, each once.
    pub(super) fn id_token_algorithms(&self, problems: &mut Problems) -> Option<Vec<Algorithm>> {
        let choices = Algorithm::ALL.map(keyword);
        let mut algorithms = Vec::new();
        for text in text::items(&self.id_token_algorithms) {
            let algorithm = problems.choice(ID_TOKEN_ALGORITHMS, text, &choices)?;
            if algorithms.contains(&algorithm) {
                let why = format!("{text:?}: is listed twice");
                return problems.check(ID_TOKEN_ALGORITHMS, Err(why));
            }
            algorithms.push(algorithm);
        }
        if algorithms.is_empty() {
            let why = "list at least one of EdDSA, ES256, RS256, such as EdDSA,ES256";
            return problems.check(ID_TOKEN_ALGORITHMS, Err(why));
        }
        Some(algorithms)
    }
}

const fn keyword(algorithm: Algorithm) -> (&'static str, Algorithm) {
    (algorithm.as_str(), algorithm)
}
