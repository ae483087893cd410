//! What auth-service is asked.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use auth_proto::{
    SERVICE_SECRET, SIGN_IN_FORM,
    v1::{
        self, ChangePasswordRequest, EndLoginRequest, EndOtherLoginsRequest, GetAccountRequest,
        GetJwksRequest, IntrospectTokenRequest, IssueTokenRequest, ListLoginsRequest, LoginRequest,
        ReauthenticateRequest, ReportDeviceRequest, RevokeTokenRequest, ValidateTokenRequest,
        WatchRevocationsRequest, WatchRevocationsResponse,
        account_service_client::AccountServiceClient, auth_service_client::AuthServiceClient,
        issue_token_request,
    },
};
use holdfast_core::clock::Clock;
use holdfast_tls::{TlsFiles, TlsMaterial, TlsWatch};
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use crate::{
    auth::{
        Account, AuthError, AuthService, Authorization, Claims, ClientCredentials, ClientInfo,
        DpopProof, Grant, Holder, Introspection, Jwks, Login, LoginRecord, PasswordChange, Person,
        TokenValidation, Tokens,
    },
    config::AuthConfig,
    decode::Decoded as _,
    device_report::DeviceReport,
    encode::{self, Credential, sensitive},
    endpoints::{Endpoints, Lane, RetryPolicy},
    read_your_writes::{PendingRevocations, RevokingResponse},
    request_id,
};

/// For what only asks.
const READ: RetryPolicy = RetryPolicy {
    deadline: Duration::from_millis(1500),
    repeat: true,
    lane: Lane::Quick,
};

/// For what changes something.
const CHANGE: RetryPolicy = RetryPolicy {
    repeat: false,
    ..READ
};

/// The same where passwords may have to wait for their turns: two of them when one is changed.
const PASSWORD: RetryPolicy = RetryPolicy {
    deadline: Duration::from_secs(8),
    repeat: false,
    lane: Lane::Passwords,
};

/// Which request a call is part of.
const REQUEST_ID: &str = "x-request-id";

/// auth-service took this service for a stranger.
const NOT_KNOWN: &str =
    "auth-service does not know this service; check WEB_AUTH_SECRET, or the name in WEB_AUTH_CERT";

/// auth-service, as one of its instances answers.
#[derive(Clone)]
pub struct AuthClient {
    instances: Endpoints,
    service_secret: Option<MetadataValue<Ascii>>,
    acts: Arc<PendingRevocations>,
    tls_files: TlsFiles,
    tls: TlsMaterial,
}

impl AuthClient {
    /// Takes the addresses and credentials; connects at the first call.
    ///
    /// # Errors
    /// When TLS cannot be set up with what was given.
    pub fn new(config: &AuthConfig) -> anyhow::Result<Self> {
        let service_secret = config
            .service_secret
            .as_ref()
            .map(sensitive)
            .transpose()
            .context("WEB_AUTH_SECRET has characters that cannot be sent")?;
        let tls = TlsMaterial::load(&config.tls);
        let tls = tls.map_err(|problems| anyhow!(problems.join("; ")))?;
        Ok(Self {
            instances: Endpoints::new(config, &tls)?,
            service_secret,
            acts: Arc::default(),
            tls_files: config.tls.clone(),
            tls,
        })
    }

    /// Uses certificates and authorities as their files change, until the signal to stop.
    pub async fn keep_certificates_current(
        self,
        clock: Arc<dyn Clock>,
        reload: watch::Receiver<()>,
        shutdown: CancellationToken,
    ) {
        let (sender, changes) = watch::channel(self.tls.clone());
        let instances = self.instances.clone();
        let watch = TlsWatch::new(self.tls_files, &self.tls, clock, move |tls| {
            instances.check(tls)?;
            sender.send_replace(tls.clone());
            Ok(())
        });
        tokio::select! {
            () = watch.run(reload, shutdown) => {}
            () = self.instances.follow(changes) => {}
        }
    }

    /// What changes when calls that last should be made anew, as there is a new connection for them.
    pub(super) fn replaced(&self) -> watch::Receiver<()> {
        self.instances.replaced()
    }

    /// What ended because this instance asked for it.
    pub(super) fn acts(&self) -> Arc<PendingRevocations> {
        Arc::clone(&self.acts)
    }

    /// Asks for something that ends what may be remembered as good.
    async fn end<T: RevokingResponse, Answer>(
        &self,
        effort: RetryPolicy,
        ask: impl Fn(Channel) -> Answer,
    ) -> Result<T, AuthError>
    where
        Answer: Future<Output = Result<Response<T>, Status>>,
    {
        let answer = self.instances.call(effort, ask).await;
        match &answer {
            Ok(ended) => self.acts.ended(ended.revocation_sequence()).await,
            Err(AuthError::Refused(_)) => {}
            // It may have been done.
            Err(_) => self.acts.may_have_ended(),
        }
        answer
    }

    /// Asks for what was ended after `sequence` of the history `epoch`, and for what comes.
    pub(super) async fn watch_revocations(
        &self,
        epoch: String,
        sequence: i64,
    ) -> Result<Streaming<WatchRevocationsResponse>, AuthError> {
        let ask = async |channel| {
            let request = self.own(WatchRevocationsRequest {
                epoch: epoch.clone(),
                after_sequence: sequence,
            });
            AuthServiceClient::new(channel)
                .watch_revocations(request)
                .await
        };
        self.instances.call(READ, ask).await
    }

    /// The request with this service's own identity.
    fn own<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(secret) = &self.service_secret {
            request
                .metadata_mut()
                .insert(SERVICE_SECRET, secret.clone());
        }
        let id = request_id::current().and_then(|id| id.as_str().parse().ok());
        if let Some(id) = id {
            request.metadata_mut().insert(REQUEST_ID, id);
        }
        request
    }

    /// The same, on behalf of the person whose access token this is.
    fn on_behalf<T>(&self, credential: &Credential, message: T) -> Request<T> {
        credential.add(self.own(message))
    }
}

#[async_trait]
impl TokenValidation for AuthClient {
    async fn validate(
        &self,
        access_token: &str,
        proof: Option<&DpopProof>,
        audience: &str,
        scopes: &[&str],
    ) -> Result<Claims, AuthError> {
        let ask = async |channel| {
            let request = self.own(ValidateTokenRequest {
                access_token: access_token.to_owned(),
                audience: audience.to_owned(),
                required_scopes: scopes.iter().map(ToString::to_string).collect(),
                consistency: v1::Consistency::Local.into(),
                dpop: proof.map(encode::proof),
            });
            AuthServiceClient::new(channel)
                .validate_token(request)
                .await
        };
        // A proof is good once.
        let effort = if proof.is_some() { CHANGE } else { READ };
        self.instances.call(effort, ask).await?.decoded()
    }
}

#[async_trait]
impl AuthService for AuthClient {
    async fn login(
        &self,
        username: &str,
        password: &SecretString,
        form: Option<&[u8; 16]>,
        client: &ClientInfo,
    ) -> Result<(Person, Login), AuthError> {
        let ask = async |channel| {
            let mut request = self.own(LoginRequest {
                username: username.to_owned(),
                password: password.expose_secret().to_owned(),
                client: Some(encode::client(client)),
            });
            if let Some(form) = form.and_then(encode::form) {
                request.metadata_mut().insert(SIGN_IN_FORM, form);
            }
            AuthServiceClient::new(channel).login(request).await
        };
        let answer = self.instances.call(PASSWORD, ask).await?;
        if answer.client_kind() != encode::kind(client.kind) {
            self.end_login(&answer.login_ticket, None, client).await?;
            return Err(AuthError::Broken(NOT_KNOWN.to_owned()));
        }
        answer.decoded()
    }

    async fn issue_token(
        &self,
        grant: Grant<'_>,
        scope: &str,
        holder: Holder<'_>,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError> {
        let ask = async |channel| {
            let request = self.own(IssueTokenRequest {
                grant: Some(encode::grant(&grant)),
                audience: String::new(),
                scope: scope.to_owned(),
                client: Some(encode::holder(holder)),
                dpop: proof.map(encode::proof),
            });
            AuthServiceClient::new(channel).issue_token(request).await
        };
        self.instances.call(CHANGE, ask).await?.decoded()
    }

    async fn end_login(
        &self,
        token: &str,
        proof: Option<&DpopProof>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let ask = async |channel| {
            let request = self.own(RevokeTokenRequest {
                token: token.to_owned(),
                end_login: true,
                client: Some(encode::client(client)),
                client_credentials: None,
                dpop: proof.map(encode::proof),
            });
            AuthServiceClient::new(channel).revoke_token(request).await
        };
        self.end(CHANGE, ask).await?;
        Ok(())
    }

    async fn report_device(&self, report: &DeviceReport) -> Result<(), AuthError> {
        let (event, end_login) = encode::event(report.event);
        let ask = async |channel| {
            let request = self.own(ReportDeviceRequest {
                refresh_token: report.refresh_token.expose_secret().to_owned(),
                event: event.into(),
                end_login,
                client: Some(encode::client(&report.client)),
            });
            AuthServiceClient::new(channel).report_device(request).await
        };
        if end_login {
            self.end(CHANGE, ask).await?;
        } else {
            self.instances.call(CHANGE, ask).await?;
        }
        Ok(())
    }

    async fn account(&self, authorization: &Authorization) -> Result<Account, AuthError> {
        let credential = Credential::of(authorization)?;
        let ask = async |channel| {
            let request = self.on_behalf(&credential, GetAccountRequest {});
            AccountServiceClient::new(channel)
                .get_account(request)
                .await
        };
        self.instances.call(READ, ask).await?.decoded()
    }

    async fn reauthenticate(
        &self,
        authorization: &Authorization,
        password: &SecretString,
        client: &ClientInfo,
    ) -> Result<OffsetDateTime, AuthError> {
        let credential = Credential::of(authorization)?;
        let ask = async |channel| {
            let message = ReauthenticateRequest {
                password: password.expose_secret().to_owned(),
                client: Some(encode::client(client)),
            };
            AccountServiceClient::new(channel)
                .reauthenticate(self.on_behalf(&credential, message))
                .await
        };
        self.instances.call(PASSWORD, ask).await?.decoded()
    }

    async fn change_password(
        &self,
        authorization: &Authorization,
        change: PasswordChange<'_>,
        client: &ClientInfo,
    ) -> Result<Login, AuthError> {
        let credential = Credential::of(authorization)?;
        let ask = async |channel| {
            let message = ChangePasswordRequest {
                current_password: change.current.expose_secret().to_owned(),
                new_password: change.new.expose_secret().to_owned(),
                client: Some(encode::client(client)),
            };
            AccountServiceClient::new(channel)
                .change_password(self.on_behalf(&credential, message))
                .await
        };
        self.end(PASSWORD, ask).await?.decoded()
    }

    async fn logins(&self, authorization: &Authorization) -> Result<Vec<LoginRecord>, AuthError> {
        let credential = Credential::of(authorization)?;
        let ask = async |channel| {
            let request = self.on_behalf(&credential, ListLoginsRequest {});
            AccountServiceClient::new(channel)
                .list_logins(request)
                .await
        };
        self.instances.call(READ, ask).await?.decoded()
    }

    async fn end_login_by_id(
        &self,
        authorization: &Authorization,
        sid: &str,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let credential = Credential::of(authorization)?;
        let ask = async |channel| {
            let message = EndLoginRequest {
                sid: sid.to_owned(),
                client: Some(encode::client(client)),
            };
            AccountServiceClient::new(channel)
                .end_login(self.on_behalf(&credential, message))
                .await
        };
        self.end(CHANGE, ask).await?;
        Ok(())
    }

    async fn end_other_logins(
        &self,
        authorization: &Authorization,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let credential = Credential::of(authorization)?;
        let ask = async |channel| {
            let message = EndOtherLoginsRequest {
                client: Some(encode::client(client)),
            };
            let request = self.on_behalf(&credential, message);
            AccountServiceClient::new(channel)
                .end_other_logins(request)
                .await
        };
        self.end(CHANGE, ask).await?;
        Ok(())
    }

    async fn issue_to_client(
        &self,
        client: &ClientCredentials,
        audience: &str,
        scope: &str,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError> {
        let ask = async |channel| {
            let credentials = encode::credentials(client);
            let request = self.own(IssueTokenRequest {
                grant: Some(issue_token_request::Grant::ClientCredentials(credentials)),
                audience: audience.to_owned(),
                scope: scope.to_owned(),
                client: None,
                dpop: proof.map(encode::proof),
            });
            AuthServiceClient::new(channel).issue_token(request).await
        };
        self.instances.call(CHANGE, ask).await?.decoded()
    }

    async fn introspect(
        &self,
        client: &ClientCredentials,
        token: &str,
    ) -> Result<Option<Introspection>, AuthError> {
        let ask = async |channel| {
            let request = self.own(IntrospectTokenRequest {
                token: token.to_owned(),
                client_credentials: Some(encode::credentials(client)),
            });
            AuthServiceClient::new(channel)
                .introspect_token(request)
                .await
        };
        // A signed assertion is good once.
        self.instances.call(CHANGE, ask).await?.decoded()
    }

    async fn revoke(
        &self,
        credentials: Option<&ClientCredentials>,
        token: &str,
        proof: Option<&DpopProof>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let ask = async |channel| {
            let request = self.own(RevokeTokenRequest {
                token: token.to_owned(),
                end_login: false,
                client: Some(encode::client(client)),
                client_credentials: credentials.map(encode::credentials),
                dpop: proof.map(encode::proof),
            });
            AuthServiceClient::new(channel).revoke_token(request).await
        };
        self.end(CHANGE, ask).await?;
        Ok(())
    }

    async fn jwks(&self) -> Result<Jwks, AuthError> {
        let ask = async |channel| {
            let request = self.own(GetJwksRequest {});
            AuthServiceClient::new(channel).get_jwks(request).await
        };
        self.instances.call(READ, ask).await?.decoded()
    }
}
