//! Slow connections. A test program of its own, as it measures the duration of a sign-in meanwhile.
#![expect(clippy::print_stdout, reason = "it tells what it measured")]

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use e2e::{pair::Pair, tls::connect, wait::until};
use tokio::{io::AsyncWriteExt as _, task::JoinSet, time::sleep};

const SLOW: usize = 300;

/// A head that arrives byte by byte, a body that never ends, a response that is not read.
async fn dawdle(pair: &Pair, number: usize, connected: &AtomicUsize) -> io::Result<()> {
    let mut stream = connect(pair, b"http/1.1").await?;
    connected.fetch_add(1, Ordering::Relaxed);
    match number % 3 {
        0 => {
            for byte in
                b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            {
                stream.write_all(&[*byte]).await?;
                sleep(Duration::from_secs(1)).await;
            }
        }
        1 => {
            let head = b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{";
            stream.write_all(head).await?;
            loop {
                stream.write_all(b" ").await?;
                sleep(Duration::from_secs(1)).await;
            }
        }
        _ => loop {
            let request = b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20);
            stream.write_all(&request).await?;
            sleep(Duration::from_secs(1)).await;
        },
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_connections_delay_no_sign_in() {
    let pair = Arc::new(Pair::start().await);
    pair.add_user("ada", &[]).await;
    pair.site.form_login("ada").await;
    let mut slow = JoinSet::new();
    let connected = Arc::new(AtomicUsize::new(0));
    for number in 0..SLOW {
        let (pair, connected) = (Arc::clone(&pair), Arc::clone(&connected));
        slow.spawn(async move { dawdle(&pair, number, &connected).await });
    }
    until("all to be connected", async || {
        (connected.load(Ordering::Relaxed) == SLOW).then_some(())
    })
    .await;
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    while begun.elapsed() < Duration::from_secs(6) {
        let sign_in = Instant::now();
        pair.site.form_login("ada").await;
        longest = longest.max(sign_in.elapsed());
        sleep(Duration::from_millis(200)).await;
    }
    println!("longest sign-in beside {SLOW} slow connections: {longest:?}");
    assert!(slow.len() > SLOW / 2, "{} are still there", slow.len());
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    slow.shutdown().await;
}
