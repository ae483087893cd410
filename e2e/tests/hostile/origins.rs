//! Pages of other origins, in a browser with a session.

use std::{sync::Arc, time::Duration};

use e2e::{
    browser::Browser,
    pair::{PASSWORD, Pair},
    wait::until,
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// A page that attempts requests on behalf of its visitor.
fn attack(target: &str, sid: &str) -> String {
    format!(
        r#"<!doctype html><title>attack</title><body><script>
const target = {target:?};
const post = (path, fields) => {{
  const frame = document.createElement("iframe");
  frame.name = "f" + Math.random();
  document.body.append(frame);
  const form = document.createElement("form");
  form.method = "post"; form.action = target + path; form.target = frame.name;
  for (const [name, value] of Object.entries(fields)) {{
    const input = document.createElement("input");
    input.name = name; input.value = value; form.append(input);
  }}
  document.body.append(form); form.submit();
}};
post("/logout", {{}});
post("/account/logins/end-others", {{confirm_password: "x"}});
post("/account/logins/{sid}/end", {{_method: "DELETE"}});
post("/login", {{username: "mallory", password: "mallory's own password"}});
post("/account/password", {{current_password: "{PASSWORD}", new_password: "a password of mallory's", new_password_again: "a password of mallory's"}});
const tries = [];
for (const credentials of ["include", "omit"]) {{
  for (const mode of ["cors", "no-cors"]) {{
    for (const [method, path] of [["DELETE", "/api/logins"], ["POST", "/api/logins"], ["POST", "/api/session/token"], ["DELETE", "/api/logins/{sid}"], ["GET", "/api/session"], ["POST", "/logout"]]) {{
      for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {{
        const headers = {{"content-type": type, "x-http-method-override": "DELETE"}};
        const body = method === "GET" ? undefined : "{{}}";
        tries.push(fetch(target + path, {{method, mode, credentials, headers, body}}).then(
          answer => answer.type === "opaque" ? null : answer.text().then(text => text), () => null));
      }}
    }}
  }}
}}
for (const path of ["/dashboard", "/account/logins/end-others?_method=POST", "/logout?_method=POST"]) {{
  const image = new Image(); image.src = target + path; document.body.append(image);
  const frame = document.createElement("iframe"); frame.src = target + path; document.body.append(frame);
}}
navigator.sendBeacon(target + "/logout", new Blob(["csrf_token=x"], {{type: "application/x-www-form-urlencoded"}}));
Promise.all(tries).then(read => {{ window.read = read.filter(text => text !== null); }});
</script>"#
    )
}

/// Responds to every request with the page.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, page: Arc<String>) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(page.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Serves the page over HTTP, or over HTTPS with the certificate of web-service, and returns the port.
async fn host(pair: &Pair, page: String, is_encrypted: bool) -> u16 {
    let file = |name: &str| pair.directory.path().join(name);
    let certificate = CertificateDer::from_pem_file(file("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("localhost.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let page = Arc::new(page);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (page, acceptor) = (Arc::clone(&page), acceptor.clone());
            tokio::spawn(async move {
                if !is_encrypted {
                    serve(stream, page).await;
                } else if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, page).await;
                }
            });
        }
    });
    port
}

async fn sids(pair: &Pair, cookie: &str) -> Vec<Value> {
    let listed = pair.site.get("/api/logins", cookie).await;
    assert_eq!(listed.status(), 200);
    let listed: Value = listed.json().await.unwrap();
    let logins = listed["logins"].as_array().unwrap();
    let mut sids: Vec<_> = logins.iter().map(|login| login["sid"].clone()).collect();
    sids.sort_by_key(Value::to_string);
    sids
}

#[tokio::test(flavor = "multi_thread")]
async fn page_of_other_origin_changes_and_reads_nothing() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let elsewhere = pair.site.form_login("ada").await;
    let browser = Browser::start(&pair).await;
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    let before = sids(&pair, &elsewhere).await;
    assert_eq!(before.len(), 2);
    let own = browser.cookies().await;
    let page = attack(&pair.site.origin, before[0].as_str().unwrap());

    let other_site = host(&pair, page.clone(), false).await;
    let other_port = host(&pair, page, true).await;
    for attacker in [
        format!("http://evil.localhost:{other_site}/"),
        format!("https://localhost:{other_port}/"),
    ] {
        browser.driver.goto(&attacker).await.unwrap();
        let read = until("the attack to be over", async || {
            let read = browser.script("return window.read || null").await;
            (!read.is_null()).then_some(read)
        })
        .await;
        assert_eq!(read, serde_json::json!([]), "{attacker} could read");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(sids(&pair, &elsewhere).await, before, "{attacker}");
        assert_eq!(browser.cookies().await, own, "{attacker}");
        assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 200);
        let login = sids(&pair, &elsewhere).await;
        assert_eq!(login.len(), 3, "the one that was just made for the check");
        let added = login.iter().find(|sid| !before.contains(sid)).unwrap();
        end(&pair, &elsewhere, added.as_str().unwrap()).await;
    }
    browser
        .driver
        .goto(pair.site.url("/dashboard"))
        .await
        .unwrap();
    assert!(browser.text().await.contains("Hello, ada"));
    browser.quit().await;
}

async fn end(pair: &Pair, cookie: &str, sid: &str) {
    let token = pair.site.page_token("/account/logins", cookie).await;
    let fields = [("csrf_token", token.as_str())];
    let action = format!("/account/logins/{sid}/end");
    assert_eq!(
        pair.site.post_form(&action, cookie, &fields).await.status(),
        303
    );
}
