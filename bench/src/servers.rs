//! The measured servers as processes, and the load generator wrk from Debian.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SECRET: &str = "a secret of the benchmark, 32 bytes or more";

pub struct Server {
    pub name: &'static str,
    pub address: String,
    pub child: Child,
}

/// Builds Taskwell in release mode.
pub fn build(here: &Path) -> Result<(), String> {
    let built = Command::new("cargo")
        .args(["build", "--release", "-p", "taskwell"])
        .current_dir(here)
        .status();
    if built.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err("cargo build --release -p taskwell failed".into())
    }
}

/// The path of another program from the same build.
pub fn sibling(name: &str) -> Result<PathBuf, String> {
    Ok(std::env::current_exe().map_err(|e| e.to_string())?.with_file_name(name))
}

/// Starts Taskwell in `folder` on a store. It does not log requests, because the limit server does
/// not either.
pub fn taskwell(
    name: &'static str,
    program: &Path,
    folder: &Path,
    store: &str,
) -> Result<Server, String> {
    let mut command = Command::new(program);
    command
        .args(["--port", "0"])
        .current_dir(folder)
        .env("JWT_SECRET", SECRET)
        .env("DATABASE_URL", store)
        .env("BCRYPT_COST", "4")
        .env("RATE_LIMITS", "off")
        .env("RUST_LOG", std::env::var("SERVER_LOG").unwrap_or_else(|_| "error".into()));
    start(name, "Taskwell", &mut command)
}

/// Starts this program as the limit server.
pub fn limit() -> Result<Server, String> {
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    start("limit", "Limit", Command::new(this).args(["limit", "0", SECRET]))
}

fn start(name: &'static str, says: &str, command: &mut Command) -> Result<Server, String> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|e| e.to_string())?;
    let out = child.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
    match line.trim_end().strip_prefix(&format!("{says} listens on http://")) {
        Some(address) => Ok(Server { name, address: address.to_owned(), child }),
        None => Err(format!("{name} did not start: {line}")),
    }
}

impl Server {
    /// Sends one request on a new connection and returns the body of the response.
    pub fn send(&self, head: &str, token: &str, body: &str) -> Result<serde_json::Value, String> {
        let mut stream = TcpStream::connect(&self.address).map_err(|e| e.to_string())?;
        let request = format!(
            "{head} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\nauthorization: Bearer \
             {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(|e| e.to_string())?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        serde_json::from_str(body).map_err(|e| format!("{e}: {answer}"))
    }

    /// CPU time that the process has used so far, in seconds (proc(5), fields 14 and 15 of `stat`).
    pub fn cpu_seconds(&self) -> f64 {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or("");
        let fields: Vec<f64> =
            after_name.split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
        match (fields.get(11), fields.get(12)) {
            (Some(user), Some(system)) => (user + system) / 100.0,
            _ => 0.0,
        }
    }
}

/// Checks that wrk is installed. If not, tries to install Debian's package.
pub fn require_wrk() -> Result<(), String> {
    let is_installed = || Command::new("wrk").arg("-v").output().is_ok();
    if !is_installed() {
        let _ = Command::new("apt-get").args(["update", "-q"]).status();
        let _ = Command::new("apt-get").args(["install", "-y", "-q", "wrk"]).status();
    }
    if is_installed() { Ok(()) } else { Err("wrk is missing: apt-get install wrk".into()) }
}
