//! PostgreSQL with production settings, in which every commit is synced, the same server behind a
//! delay of 2 ms, and pgbench with the statements of a request.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::load::{Operation, Sample, TASKS_PER_USER, USERS};

#[path = "../../tests/it/support/postgres.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "written for tests, which may panic"
)]
mod cluster;

/// In place of the tests' preparation: a benchmark installs nothing.
mod prepare {
    pub enum Program {
        PostgreSql,
    }

    pub fn require(_: Program) {}
}

/// Half of a round trip to the server behind the delay.
const ONE_WAY: Duration = Duration::from_millis(1);
/// pgbench's connections, about as many as Taskwell uses for writes.
const CLIENTS: u32 = 16;

pub struct Database {
    cluster: cluster::Cluster,
    far_away: tempfile::TempDir,
}

impl Database {
    pub fn start() -> Result<Database, String> {
        let settings = ["fsync=on", "shared_buffers=256MB", "max_wal_size=4GB"];
        let cluster = cluster::Cluster::start_with(5432, &settings, |_| ());
        let far_away = tempfile::tempdir().map_err(|e| e.to_string())?;
        delay(far_away.path(), &cluster.folder).map_err(|e| e.to_string())?;
        let database = Database { cluster, far_away };
        for name in ["near", "far", "earlier"] {
            database.query("postgres", &format!("CREATE DATABASE {name}"))?;
        }
        Ok(database)
    }

    pub fn url(&self, name: &str) -> String {
        format!("postgres://taskwell@/{name}?host={}", self.cluster.folder.display())
    }

    /// The URL of the same database behind a delay of 2 ms per round trip.
    pub fn url_far_away(&self, name: &str) -> String {
        format!("postgres://taskwell@/{name}?host={}", self.far_away.path().display())
    }

    /// Runs a query and returns its result as psql prints it.
    fn query(&self, name: &str, text: &str) -> Result<String, String> {
        let output = self.program("psql").args(["-At", "-d", name, "-c", text]).output();
        let output = output.map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(cluster::binaries().join(name));
        command.args(["-U", "taskwell", "-h"]).arg(&self.cluster.folder);
        command
    }

    /// Runs the statements of a request for `seconds`. `None` if there is no script for the
    /// operation.
    pub fn pgbench(
        &self,
        here: &Path,
        operation: Operation,
        connections: u32,
        seconds: u32,
    ) -> Result<Option<Sample>, String> {
        let script = match operation {
            Operation::GetOne => "get",
            Operation::Create => "create",
            Operation::List20 | Operation::Update => return Ok(None),
        };
        let session = self.query("near", "SELECT uuid FROM sessions WHERE user_id = 1 LIMIT 1")?;
        let output = self
            .program("pgbench")
            .args([
                "-n",
                "-M",
                "prepared",
                "-j",
                "1",
                "-c",
                &CLIENTS.to_string(),
                "-T",
                &seconds.to_string(),
            ])
            .args(["-D", &format!("session={session}"), "-D", "owner=1", "-D", "first=1"])
            .args(["-D", &format!("last={TASKS_PER_USER}"), "-D", &format!("readers={USERS}")])
            .arg("-f")
            .arg(here.join(format!("pgbench/{script}.sql")))
            .arg("near")
            .output()
            .map_err(|e| e.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let rate = printed.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = rate.and_then(|rest| rest.split(' ').next()?.parse().ok());
        let error = || {
            format!(
                "unexpected output of pgbench: {printed}{}",
                String::from_utf8_lossy(&output.stderr)
            )
        };
        let per_second = rate.ok_or_else(error)?;
        Ok(Some(Sample { server: "pgbench", operation, connections, per_second, cpu_us: 0.0 }))
    }
}

/// Creates a socket in `folder` that forwards to the server's socket and delays all bytes by
/// [`ONE_WAY`] in each direction.
fn delay(folder: &Path, server: &Path) -> std::io::Result<()> {
    let listener = UnixListener::bind(folder.join(cluster::SOCKET))?;
    let server = server.join(cluster::SOCKET);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(server) = UnixStream::connect(&server)
                && let (Ok(back), Ok(there)) = (client.try_clone(), server.try_clone())
            {
                forward(client, there);
                forward(server, back);
            }
        }
    });
    Ok(())
}

fn forward(mut from: UnixStream, mut to: UnixStream) {
    let (sent, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (at, bytes) in arriving {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sent.send((Instant::now() + ONE_WAY, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
}
