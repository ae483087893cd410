//! Ports that nothing else takes.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Below the range from which the kernel gives ports away, so that a port stays free between two starts of a service.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// How far the ports of two test programs that run at once begin apart.
const APART: u32 = 97;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A free port of this machine, another one at each call.
#[must_use]
pub fn free() -> u16 {
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = process::id().wrapping_mul(APART).wrapping_add(turn) % COUNT;
        let port = u16::try_from(FIRST + offset).expect("below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
