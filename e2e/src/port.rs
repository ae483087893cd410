//! Free TCP ports.

use std::{
    io,
    net::Ipv4Addr,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::net::TcpSocket;

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
        if bind(port).is_ok() {
            return port;
        }
    }
}

/// Binds a socket that does not listen: a process that another thread is starting holds a copy of every socket until it runs its program,
/// and a copy of a listening one would keep the port in use.
fn bind(port: u16) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, process::Command, sync::mpsc, thread};

    use super::*;

    #[test]
    fn free_port_can_be_bound_while_processes_start() {
        let (stop, stopped) = mpsc::channel::<()>();
        let starting = thread::spawn(move || {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                Command::new("true").status().unwrap();
            }
        });
        let failed = (0..COUNT).find_map(|_| {
            let port = free();
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).err()
        });
        drop(stop);
        starting.join().unwrap();
        assert!(failed.is_none(), "{failed:?}");
    }

    #[test]
    fn port_of_a_listening_socket_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free())).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(bind(port).is_err());
    }
}
