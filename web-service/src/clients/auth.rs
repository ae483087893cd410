//! auth-service over one shared HTTP/2 channel.

use std::{future::Future, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use auth_proto::{
    SERVICE_SECRET,
    v1::{
        self, ChangePasswordRequest, GetAccountRequest, GetJwksRequest, IssueTokenRequest,
        LoginRequest, RevokeTokenRequest, ValidateTokenRequest,
        account_service_client::AccountServiceClient, auth_service_client::AuthServiceClient,
        issue_token_request,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::decode::{self, Decoded as _};
use crate::{
    config::AuthConfig,
    domain::auth::{
        Account, Auth, AuthError, Claims, Client, ClientKind, Grant, Jwk, Login, PasswordChange,
        Person, Tokens,
    },
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const KEEPALIVE: Duration = Duration::from_secs(10);

/// For a call as a whole, setting up the connection included.
const DEADLINE: Duration = Duration::from_millis(1500);

/// The same where a password may have to wait for its turn.
const PASSWORD_DEADLINE: Duration = Duration::from_secs(5);

/// auth-service took this service for a stranger.
const NOT_KNOWN: &str =
    "auth-service does not know this service; check WEB_AUTH_SECRET, or the name in WEB_AUTH_CERT";

/// A client that reconnects by itself.
#[derive(Clone)]
pub struct GrpcAuth {
    channel: Channel,
    service_secret: Option<MetadataValue<Ascii>>,
}

impl GrpcAuth {
    /// Takes the addresses and credentials; connects at the first call.
    ///
    /// # Errors
    /// When TLS cannot be set up with what was given.
    pub fn new(config: &AuthConfig) -> anyhow::Result<Self> {
        let tls = client_tls(config);
        let endpoints = config
            .urls
            .iter()
            .map(|url| endpoint(url.as_str(), &tls))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let channel = match endpoints.as_slice() {
            [only] => only.connect_lazy(),
            _ => Channel::balance_list(endpoints.into_iter()),
        };
        let service_secret = config
            .service_secret
            .as_ref()
            .map(sensitive)
            .transpose()
            .context("WEB_AUTH_SECRET has characters that cannot be sent")?;
        Ok(Self {
            channel,
            service_secret,
        })
    }

    fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone())
    }

    fn account_client(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    /// The request with this service's own identity.
    fn own<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(secret) = &self.service_secret {
            request
                .metadata_mut()
                .insert(SERVICE_SECRET, secret.clone());
        }
        request
    }

    /// The same, on behalf of the person whose access token this is.
    fn on_behalf<T>(
        &self,
        access_token: &SecretString,
        message: T,
    ) -> Result<Request<T>, AuthError> {
        let bearer = format!("Bearer {}", access_token.expose_secret()).into();
        let mut request = self.own(message);
        let value = sensitive(&bearer).map_err(|why| AuthError::Broken(why.to_string()))?;
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

#[async_trait]
impl Auth for GrpcAuth {
    async fn login(
        &self,
        username: &str,
        password: &SecretString,
        client: &Client,
    ) -> Result<(Person, Login), AuthError> {
        let request = self.own(LoginRequest {
            username: username.to_owned(),
            password: password.expose_secret().to_owned(),
            client: Some(encode_client(client)),
        });
        let answer = call(PASSWORD_DEADLINE, self.auth().login(request)).await?;
        if answer.client_kind() != encode_kind(client.kind) {
            self.end_login(&answer.login_ticket).await?;
            return Err(AuthError::Broken(NOT_KNOWN.to_owned()));
        }
        answer.decoded()
    }

    async fn issue_token(
        &self,
        grant: Grant<'_>,
        scope: &str,
        kind: ClientKind,
    ) -> Result<Tokens, AuthError> {
        let request = self.own(IssueTokenRequest {
            grant: Some(encode_grant(&grant)),
            audience: String::new(),
            scope: scope.to_owned(),
            client: Some(v1::Client {
                kind: encode_kind(kind).into(),
                ..Default::default()
            }),
        });
        call(DEADLINE, self.auth().issue_token(request))
            .await?
            .decoded()
    }

    async fn validate(&self, access_token: &str, scope: &str) -> Result<Claims, AuthError> {
        let request = self.own(ValidateTokenRequest {
            access_token: access_token.to_owned(),
            audience: String::new(),
            required_scopes: vec![scope.to_owned()],
        });
        call(DEADLINE, self.auth().validate_token(request))
            .await?
            .decoded()
    }

    async fn end_login(&self, token: &str) -> Result<(), AuthError> {
        let request = self.own(RevokeTokenRequest {
            token: token.to_owned(),
            end_login: true,
        });
        call(DEADLINE, self.auth().revoke_token(request)).await?;
        Ok(())
    }

    async fn account(&self, access_token: &SecretString) -> Result<Account, AuthError> {
        let request = self.on_behalf(access_token, GetAccountRequest {})?;
        call(DEADLINE, self.account_client().get_account(request))
            .await?
            .decoded()
    }

    async fn change_password(
        &self,
        access_token: &SecretString,
        change: PasswordChange<'_>,
        client: &Client,
    ) -> Result<Login, AuthError> {
        let message = ChangePasswordRequest {
            current_password: change.current.expose_secret().to_owned(),
            new_password: change.new.expose_secret().to_owned(),
            client: Some(encode_client(client)),
        };
        let request = self.on_behalf(access_token, message)?;
        let answer = call(
            PASSWORD_DEADLINE,
            self.account_client().change_password(request),
        )
        .await?;
        answer.decoded()
    }

    async fn jwks(&self) -> Result<Vec<Jwk>, AuthError> {
        let request = self.own(GetJwksRequest {});
        call(DEADLINE, self.auth().get_jwks(request))
            .await?
            .decoded()
    }
}

/// Waits for an answer within the deadline.
async fn call<T>(
    deadline: Duration,
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, AuthError> {
    match tokio::time::timeout(deadline, answer).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(decode::error(&status)),
        Err(_elapsed) => Err(decode::unreachable("no answer in time")),
    }
}

fn endpoint(url: &str, tls: &ClientTlsConfig) -> anyhow::Result<Endpoint> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .with_context(|| format!("WEB_AUTH_URL: {url}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true);
    if url.starts_with("https:") {
        return endpoint
            .tls_config(tls.clone())
            .context("WEB_AUTH_CA, WEB_AUTH_CERT or WEB_AUTH_KEY cannot be used");
    }
    Ok(endpoint)
}

fn client_tls(config: &AuthConfig) -> ClientTlsConfig {
    let mut tls = ClientTlsConfig::new();
    if let Some(authority) = &config.authority {
        tls = tls.ca_certificate(Certificate::from_pem(authority));
    }
    if let Some((certificate, key)) = &config.identity {
        tls = tls.identity(Identity::from_pem(certificate, key.expose_secret()));
    }
    tls
}

fn sensitive(
    secret: &SecretString,
) -> Result<MetadataValue<Ascii>, tonic::metadata::errors::InvalidMetadataValue> {
    let mut value: MetadataValue<Ascii> = secret.expose_secret().parse()?;
    value.set_sensitive(true);
    Ok(value)
}

fn encode_client(client: &Client) -> v1::Client {
    v1::Client {
        kind: encode_kind(client.kind).into(),
        ip_address: client.ip_address.to_string(),
        user_agent: client.user_agent.clone(),
    }
}

const fn encode_kind(kind: ClientKind) -> v1::ClientKind {
    match kind {
        ClientKind::Api => v1::ClientKind::Api,
        ClientKind::Browser => v1::ClientKind::Browser,
    }
}

fn encode_grant(grant: &Grant<'_>) -> issue_token_request::Grant {
    match grant {
        Grant::LoginTicket(ticket) => {
            issue_token_request::Grant::LoginTicket(ticket.expose_secret().to_owned())
        }
        Grant::RefreshToken(token) => {
            issue_token_request::Grant::RefreshToken(token.expose_secret().to_owned())
        }
    }
}
