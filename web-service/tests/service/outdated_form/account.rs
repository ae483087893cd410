//! Forms below `/account` that are sent after the session ended or got a new id.

use super::{Form, assert_signed_out};
use crate::support::{Site, cookie_of, header};

#[tokio::test]
async fn form_after_session_end_reports_no_change() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &cookie).await;
    assert_signed_out(&site.sign_out(&cookie, &token).await);
    let unknown_login = "/account/logins/67e55044-10b1-426f-9247-bb680e5fe0c8/end";
    for (form, page) in [
        ("/account/password", "/account/password"),
        (
            "/account/confirm?next=/a?b%3Dc",
            "/account/confirm?next=/a?b%3Dc",
        ),
        ("/account/logins/end-others", "/account/logins"),
        (unknown_login, "/account/logins"),
    ] {
        let answer = site
            .post_form(form, &cookie, &[("csrf_token", &token)])
            .await;
        assert_eq!(answer.status(), 303, "{form}");
        let sign_in = header(&answer, "location").to_owned();
        let shown = Form::of(site.get(&sign_in, &cookie).await, "").await;
        let notice = "You were signed out before you sent the form, so nothing was changed.";
        assert!(shown.page.contains(notice), "{form}: {}", shown.page);
        let next = format!(r#"name="next" value="{page}""#);
        assert!(shown.page.contains(&next), "{form}: {}", shown.page);
    }
    let shown = site.get("/login?next=/", "").await.text().await.unwrap();
    assert!(!shown.contains("nothing was changed"));
}

/// The session continues under a new id: nothing is changed, and the answer links to the page of the form.
#[tokio::test]
async fn form_from_before_new_session_id_links_to_its_page() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let token = site.page_token("/account/logins", &old).await;
    let other = site.sign_in("ada").await;
    let answer = site.confirm_password(&old).await;
    let now = cookie_of(&answer, "__Host-session").unwrap();
    for (form, page) in [
        ("/account/password", "/account/password"),
        ("/account/confirm?next=/a", "/account/confirm?next=/a"),
        ("/account/logins/end-others", "/account/logins"),
    ] {
        let answer = site.post_form(form, &now, &[("csrf_token", &token)]).await;
        assert_eq!(answer.status(), 403, "{form}");
        let shown = answer.text().await.unwrap();
        assert!(shown.contains("Nothing was changed"), "{form}: {shown}");
        let link = format!(r#"href="{page}""#);
        assert!(shown.contains(&link), "{form}: {shown}");
    }
    assert!(site.is_signed_in(&other).await);
}
