//! `/continue` and `/account/again`: redirects to other origins (ASVS 3.7.2).

use reqwest::Method;

use crate::support::{Site, header};

#[tokio::test]
async fn redirect_leads_to_configured_origins_only() {
    let site = Site::start_behind_for(["127.0.0.0/8"], ["https://app.example"]).await;
    for (to, status) in [
        ("https://app.example/a", 200),
        ("https://app.example.evil/", 404),
        ("https://user@app.example/", 404),
        ("javascript:alert(1)", 404),
        ("//app.example/", 404),
        ("blob:https://app.example/67e55044", 404),
        ("filesystem:https://app.example/temporary/a", 404),
        ("view-source:https://app.example/a", 404),
        ("https://app.example:8443/a", 404),
        ("http://app.example/a", 404),
    ] {
        let to_there: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let request = site.request(Method::GET, &format!("/continue?to={to_there}"));
        let page = request.send().await.unwrap();
        assert_eq!(page.status(), status, "{to}");
        let policy = header(&page, "content-security-policy");
        let forms = if status == 200 {
            "'self' https://app.example;"
        } else {
            "'self';"
        };
        assert!(policy.contains(&format!("form-action {forms}")), "{policy}");
        let path = format!("/continue?to={to_there}");
        let sent = site.post_form(&path, "", &[]).await;
        if status == 200 {
            assert_eq!(
                (sent.status().as_u16(), header(&sent, "location")),
                (303, to)
            );
        } else {
            assert_eq!(sent.status(), status, "{to}");
        }
        let again = site.get(&format!("/account/again?to={to_there}"), "").await;
        let expected = if status == 200 { 303 } else { status };
        assert_eq!(again.status(), expected, "{to}");
    }
    let nowhere = site.get("/continue", "a=b").await;
    assert_eq!(nowhere.status(), 404);
}
