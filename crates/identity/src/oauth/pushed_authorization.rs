//! Authorization requests that OAuth clients push (RFC 9126).

use crate::{
    call_context::CallContext,
    oauth::{
        AuthorizationFlow, AuthorizationService, ClientCredentials, DpopPolicy, OauthClient,
        Parameters, PresentedProof, ProofRequirements, PushError, authorization::PUSHED,
    },
};

impl AuthorizationService {
    /// Takes a request that an OAuth client pushes (RFC 9126 §2). A DPoP proof names the key that the code is to be bound to, as `dpop_jkt`
    /// does (RFC 9449 §10.1). Returns the `request_uri`, which is valid for [`FLOW_TTL`](crate::oauth::FLOW_TTL).
    pub async fn push(
        &self,
        parameters: &Parameters,
        credentials: &ClientCredentials,
        proof: Option<&PresentedProof>,
        context: &CallContext,
    ) -> Result<String, PushError> {
        // A proof may be repeated: it gives no more than `dpop_jkt`, and anyone could fill the replay cache as a public client.
        let required = ProofRequirements {
            token: None,
            nonce_optional: true,
        };
        let proof = proof.filter(|_| self.policy.dpop != DpopPolicy::Off);
        let proof = proof.map(|proof| self.dpop.verify(proof, required));
        let proof = proof.transpose()?;
        let client = self.authenticate(credentials, context).await?;
        let stated = parameters.get("client_id");
        if stated.is_some_and(|stated| stated != client.id.as_str()) {
            return Err(PushError::InvalidClient);
        }
        let party = client.relying_party.as_ref();
        let redirect_uri = parameters.get("redirect_uri");
        let redirect_uri = party
            .zip(redirect_uri)
            .filter(|(party, uri)| party.accepts_redirect_to(uri));
        let Some((_, redirect_uri)) = redirect_uri else {
            let why = "redirect_uri is not registered";
            return Err(PushError::Parameter("invalid_request", why));
        };
        let mut request = self.parse(parameters, redirect_uri, &client)?;
        if let Some(proof) = proof {
            request = request.bound_to(proof.key)?;
        }
        let flow = AuthorizationFlow {
            request,
            client: client.id,
            progress: None,
            expires_at: self.flow_end(),
        };
        Ok(format!(
            "{PUSHED}{}",
            self.deps.authorizations.seal_flow(&flow)
        ))
    }

    /// The OAuth client that pushes a request. One with a document is as that describes it, and need not be stored yet.
    async fn authenticate(
        &self,
        credentials: &ClientCredentials,
        context: &CallContext,
    ) -> Result<OauthClient, PushError> {
        let stated = self.clients.stated_client(credentials);
        let of_document = stated.filter(|id| id.document_url().is_some());
        let Some(id) = of_document else {
            return Ok(self.clients.authenticate(credentials, context).await?);
        };
        let party = self.relying_party(Some(id.as_str())).await?;
        let client = party.parts().0.clone();
        let authenticated = self.clients.authenticate_as(client, credentials, context);
        Ok(authenticated.await?)
    }
}
