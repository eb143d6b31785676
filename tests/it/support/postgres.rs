//! A real PostgreSQL server for the tests. The first test that needs it starts it from the
//! installed binaries, in a temporary folder, as a user other than root. It stops when this process
//! ends for any reason.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::prepare::{Program, require};

/// A server. Its guard waits at the other end of a pipe. When this end closes, the guard stops the
/// server and removes its files.
pub struct Cluster {
    pub folder: PathBuf,
    port: u16,
    _guard: Child,
}

const GUARD: &str = r#"
binaries="$1" folder="$2"
shift 2
"$binaries/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off \
    -c max_connections=300 -c shared_buffers=64MB "$@" &
cat > /dev/null
"$binaries/pg_ctl" -D "$folder/data" -m immediate -s stop
rm -rf "$folder"
"#;

impl Cluster {
    fn one() -> &'static Cluster {
        static ONE: OnceLock<Cluster> = OnceLock::new();
        ONE.get_or_init(Cluster::start)
    }

    /// Starts a server for one test.
    pub fn start() -> Cluster {
        Cluster::start_with(5432, &[], |_| ())
    }

    /// Starts a server for one test. `port` matters if it listens to TCP. `furnish` adds files to
    /// its folder.
    pub fn start_with(port: u16, settings: &[&str], furnish: impl Fn(&Path)) -> Cluster {
        let binaries = binaries();
        let folder = tempfile::tempdir().unwrap().keep();
        give_away(&folder);
        let made = as_user(&binaries.join("initdb"), &folder)
            .args([
                "-D",
                "data",
                "-U",
                "taskwell",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        furnish(&folder);
        Cluster::start_in(folder, port, settings)
    }

    /// Starts a streaming replica of this server.
    pub fn replica(&self) -> Cluster {
        let folder = tempfile::tempdir().unwrap().keep();
        give_away(&folder);
        let made = as_user(&binaries().join("pg_basebackup"), &folder)
            .args(["-D", "data", "-R", "-U", "taskwell", "--checkpoint=fast", "-h"])
            .arg(&self.folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&made.stderr));
        Cluster::start_in(folder, 5432, &[])
    }

    fn start_in(folder: PathBuf, port: u16, settings: &[&str]) -> Cluster {
        let mut guard = as_user(Path::new("sh"), &folder)
            .args(["-c", GUARD, "guard"])
            .args([&binaries(), &folder])
            .args(["-p", &port.to_string()])
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            // Ctrl-C stops the tests; the guard notices that.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(guard.stderr.take().unwrap()).lines();
        let ready = lines.by_ref().map(Result::unwrap).find(|line| {
            line.contains("ready to accept connections")
                || line.contains("ready to accept read-only connections")
        });
        assert!(ready.is_some(), "the server did not start in {}", folder.display());
        std::thread::spawn(move || lines.for_each(drop));
        Cluster { folder, port, _guard: guard }
    }

    /// Stops the server as in a crash, and restarts it.
    pub fn crash(&self) {
        self.control(&["-m", "immediate", "restart"]);
    }

    /// Stops the server permanently, as in a crash.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Promotes a replica to primary.
    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    fn control(&self, order: &[&str]) {
        let obeyed = as_user(&binaries().join("pg_ctl"), &self.folder)
            .args(["-D", "data", "-s", "-w"])
            .args(order)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(obeyed.unwrap().success(), "{order:?}");
    }

    /// Runs a query in the database `postgres`.
    pub async fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        let url = format!("{}&port={}", Cluster::url(&self.folder, "postgres"), self.port);
        texts(&connect(&url).await, query).await
    }

    /// Creates a database.
    pub async fn database(&self, name: &str) -> Database {
        let admin = connect(&Cluster::url(&self.folder, "postgres")).await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        self.open(name).await
    }

    /// Opens an existing database.
    pub async fn open(&self, name: &str) -> Database {
        let url = Cluster::url(&self.folder, name);
        Database { name: name.to_owned(), client: connect(&url).await.into(), url }
    }

    /// Returns a database URL with the folder of a socket that leads to the server.
    fn url(folder: &Path, database: &str) -> String {
        format!("postgres://taskwell@/{database}?host={}", folder.display())
    }
}

/// Makes the server's user the owner of a folder.
pub fn give_away(folder: &Path) {
    if let Some((user, group)) = unprivileged() {
        std::os::unix::fs::chown(folder, Some(user), Some(group)).unwrap();
    }
}

/// Returns a command that runs the program as the server's user, in the server's folder.
pub fn as_user(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command
}

/// Returns the folder with the programs of the newest version.
pub fn binaries() -> PathBuf {
    require(Program::PostgreSql);
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = versions.map(|entry| entry.unwrap().path().join("bin"));
    let newest = folders.filter(|folder| folder.join("initdb").exists()).max();
    newest.unwrap_or_else(|| panic!("PostgreSQL is missing: install Debian's package postgresql"))
}

/// Returns the user and group for the server if this process runs as root, which `initdb` refuses.
fn unprivileged() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2).map(|id| id.parse().unwrap());
        Some((fields.next()?, fields.next()?))
    };
    Some(of("postgres").or_else(|| of("nobody")).unwrap())
}

/// A database for one test.
pub struct Database {
    pub name: String,
    pub url: String,
    client: Mutex<Client>,
}

impl Database {
    pub async fn new() -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Cluster::one().database(&name).await
    }

    /// Returns the URL of this database through a socket in another folder.
    pub fn url_by(&self, folder: &Path) -> String {
        Cluster::url(folder, &self.name)
    }

    /// Returns the path of the server's own socket.
    pub fn socket() -> PathBuf {
        Cluster::one().folder.join(SOCKET)
    }

    pub async fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        let mut client = self.client.lock().await;
        if client.is_closed() {
            *client = connect(&self.url).await;
        }
        texts(&client, query).await
    }
}

async fn texts(client: &Client, query: &str) -> Vec<Vec<Option<String>>> {
    let answer = client.simple_query(query).await.unwrap();
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()).collect()
}

/// File name of PostgreSQL's socket for the default port.
pub const SOCKET: &str = ".s.PGSQL.5432";

#[expect(
    clippy::disallowed_methods,
    reason = "the connection ends with the client that the test drops"
)]
async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
