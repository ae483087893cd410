//! Free TCP ports.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Below the range of ephemeral ports, so that a port stays free between two starts of a service.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// Distance between the first ports of two test programs that run at once.
const DISTANCE: u32 = 97;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A free TCP port on the loopback interface, a different one at each call.
#[must_use]
pub fn free() -> u16 {
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = process::id().wrapping_mul(DISTANCE).wrapping_add(turn) % COUNT;
        let port = u16::try_from(FIRST + offset).expect("below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
