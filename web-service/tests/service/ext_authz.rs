//! `envoy.service.auth.v3.Authorization/Check`: which requests its port accepts.

use reqwest::{Client, Method};

use crate::support::{Site, header};

const CHECK: &str = "envoy.service.auth.v3.Authorization/Check";

#[tokio::test]
async fn request_that_is_not_grpc_is_refused() {
    let site = Site::start().await;
    let http2 = Client::builder().http2_prior_knowledge().no_proxy();
    let client = http2.build().unwrap();
    let send = |method: Method, kind: &'static str, body: &'static [u8]| {
        let request = client.request(method, format!("http://{}/{CHECK}", site.ext_authz));
        request.header("content-type", kind).body(body).send()
    };
    let wrong = send(Method::GET, "application/grpc", b"").await.unwrap();
    assert_eq!(
        (wrong.status().as_u16(), header(&wrong, "allow")),
        (405, "POST")
    );
    let form = send(Method::POST, "text/plain", b"\0\0\0\0\0").await;
    assert_eq!(form.unwrap().status(), 415);
    // Field 1 with a length beyond the message.
    let cut = send(Method::POST, "application/grpc", b"\0\0\0\0\x02\x0a\x7f").await;
    assert_eq!(header(&cut.unwrap(), "grpc-status"), "3");
    let empty = send(Method::POST, "application/grpc+proto", b"\0\0\0\0\0").await;
    let empty = empty.unwrap();
    assert_eq!(
        (empty.status().as_u16(), header(&empty, "grpc-status")),
        (200, "")
    );
}
