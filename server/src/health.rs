//! `taskwell healthcheck`: asks a running server whether it is ready, for images without curl.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::console::{Outcome, print};

/// How long the whole check may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How much of the response to read.
const RESPONSE_BYTES_MAX: usize = 1024;

/// Asks the server at an address that it listens on. An address that means all addresses becomes
/// the loopback address.
pub fn check((host, port): (IpAddr, u16)) -> Outcome {
    let host = match host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    let address = SocketAddr::from((host, port));
    match ask(address) {
        Ok(response) if response.starts_with("HTTP/1.1 200 ") => print("ready"),
        Ok(response) => {
            let status = response.lines().next().unwrap_or("it sent no HTTP response");
            Err(format!("the server at {address} is not ready: {status}"))
        }
        Err(e) => Err(format!(
            "no response from {address} within {} s: {e}; check that the server is running there",
            TIMEOUT.as_secs()
        )),
    }
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let deadline = Instant::now() + TIMEOUT;
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&address, left())?;
    stream.set_write_timeout(Some(left()))?;
    stream.write_all(
        format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut response = Vec::new();
    while !response.contains(&b'\n') && response.len() < RESPONSE_BYTES_MAX {
        stream.set_read_timeout(Some(left()))?;
        let mut piece = [0; RESPONSE_BYTES_MAX];
        match stream.read(&mut piece)? {
            0 => break,
            length => response.extend_from_slice(&piece[..length]),
        }
    }
    Ok(String::from_utf8_lossy(&response).into_owned())
}
