//! Connections through real sockets, with a clock that is moved.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::connections::{AnswerBody, BoundedListener, Connections};

const SILENCE: Duration = Duration::from_mins(1);

async fn port(limit: usize) -> (BoundedListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections::new(limit, SILENCE);
    (BoundedListener::new(listener, connections), address)
}

#[tokio::test]
async fn beyond_the_limit_the_idle_connection_is_closed_for_the_new_one() {
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
    // Closed, by a farewell or by a reset.
    let closed = old.read_to_end(&mut Vec::new()).await;
    assert!(closed.is_err() || closed.unwrap() == 0);
    new.write_all(b"x").await.unwrap();
    assert_eq!(new_here.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn beyond_the_limit_of_trusted_connections_a_new_one_is_closed_at_once() {
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
async fn a_place_is_free_again_when_its_connection_ends() {
    let (listener, address) = port(1).await;
    for _ in 0..3 {
        let _client = TcpStream::connect(address).await.unwrap();
        let (connection, _) = listener.next().await;
        connection.handle().trust();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_ends() {
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
async fn a_silent_connection_ends() {
    let (listener, address) = port(1).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.next().await;
    let begun = Instant::now();

    client.write_all(b"x").await.unwrap();
    assert_eq!(connection.read_u8().await.unwrap(), b'x');
    let silent = connection.read_u8().await.unwrap_err();

    assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
    assert!((SILENCE..SILENCE * 3 / 2).contains(&begun.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_answer_is_not_taken_ends() {
    let (listener, address) = port(1).await;
    let client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.next().await;
    let begun = Instant::now();

    let body = axum::body::Body::from("an answer");
    let untaken = AnswerBody::new(body, &Arc::clone(connection.handle().answers()));
    let ended = connection.read_u8().await.unwrap_err();

    assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    assert!((SILENCE / 6..SILENCE / 3).contains(&begun.elapsed()));
    drop((untaken, client));
}
