//! Request bodies, read whole before anything is worked on: within a deadline, and only so many unfinished ones at once.

use std::{future::poll_fn, net::IpAddr, pin::Pin, task::Poll, time::Duration};

use bytes::{Bytes, BytesMut};
use holdfast_core::rate_limited_log::LogRateLimiter;
use http_body::Body;
use thiserror::Error;
use tokio::time::timeout;

use crate::fair_slots::FairSlots;

/// Reads the bodies of requests. Clones count together.
#[derive(Clone, Debug)]
pub struct BodyReader {
    unfinished: FairSlots,
    limit: usize,
    deadline: Duration,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It did not end within the deadline.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// There were too many unfinished ones, and its client network had the most.
    #[error("too many requests wait for their bodies")]
    Displaced,
    /// The client ended it, or broke the protocol.
    #[error("the body ended early")]
    Broken,
}

static DISPLACED: LogRateLimiter = LogRateLimiter::new();

impl BodyReader {
    /// Reads bodies of up to `limit` bytes within `deadline`; at most `unfinished` may be on their way at once.
    #[must_use]
    pub fn new(unfinished: usize, limit: usize, deadline: Duration) -> Self {
        Self {
            unfinished: FairSlots::new(unfinished),
            limit,
            deadline,
        }
    }

    /// The whole body; of one above the limit, its beginning: one byte more than the limit, or more.
    ///
    /// # Errors
    /// When it does not come, or not in time, or others need the place.
    pub async fn read<B>(&self, mut body: B, client: IpAddr) -> Result<Bytes, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut read = Buffer::default();
        // As a rule it came together with the head.
        let at_once = poll_fn(|context| {
            let done = read.poll(Pin::new(&mut body), context, self.limit);
            Poll::Ready(match done {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            })
        });
        if let Some(done) = at_once.await {
            return done.map(|()| read.into_bytes());
        }
        let (mut slot, has_displaced) = self.unfinished.take(client.into());
        if has_displaced {
            DISPLACED.log(|requests| {
                tracing::warn!(
                    event = "requests.unfinished_displaced",
                    requests,
                    "too many incomplete requests; rejecting the oldest of the client network that has the most"
                );
            });
        }
        let rest = poll_fn(|context| read.poll(Pin::new(&mut body), context, self.limit));
        let done = tokio::select! {
            done = timeout(self.deadline, rest) => done.unwrap_or(Err(BodyError::TooSlow)),
            () = slot.displaced() => Err(BodyError::Displaced),
        };
        done.map(|()| read.into_bytes())
    }
}

/// What came so far; a single frame is not copied.
#[derive(Default)]
struct Buffer {
    first: Bytes,
    rest: BytesMut,
}

impl Buffer {
    fn poll<B>(
        &mut self,
        mut body: Pin<&mut B>,
        context: &mut std::task::Context<'_>,
        limit: usize,
    ) -> Poll<Result<(), BodyError>>
    where
        B: Body<Data = Bytes>,
    {
        while !body.is_end_stream() {
            match body.as_mut().poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => break,
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(BodyError::Broken)),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.add(data);
                    }
                    if self.length() > limit {
                        break;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn add(&mut self, data: Bytes) {
        if self.length() == 0 {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
    }

    fn length(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use futures_util::{StreamExt as _, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use tokio::time::Instant;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);
    const LIMIT: usize = 100;
    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn reader() -> BodyReader {
        BodyReader::new(2, LIMIT, DEADLINE)
    }

    /// A body of these frames, which then ends or not.
    fn body(
        frames: &[&'static [u8]],
        ends: bool,
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin + use<> {
        let frames: Vec<_> = frames
            .iter()
            .map(|frame| Ok(Frame::data(Bytes::from_static(frame))))
            .collect();
        let frames = stream::iter(frames);
        let rest = if ends {
            stream::empty().left_stream()
        } else {
            stream::pending().right_stream()
        };
        StreamBody::new(frames.chain(rest))
    }

    #[tokio::test]
    async fn whole_body_is_given_however_it_came() {
        let bodies: [&[&[u8]]; 3] = [&[b"abcdef"], &[b"ab", b"", b"cd", b"ef"], &[]];
        for frames in bodies {
            let read = reader().read(body(frames, true), CLIENT).await.unwrap();
            assert_eq!(read, frames.concat());
        }
        let whole = Full::new(Bytes::from_static(b"x"));
        assert_eq!(reader().read(whole, CLIENT).await.unwrap(), "x");
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_does_not_end_is_given_up_at_the_deadline() {
        for frames in [&[] as &[&[u8]], &[b"a"]] {
            let begun = Instant::now();
            let error = reader().read(body(frames, false), CLIENT).await;
            assert_eq!(error, Err(BodyError::TooSlow));
            assert!(begun.elapsed() >= DEADLINE && begun.elapsed() < DEADLINE * 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn body_above_the_limit_is_not_waited_for() {
        const LARGE: &[u8] = &[b'x'; LIMIT + 1];
        let begun = Instant::now();
        let read = reader().read(body(&[LARGE], false), CLIENT).await.unwrap();
        assert!(read.len() > LIMIT);
        assert!(begun.elapsed().is_zero());
    }

    #[tokio::test]
    async fn error_of_the_client_is_an_error() {
        let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("gone"))]);
        let error = reader().read(StreamBody::new(broken), CLIENT).await;
        assert_eq!(error, Err(BodyError::Broken));
    }

    #[tokio::test]
    async fn finished_body_is_read_whoever_else_waits() {
        let reader = reader();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let reader = reader.clone();
                tokio::spawn(async move { reader.read(body(&[b"a"], false), CLIENT).await })
            })
            .collect();
        let mut waiting = waiting.into_iter();
        // The first was displaced by the third.
        let first = waiting.next().unwrap().await.unwrap();
        assert_eq!(first, Err(BodyError::Displaced));
        let read = reader.read(body(&[b"ab", b"c"], true), CLIENT).await;
        assert_eq!(read.unwrap(), "abc");
    }
}
