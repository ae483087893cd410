//! Passkeys in two instances of each service: what one of them begins, another one completes.

use e2e::{
    authenticator::{PHONE, VirtualAuthenticator},
    balancer::Balancer,
    browser::Browser,
    pair::{Options, PASSWORD, Pair},
    port,
    postgres::Postgres,
    program::Program,
    redis::Redis,
    wait::until,
};

use crate::{
    metrics,
    passkeys::{autofill_waits, is_phishing_resistant, press_in_script, register},
};

/// Two instances of each service on PostgreSQL and Redis, behind one address.
struct TwoOfEach {
    pair: Pair,
    auth: Program,
    _web: Program,
    balancer: Balancer,
    _redis: Redis,
    _postgres: Postgres,
}

impl TwoOfEach {
    async fn start() -> Self {
        let (postgres, redis) = (Postgres::start(false).await, Redis::start().await);
        let [public, first, second] = [(); 3].map(|()| port::free());
        let origin = format!("https://localhost:{public}");
        let listen = |port| ("AUTH_LISTEN", format!("127.0.0.1:{port}"));
        let urls = format!("http://127.0.0.1:{first},http://127.0.0.1:{second}");
        let mut pair = Pair::start_with(Options {
            auth: vec![
                ("AUTH_ISSUER", origin.clone()),
                ("AUTH_DATABASE_URL", Postgres::url_at(postgres.port())),
                ("AUTH_REDIS_URL", redis.url()),
                listen(first),
            ],
            web: vec![
                ("WEB_SESSION_STORE", redis.url()),
                ("WEB_PUBLIC_URL", origin.clone()),
                ("WEB_AUTH_URL", urls),
            ],
        })
        .await;
        pair.options.auth.push(listen(second));
        let (auth, _) = pair.another_auth().await;
        let file = |name| pair.directory.path().join(name).display().to_string();
        let certificate = [
            ("WEB_TLS_CERT", file("localhost.pem")),
            ("WEB_TLS_KEY", file("localhost.key")),
        ];
        pair.options.web.extend(certificate);
        let (web, another) = pair.another_web_at().await;
        let balancer = Balancer::start(public, vec![pair.web_address, another]).await;
        pair.site.origin = origin;
        Self {
            pair,
            auth,
            _web: web,
            balancer,
            _redis: redis,
            _postgres: postgres,
        }
    }

    /// Whether both auth-services continued authentications.
    async fn both_continued(&mut self) -> bool {
        let calls = r#"holdfast_auth_grpc_requests_total{method="AuthService/ContinueAuthentication",code="OK"}"#;
        let mut both = true;
        for auth in [&mut self.pair.auth, &mut self.auth] {
            let series = metrics::series(&metrics::text(auth).await);
            both &= series.get(calls).is_some_and(|count| *count > 0.5);
        }
        both
    }
}

/// Keeps the response of the browser to a challenge, until the page's `release` is called.
async fn hold_response(browser: &Browser) {
    let script = "const submit = HTMLFormElement.prototype.submit;
        HTMLFormElement.prototype.submit = function () { window.release = () => submit.call(this); };";
    browser.script(script).await;
}

/// Waits for the response that is held, and sends it to the other web-service than the one that the page came from.
async fn response_to_other_instance(balancer: &Balancer, browser: &Browser) {
    until("the response", async || {
        let is_held = browser.script("return !!window.release").await;
        (is_held == true).then_some(())
    })
    .await;
    balancer.cut();
    browser.script("window.release()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_is_used_over_two_instances_of_each_service() {
    let mut two = TwoOfEach::start().await;
    two.pair.add_user("ada", &[]).await;
    let browser = Browser::start(&two.pair).await;
    let sign_in = two.pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    let phone = VirtualAuthenticator::add(&browser, PHONE).await;
    register(&two.pair, &browser, "my phone").await;
    // The session signed in by the password, which is not the strongest factor any more.
    browser.press("Remove").await;
    hold_response(&browser).await;
    press_in_script(&browser, "Use a passkey").await;
    response_to_other_instance(&two.balancer, &browser).await;
    browser.arrives_at("/account/security").await;
    register(&two.pair, &browser, "my phone").await;
    phone.set_presence(&browser, false).await;
    // Until each auth-service has continued what the other one began, or itself.
    until("both auth-services", async || {
        browser.press("Sign out").await;
        autofill_waits(&browser).await;
        hold_response(&browser).await;
        phone.set_presence(&browser, true).await;
        press_in_script(&browser, "Sign in with a passkey").await;
        response_to_other_instance(&two.balancer, &browser).await;
        browser.arrives_at("/dashboard").await;
        phone.set_presence(&browser, false).await;
        assert!(is_phishing_resistant(&two.pair, &browser).await);
        two.both_continued().await.then_some(())
    })
    .await;
    let used = two.balancer.connection_counts();
    assert!(used.iter().all(|count| *count > 1), "{used:?}");

    // The virtual authenticator selects the suggestion of autofill by itself.
    phone.set_presence(&browser, true).await;
    browser.press("Sign out").await;
    browser.arrives_at("/dashboard").await;
    assert!(is_phishing_resistant(&two.pair, &browser).await);
    phone.set_presence(&browser, false).await;

    // A second factor, at either instance.
    two.balancer.cut();
    browser.press("Sign out").await;
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    browser.arrives_at("/login/factor").await;
    two.balancer.cut();
    phone.set_presence(&browser, true).await;
    press_in_script(&browser, "Use a passkey").await;
    browser.arrives_at("/dashboard").await;
    let page = two.pair.site.url("/account/passkeys");
    browser.driver.goto(page).await.unwrap();
    two.balancer.cut();
    browser.press("Remove").await;
    browser.arrives_at("/account/security").await;
    browser.quit().await;
}
