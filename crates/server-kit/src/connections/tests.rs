//! Connections over real sockets, with paused time.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::connections::{BoundedListener, Connections, TrackedBody};

const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

async fn port(limit: usize) -> (BoundedListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections::new("test", limit, IDLE_TIMEOUT);
    (BoundedListener::new(listener, connections), address)
}

#[tokio::test]
async fn idle_connection_is_closed_for_a_new_one_at_the_limit() {
    let (listener, address) = port(1).await;
    let mut old = TcpStream::connect(address).await.unwrap();
    let (mut old_here, _) = listener.next().await;
    let waits = tokio::spawn(async move { old_here.read_u8().await.unwrap_err() });

    let mut new = TcpStream::connect(address).await.unwrap();
    let (mut new_here, _) = listener.next().await;

    assert_eq!(
        waits.await.unwrap().kind(),
        io::ErrorKind::ConnectionAborted
    );
    // Closed by FIN or by RST.
    let closed = old.read_to_end(&mut Vec::new()).await;
    assert!(closed.is_err() || closed.unwrap() == 0);
    new.write_all(b"x").await.unwrap();
    assert_eq!(new_here.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn new_connection_is_closed_where_all_are_trusted() {
    let (listener, address) = port(1).await;
    let first = TcpStream::connect(address).await.unwrap();
    let (first_here, _) = listener.next().await;
    first_here.handle().trust();
    tokio::spawn(async move { listener.next().await });

    let mut surplus = TcpStream::connect(address).await.unwrap();
    let mut nothing = Vec::new();
    let closed = surplus.read_to_end(&mut nothing).await;
    assert!(closed.is_err() || nothing.is_empty());
    drop((first, first_here));
}

#[tokio::test]
async fn closed_connection_makes_room_for_a_new_one() {
    let (listener, address) = port(1).await;
    for _ in 0..3 {
        let _client = TcpStream::connect(address).await.unwrap();
        let (connection, _) = listener.next().await;
        connection.handle().trust();
    }
}

#[tokio::test(start_paused = true)]
async fn connection_whose_client_does_not_read_is_closed() {
    let (listener, address) = port(1).await;
    let client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.next().await;

    let stuck = loop {
        if let Err(error) = connection.write_all(&[0; 8 * 1024]).await {
            break error;
        }
    };

    assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_closed() {
    let (listener, address) = port(1).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.next().await;
    let started = Instant::now();

    client.write_all(b"x").await.unwrap();
    assert_eq!(connection.read_u8().await.unwrap(), b'x');
    let idle = connection.read_u8().await.unwrap_err();

    assert_eq!(idle.kind(), io::ErrorKind::TimedOut);
    assert!((IDLE_TIMEOUT..IDLE_TIMEOUT * 3 / 2).contains(&started.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn connection_with_an_overdue_response_is_closed() {
    let (listener, address) = port(1).await;
    let client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.next().await;
    let started = Instant::now();

    let body = axum::body::Body::from("a response");
    let overdue = TrackedBody::new(body, &Arc::clone(connection.handle().open_responses()));
    let ended = connection.read_u8().await.unwrap_err();

    assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    assert!((IDLE_TIMEOUT / 6..IDLE_TIMEOUT / 3).contains(&started.elapsed()));
    drop((overdue, client));
}
