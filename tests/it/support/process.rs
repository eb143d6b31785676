//! Taskwell as a process: the real binary, on a real port, killed when the test ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use super::Reply;

/// Returns a command for the binary with a clean environment, in `folder`, which holds its
/// database.
pub fn taskwell(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskwell"));
    command
        .current_dir(folder)
        .env_clear()
        .env("BCRYPT_COST", "4")
        .env("RATE_LIMITS", "off")
        .env("RUST_LOG", "warn");
    command
}

/// A running server.
pub struct Server {
    pub child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// Starts a server on a free port, and waits for the line with its address.
    pub fn start(folder: &Path) -> Server {
        Server::run(taskwell(folder).args(["--port", "0"]))
    }

    /// Starts a server with `command`.
    pub fn run(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix("Taskwell listens on http://") else {
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("the server did not start: {line} {errors}");
        };
        Server { address: address.to_owned(), child }
    }

    /// Returns the log from now on.
    pub fn log(&mut self) -> Log {
        let lines = BufReader::new(self.child.stderr.take().unwrap()).lines();
        let (to, log) = channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| drop(to.send(line)));
        });
        Log(log)
    }

    /// Opens a TCP connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Sends one request on its own connection. Returns `None` if the server closed it early.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Option<Reply> {
        self.try_send_with(method, path, token, "", body)
    }

    /// As `try_send`, with additional lines in the head.
    pub fn try_send_with(
        &self,
        method: &str,
        path: &str,
        token: &str,
        lines: &str,
        body: Option<&Value>,
    ) -> Option<Reply> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer \
             {token}\r\ncontent-type: application/json\r\n{lines}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        read_reply(&mut stream)
    }

    pub fn send(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Reply {
        self.try_send(method, path, token, body).unwrap()
    }

    /// Sends SIGTERM, waits, and returns the exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

/// The log lines of a server.
pub struct Log(Receiver<String>);

impl Log {
    pub fn next(&self) -> String {
        self.0.recv_timeout(Duration::from_mins(1)).unwrap()
    }

    /// Waits for a line that contains `text`.
    pub fn wait_for(&self, text: &str) -> String {
        loop {
            match self.0.recv_timeout(Duration::from_mins(1)) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(e) => panic!("the log has no line with {text}: {e}"),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a response until the server closes the connection; `None` if it is truncated.
pub fn read_reply(stream: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = axum::http::HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = axum::http::HeaderName::try_from(name).ok()?;
        headers.append(name, value.trim().try_into().ok()?);
    }
    let mut body = bytes[end + 4..].to_vec();
    if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        body = dechunked(&body)?;
    }
    let length: Option<usize> =
        headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    match length {
        Some(length) if body.len() != length => None,
        _ => Some(Reply { status, headers, body }),
    }
}

/// Returns the content of chunks (RFC 9112, section 7.1); `None` if the last one is missing.
fn dechunked(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(content);
        }
        let start = end + 2;
        content.extend(chunks.get(start..start + size)?);
        chunks = chunks.get(start + size + 2..)?;
    }
}
