//! `auth.v1.AccountService`: what a person may do with their own account.

mod applications;
mod authentication;
mod factors;
mod logins;
mod passkeys;
mod passwords;
mod trusted_browsers;

use std::sync::Arc;

use auth_proto::v1::{
    AddPasswordRequest, AddPasswordResponse, ChangePasswordRequest, ChangePasswordResponse,
    ConfirmTotpEnrolmentRequest, ConfirmTotpEnrolmentResponse, ContinueReauthenticationRequest,
    ContinueReauthenticationResponse, CreateRecoveryCodesRequest, CreateRecoveryCodesResponse,
    EndApplicationRequest, EndApplicationResponse, EndGrantRequest, EndGrantResponse,
    EndLoginRequest, EndLoginResponse, EndOtherLoginsRequest, EndOtherLoginsResponse,
    EndTrustedBrowserRequest, EndTrustedBrowserResponse, FinishPasskeyRegistrationRequest,
    FinishPasskeyRegistrationResponse, GetAccountRequest, GetAccountResponse,
    GetSecurityOverviewRequest, GetSecurityOverviewResponse, ListApplicationsRequest,
    ListApplicationsResponse, ListLoginsRequest, ListLoginsResponse, ListTrustedBrowsersRequest,
    ListTrustedBrowsersResponse, ReauthenticateRequest, ReauthenticateResponse,
    RemoveFactorRequest, RemoveFactorResponse, RemovePasswordRequest, RemovePasswordResponse,
    RenamePasskeyRequest, RenamePasskeyResponse, StartPasskeyRegistrationRequest,
    StartPasskeyRegistrationResponse, StartReauthenticationRequest, StartReauthenticationResponse,
    StartTotpEnrolmentRequest, StartTotpEnrolmentResponse, account_service_server::AccountService,
};
use holdfast_identity::{
    account::Accounts,
    call_context::CallContext,
    services::IdentityServices,
    token::{Person, Scope},
};
use tonic::{Request, Status};

use crate::{
    grpc::{
        call_context::{CallerAuthenticator, StatesClient, take_context},
        encode,
        errors::OrStatus as _,
    },
    revocation_feed::RevocationFeed,
};

/// What the RPCs of `AccountService` use.
pub(super) struct AccountApi {
    pub(super) identity: Arc<IdentityServices>,
    pub(super) accounts: Accounts,
    pub(super) callers: CallerAuthenticator,
    pub(super) feed: Arc<RevocationFeed>,
}

impl AccountApi {
    /// The account's owner, by an access token with the scope `account`.
    async fn owner<T: Sync>(&self, request: &Request<T>) -> Result<Person, Status> {
        self.callers.person(request, Scope::Account).await
    }

    /// The account's owner, and the context of the call.
    async fn owner_in_context<M: StatesClient + Sync>(
        &self,
        request: &mut Request<M>,
    ) -> Result<(Person, CallContext), Status> {
        let owner = self.owner(request).await?;
        let context = take_context(request, &self.callers.service_identity)?;
        Ok((owner, context))
    }
}

rpcs! {
    AccountService for AccountApi {
        get_account(GetAccountRequest) -> GetAccountResponse = get_account;
        reauthenticate(ReauthenticateRequest) -> ReauthenticateResponse = authentication::reauthenticate;
        start_reauthentication(StartReauthenticationRequest) -> StartReauthenticationResponse = authentication::start_reauthentication;
        continue_reauthentication(ContinueReauthenticationRequest) -> ContinueReauthenticationResponse = authentication::continue_reauthentication;
        change_password(ChangePasswordRequest) -> ChangePasswordResponse = authentication::change_password;
        remove_password(RemovePasswordRequest) -> RemovePasswordResponse = passwords::remove;
        add_password(AddPasswordRequest) -> AddPasswordResponse = passwords::add;
        list_logins(ListLoginsRequest) -> ListLoginsResponse = logins::list;
        end_login(EndLoginRequest) -> EndLoginResponse = logins::end;
        end_grant(EndGrantRequest) -> EndGrantResponse = logins::end_grant;
        list_applications(ListApplicationsRequest) -> ListApplicationsResponse = applications::list;
        end_application(EndApplicationRequest) -> EndApplicationResponse = applications::end;
        end_other_logins(EndOtherLoginsRequest) -> EndOtherLoginsResponse = logins::end_others;
        get_security_overview(GetSecurityOverviewRequest) -> GetSecurityOverviewResponse = factors::overview;
        start_totp_enrolment(StartTotpEnrolmentRequest) -> StartTotpEnrolmentResponse = factors::start_totp;
        confirm_totp_enrolment(ConfirmTotpEnrolmentRequest) -> ConfirmTotpEnrolmentResponse = factors::confirm_totp;
        remove_factor(RemoveFactorRequest) -> RemoveFactorResponse = factors::remove;
        start_passkey_registration(StartPasskeyRegistrationRequest) -> StartPasskeyRegistrationResponse = passkeys::start;
        finish_passkey_registration(FinishPasskeyRegistrationRequest) -> FinishPasskeyRegistrationResponse = passkeys::finish;
        rename_passkey(RenamePasskeyRequest) -> RenamePasskeyResponse = passkeys::rename;
        list_trusted_browsers(ListTrustedBrowsersRequest) -> ListTrustedBrowsersResponse = trusted_browsers::list;
        end_trusted_browser(EndTrustedBrowserRequest) -> EndTrustedBrowserResponse = trusted_browsers::end;
        create_recovery_codes(CreateRecoveryCodesRequest) -> CreateRecoveryCodesResponse = factors::create_recovery_codes;
    }
}

async fn get_account(
    api: &AccountApi,
    request: Request<GetAccountRequest>,
) -> Result<GetAccountResponse, Status> {
    let owner = api.owner(&request).await?;
    let user = api.accounts.by_id(owner.subject).await.or_status()?;
    Ok(GetAccountResponse {
        user: Some(encode::user(user)),
    })
}
