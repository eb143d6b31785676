//! Ports for programs that cannot choose a free port themselves.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that Linux gives to outgoing connections (`ip_local_port_range`), so that no
/// connection takes a port before its program listens, or while the program restarts.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// Returns a port that no other test of this process gets. Test processes begin at different ports.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id().wrapping_mul(97);
    loop {
        let offset = start.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed).into());
        let port = FIRST + u16::try_from(offset % u32::from(COUNT)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
