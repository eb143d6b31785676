//! The load: the accounts that send requests, the requests, and the counts of wrk.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::servers::Server;

/// Number of accounts that send requests. Each has as many tasks as a list shows.
pub const USERS: usize = 8;
pub const TASKS_PER_USER: usize = 20;
const PASSWORD: &str = "analytical engine 1843";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    GetOne,
    List20,
    Update,
    Create,
}

impl Operation {
    /// `Create` is last and uses separate accounts, so that lists keep 20 tasks.
    pub const ALL: [Operation; 4] =
        [Operation::GetOne, Operation::List20, Operation::Update, Operation::Create];

    pub fn name(self) -> &'static str {
        match self {
            Operation::GetOne => "get",
            Operation::List20 => "list",
            Operation::Update => "update",
            Operation::Create => "create",
        }
    }
}

pub struct Sample {
    pub server: &'static str,
    pub operation: Operation,
    pub connections: u32,
    pub per_second: f64,
    /// CPU time of the server per request, in microseconds.
    pub cpu_us: f64,
}

/// The files with the tokens and ids that wrk's script reads.
pub struct Data {
    readers: PathBuf,
    writers: PathBuf,
}

/// Creates the accounts and their tasks.
pub fn prepare(server: &Server, folder: &Path) -> Result<Data, String> {
    let readers = accounts(server, "reader", TASKS_PER_USER)?;
    let writers = accounts(server, "writer", 1)?;
    let write = |name: &str, lines: Vec<String>| {
        let path = folder.join(name);
        std::fs::write(&path, lines.join("\n") + "\n").map(|()| path).map_err(|e| e.to_string())
    };
    Ok(Data { readers: write("readers", readers)?, writers: write("writers", writers)? })
}

/// Creates accounts with tasks. Returns one line per task: its owner's token and its id.
fn accounts(server: &Server, kind: &str, tasks: usize) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for user in 0..USERS {
        let name = format!("{kind}{user}");
        let new = json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD
        });
        server.send("POST /api/v1/auth/signup", "", &new.to_string())?;
        let login = json!({ "username": name, "password": PASSWORD });
        let tokens = server.send("POST /api/v1/auth/login", "", &login.to_string())?;
        let token = tokens["access_token"].as_str().ok_or("no token")?;
        for _ in 0..tasks {
            let task = json!({ "title": "Write the report on the quarter", "description": "Two \
                pages, with the figures", "due_date": "2026-12-31T10:00:00Z" });
            let created = server.send("POST /api/v1/tasks", token, &task.to_string())?;
            lines.push(format!("{token} {}", created["id"]));
        }
    }
    Ok(lines)
}

/// Sends requests of one kind for `seconds`.
pub fn measure(
    here: &Path,
    server: &Server,
    operation: Operation,
    connections: u32,
    seconds: u32,
    data: &Data,
) -> Result<Sample, String> {
    let accounts = if operation == Operation::Create { &data.writers } else { &data.readers };
    let before = server.cpu_seconds();
    let output = Command::new("wrk")
        .args(["-t", "1", "-c", &connections.to_string(), "-d", &format!("{seconds}s")])
        .arg("-s")
        .arg(here.join("wrk/tasks.lua"))
        .arg(format!("http://{}", server.address))
        .env("OPERATION", operation.name())
        .env("ACCOUNTS", accounts)
        .output()
        .map_err(|e| e.to_string())?;
    let cpu = server.cpu_seconds() - before;
    let text = String::from_utf8_lossy(&output.stdout);
    let counted = text.lines().rev().find_map(|line| line.strip_prefix("counted "));
    let fields: Vec<f64> =
        counted.unwrap_or("").split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
    let [requests, duration_us, failed] = fields[..] else {
        return Err(format!(
            "unexpected output of wrk: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    };
    if failed > 0.0 || requests == 0.0 {
        return Err(format!("{failed} of {requests} requests failed on {}: {text}", server.name));
    }
    Ok(Sample {
        server: server.name,
        operation,
        connections,
        per_second: requests / duration_us * 1e6,
        cpu_us: cpu / requests * 1e6,
    })
}
