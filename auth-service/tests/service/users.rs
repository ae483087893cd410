//! `AdminService`: RPCs on accounts (ASVS 7.4.2, 7.4.5).

use auth_proto::v1::{
    DeleteUserRequest, DisableUserRequest, EnableUserRequest, GetUserRequest, ListUsersRequest,
    SetPasswordRequest, get_user_request::Lookup,
};
use tonic::Code;

use crate::support::{PASSWORD, TestService, assert_refused, bearer};

const UNKNOWN_ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[tokio::test]
async fn request_without_scope_admin_is_refused() {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    let mut client = service.admin();
    let none = client.list_users(ListUsersRequest::default()).await;
    assert_refused(none, Code::Unauthenticated, "TOKEN_MISSING");
    let ordinary = service.tokens("ada", "account profile").await.access_token;
    let denied = client
        .list_users(bearer(ListUsersRequest::default(), &ordinary))
        .await;
    assert_refused(denied, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn created_user_signs_in_and_is_found() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;

    let made = service
        .create_user(&admin, " Grace\u{200b}", PASSWORD)
        .await
        .unwrap();

    assert_eq!(made.username, "grace");
    assert!(service.try_login("grace", PASSWORD).await.is_ok());
    let again = service.create_user(&admin, "grace ", PASSWORD).await;
    assert_refused(again, Code::AlreadyExists, "USERNAME_TAKEN");
    for lookup in [
        Lookup::UserId(made.id.clone()),
        Lookup::Username("GRACE".into()),
        Lookup::Username("\u{a0}grace".into()),
    ] {
        let request = GetUserRequest {
            lookup: Some(lookup),
        };
        let found = service
            .admin()
            .get_user(bearer(request, &admin))
            .await
            .unwrap();
        assert_eq!(found.into_inner().user, Some(made.clone()));
    }
}

#[tokio::test]
async fn invalid_user_is_refused_with_reason() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let taken = service.create_user(&admin, "ROOT", PASSWORD).await;
    assert_refused(taken, Code::AlreadyExists, "USERNAME_TAKEN");
    let weak = service.create_user(&admin, "grace", "short").await;
    assert_refused(weak, Code::InvalidArgument, "PASSWORD_REJECTED");
    let unnamed = service.create_user(&admin, "no body", PASSWORD).await;
    assert_refused(unnamed, Code::InvalidArgument, "INVALID_REQUEST");
}

#[tokio::test]
async fn user_list_is_paged() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    for name in ["cleo", "abel", "bert"] {
        service.add_user(name, false).await;
    }
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListUsersRequest {
            page_size: 3,
            page_token,
        };
        let page = service
            .admin()
            .list_users(bearer(request, &admin))
            .await
            .unwrap()
            .into_inner();
        names.extend(page.users.into_iter().map(|user| user.username));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["abel", "bert", "cleo", "root"]);
    for page_size in [-1, 201] {
        let request = ListUsersRequest {
            page_size,
            page_token: String::new(),
        };
        let refused = service.admin().list_users(bearer(request, &admin)).await;
        assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn disabling_ends_all_logins_for_good() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let user_id = service.add_user("ada", false).await.id.to_string();
    let issued = service.tokens("ada", "").await;
    let pending = service.login("ada").await.login_ticket;

    let request = DisableUserRequest {
        user_id: user_id.clone(),
    };
    let shown = service
        .admin()
        .disable_user(bearer(request, &admin))
        .await
        .unwrap();
    assert!(shown.into_inner().user.unwrap().disabled);

    let dead = async || {
        let access = service.try_validate(&issued.access_token).await;
        assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
        let refresh = service.try_refresh(&issued.refresh_token).await;
        assert_refused(refresh, Code::Unauthenticated, "LOGIN_ENDED");
        let ticket = service.try_exchange(&pending, "").await;
        assert_refused(ticket, Code::Unauthenticated, "LOGIN_ENDED");
    };
    dead().await;
    let request = EnableUserRequest { user_id };
    let shown = service
        .admin()
        .enable_user(bearer(request, &admin))
        .await
        .unwrap();
    assert!(!shown.into_inner().user.unwrap().disabled);
    dead().await;
    assert!(service.try_login("ada", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn deleting_ends_all_credentials() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let user_id = service.add_user("ada", false).await.id.to_string();
    let issued = service.tokens("ada", "").await;

    let request = DeleteUserRequest {
        user_id: user_id.clone(),
    };
    service
        .admin()
        .delete_user(bearer(request.clone(), &admin))
        .await
        .unwrap();

    let access = service.try_validate(&issued.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let refresh = service.try_refresh(&issued.refresh_token).await;
    assert_refused(refresh, Code::Unauthenticated, "LOGIN_ENDED");
    let again = service.admin().delete_user(bearer(request, &admin)).await;
    assert_refused(again, Code::NotFound, "USER_NOT_FOUND");
    let recreated = service.create_user(&admin, "ada", PASSWORD).await.unwrap();
    assert_ne!(recreated.id, user_id);
}

#[tokio::test]
async fn password_set_by_admin_ends_all_logins() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let user_id = service.add_user("ada", false).await.id.to_string();
    let issued = service.tokens("ada", "").await;

    let unchanged = SetPasswordRequest {
        user_id: user_id.clone(),
        new_password: PASSWORD.into(),
    };
    let refused = service
        .admin()
        .set_password(bearer(unchanged, &admin))
        .await;
    assert_refused(refused, Code::InvalidArgument, "PASSWORD_REJECTED");
    assert!(service.try_validate(&issued.access_token).await.is_ok());

    let request = SetPasswordRequest {
        user_id,
        new_password: "set by the admin, long".into(),
    };
    service
        .admin()
        .set_password(bearer(request, &admin))
        .await
        .unwrap();

    let access = service.try_validate(&issued.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let former = service.try_login("ada", PASSWORD).await;
    assert_refused(former, Code::Unauthenticated, "INVALID_CREDENTIALS");
    assert!(
        service
            .try_login("ada", "set by the admin, long")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn unknown_user_is_not_found() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let request = || DisableUserRequest {
        user_id: UNKNOWN_ID.into(),
    };
    let missing = service
        .admin()
        .disable_user(bearer(request(), &admin))
        .await;
    assert_refused(missing, Code::NotFound, "USER_NOT_FOUND");
    let no_id = DisableUserRequest {
        user_id: "1 OR 1=1".into(),
    };
    let invalid = service.admin().disable_user(bearer(no_id, &admin)).await;
    assert_refused(invalid, Code::InvalidArgument, "INVALID_REQUEST");
}
