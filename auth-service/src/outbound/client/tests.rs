use std::net::{Ipv4Addr, Ipv6Addr};

use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
    time::sleep,
};

use super::*;

fn client(addresses: AddressPolicy) -> OutboundClient {
    OutboundClient::new(addresses, None)
}

fn url_of(listener: &TcpListener) -> Url {
    let address = listener.local_addr().unwrap();
    format!("http://{address}/logout?tenant=1").parse().unwrap()
}

/// A server that reads one request, and then does this with the connection. Returns its URL, and the request.
async fn server<F>(
    respond: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (Url, JoinHandle<String>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(&listener);
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"token=a.b.c") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        respond(stream).await;
        String::from_utf8(request).unwrap()
    });
    (url, task)
}

async fn post(client: &OutboundClient, url: &Url) -> Result<StatusCode, OutboundError> {
    client.post_form(url, "token=a.b.c".to_owned()).await
}

async fn status_of(response: &'static str) -> Result<StatusCode, OutboundError> {
    let (url, _) = server(async move |mut stream: TcpStream| {
        stream.write_all(response.as_bytes()).await.unwrap();
    })
    .await;
    post(&client(AddressPolicy::PublicAndPrivate), &url).await
}

/// Lets paused time pass in small steps, so that it does not run ahead of the network.
fn tick() {
    tokio::spawn(async {
        loop {
            sleep(Duration::from_millis(1)).await;
        }
    });
}

#[tokio::test]
async fn form_is_posted_and_status_is_returned() {
    let (url, request) = server(async |mut stream: TcpStream| {
        let response = b"HTTP/1.1 204 No Content\r\n\r\n";
        stream.write_all(response).await.unwrap();
    })
    .await;
    let status = post(&client(AddressPolicy::PublicAndPrivate), &url).await;
    assert_eq!(status.unwrap(), StatusCode::NO_CONTENT);
    let request = request.await.unwrap();
    assert!(
        request.starts_with("POST /logout?tenant=1 HTTP/1.1\r\n"),
        "{request}"
    );
    for header in [
        &format!("host: 127.0.0.1:{}", url.port().unwrap()),
        "content-type: application/x-www-form-urlencoded",
        "content-length: 11",
        "cache-control: no-store",
    ] {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
    }
}

#[tokio::test]
async fn response_that_is_not_http_is_an_error() {
    let status = status_of("HTTP/1.1 400 Bad Request\r\n\r\nno").await;
    assert_eq!(status.unwrap(), StatusCode::BAD_REQUEST);
    for garbage in ["", "SSH-2.0-server\r\n", "HTTP/1.1 200"] {
        let failed = status_of(garbage).await;
        assert!(matches!(failed, Err(OutboundError::Http(_))), "{garbage}");
    }
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = url_of(&target);
    let (url, _) = server(async move |mut stream: TcpStream| {
        let response = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(response.as_bytes()).await.unwrap();
    })
    .await;
    let status = post(&client(AddressPolicy::PublicAndPrivate), &url).await;
    assert_eq!(status.unwrap(), StatusCode::TEMPORARY_REDIRECT);
    assert!(target.accept().now_or_never().is_none());
}

#[tokio::test]
async fn private_address_is_not_connected_to_by_any_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "0",
        "[::]",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fd00::1]",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/").parse().unwrap();
            let refused = post(&client(AddressPolicy::Public), &url).await;
            let is_refused = matches!(refused, Err(OutboundError::Forbidden(_)));
            assert!(is_refused, "{host}: {refused:?}");
        }
    }
    assert!(listener.accept().now_or_never().is_none());
}

#[tokio::test]
async fn metadata_address_is_not_connected_to_where_private_ones_are() {
    for host in [
        "169.254.169.254",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "0.0.0.0",
        "[::]",
        "[fe80::1]",
        "224.0.0.1",
    ] {
        let url = format!("http://{host}/").parse().unwrap();
        let refused = post(&client(AddressPolicy::PublicAndPrivate), &url).await;
        let is_refused = matches!(refused, Err(OutboundError::Forbidden(_)));
        assert!(is_refused, "{host}: {refused:?}");
    }
}

#[test]
fn only_permitted_addresses_of_a_name_are_used() {
    let address = |ip: IpAddr| SocketAddr::new(ip, 443);
    let public = address(Ipv4Addr::new(1, 1, 1, 1).into());
    let private = [
        address(Ipv4Addr::LOCALHOST.into()),
        address(Ipv6Addr::LOCALHOST.into()),
        address(Ipv4Addr::new(10, 0, 0, 1).into()),
    ];
    let client = client(AddressPolicy::Public);
    let mixed = [private.as_slice(), &[public]].concat();
    assert_eq!(client.permitted(&mixed).unwrap(), [public]);
    let refused = client.permitted(&private);
    assert!(matches!(refused, Err(OutboundError::Forbidden(_))));
    let many = client.permitted(&[public; 100]).unwrap();
    assert_eq!(many.len(), MAX_ADDRESSES);
}

#[tokio::test]
async fn endless_response_is_cut() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nx: "] {
        let (url, server) = server(async move |mut stream: TcpStream| {
            stream.write_all(head.as_bytes()).await.unwrap();
            // Until the client closes the connection.
            while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
        })
        .await;
        let answered = post(&client(AddressPolicy::PublicAndPrivate), &url).await;
        if head.ends_with("\r\n\r\n") {
            assert_eq!(answered.unwrap(), StatusCode::OK);
        } else {
            assert!(matches!(answered, Err(OutboundError::Http(_))));
        }
        server.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn slow_body_does_not_change_the_status() {
    tick();
    let (url, server) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let begun = Instant::now();
    let status = post(&client(AddressPolicy::PublicAndPrivate), &url).await;
    assert_eq!(status.unwrap(), StatusCode::OK);
    assert!(begun.elapsed() < REQUEST_TIMEOUT);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn silent_server_is_given_up() {
    tick();
    let (url, server) = server(async |mut stream: TcpStream| {
        let _ = stream.read_u8().await;
    })
    .await;
    let answered = post(&client(AddressPolicy::PublicAndPrivate), &url).await;
    assert!(
        matches!(answered, Err(OutboundError::Timeout)),
        "{answered:?}"
    );
    server.await.unwrap();
}

/// The response to a request for a document of at most 64 bytes.
async fn document(response: String) -> Result<Response<Bytes>, OutboundError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(&listener);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        assert!(request.starts_with(b"GET /logout?tenant=1 HTTP/1.1\r\n"));
        stream.write_all(response.as_bytes()).await.unwrap();
    });
    let client = client(AddressPolicy::PublicAndPrivate);
    client.get(&url, (64, REQUEST_TIMEOUT)).await
}

#[tokio::test]
async fn document_is_returned_with_its_status_up_to_a_length() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
    for (response, expected) in [
        (
            format!("{head}content-length: 2\r\n\r\n{{}}"),
            "{}".to_owned(),
        ),
        (format!("{head}\r\n{}", "x".repeat(64)), "x".repeat(64)),
    ] {
        let found = document(response).await.unwrap();
        assert_eq!(found.status(), StatusCode::OK);
        assert_eq!(found.body(), expected.as_bytes());
    }
    let moved = "HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n";
    let moved = document(moved.to_owned()).await.unwrap();
    assert_eq!(moved.status(), StatusCode::FOUND);
    let long = "x".repeat(65);
    for response in [
        format!("{head}content-length: 65\r\n\r\n{long}"),
        format!("{head}\r\n{long}"),
    ] {
        let refused = document(response).await;
        assert!(
            matches!(refused, Err(OutboundError::TooLong(64))),
            "{refused:?}"
        );
    }
    let cut = document(format!("{head}content-length: 9\r\n\r\nx")).await;
    assert!(matches!(cut, Err(OutboundError::Http(_))), "{cut:?}");
}
