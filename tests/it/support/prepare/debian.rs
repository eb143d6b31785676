//! Programs from Debian's packages.

use std::process::Command;

use super::run;

/// A program that tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Chromium,
    Curl,
    HaProxy,
    Nginx,
    Npm,
    OpenSsl,
    PgBouncer,
    PostgreSql,
    Python,
    Redis,
    Sqlite,
    Strace,
}

impl Program {
    pub const ALL: [Program; 12] = [
        Program::Chromium,
        Program::Curl,
        Program::HaProxy,
        Program::Nginx,
        Program::Npm,
        Program::OpenSsl,
        Program::PgBouncer,
        Program::PostgreSql,
        Program::Python,
        Program::Redis,
        Program::Sqlite,
        Program::Strace,
    ];

    /// Returns Debian's packages that contain it.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Program::Chromium => &["chromium"],
            Program::Curl => &["curl"],
            Program::HaProxy => &["haproxy"],
            Program::Nginx => &["nginx-light"],
            Program::Npm => &["nodejs", "npm"],
            Program::OpenSsl => &["openssl"],
            Program::PgBouncer => &["pgbouncer"],
            Program::PostgreSql => &["postgresql"],
            Program::Python => &["python3", "python3-venv"],
            Program::Redis => &["redis-server"],
            Program::Sqlite => &["sqlite3"],
            Program::Strace => &["strace"],
        }
    }

    fn is_installed(self) -> bool {
        // A program without `--version` reports an error, but is installed.
        let runs = |name: &str| Command::new(name).arg("--version").output().is_ok();
        match self {
            Program::Chromium => runs("chromium"),
            Program::Curl => runs("curl"),
            Program::HaProxy => runs("haproxy"),
            Program::Nginx => runs("nginx"),
            Program::Npm => runs("npm") && runs("node"),
            Program::OpenSsl => runs("openssl"),
            Program::PgBouncer => runs("pgbouncer"),
            Program::PostgreSql => {
                run("sh", &["-c", "ls /usr/lib/postgresql/*/bin/initdb"]).is_ok()
            }
            Program::Python => run("python3", &["-c", "import ensurepip, venv"]).is_ok(),
            Program::Redis => runs("redis-server"),
            Program::Sqlite => runs("sqlite3"),
            Program::Strace => runs("strace"),
        }
    }
}

/// Installs the missing ones of `programs` in one call. Returns each program that is still missing,
/// with the reason in one line.
pub fn install(programs: &[Program]) -> Vec<(Program, String)> {
    let missing = || -> Vec<Program> {
        programs.iter().copied().filter(|program| !program.is_installed()).collect()
    };
    let wanted = missing();
    if wanted.is_empty() {
        return Vec::new();
    }
    let packages: Vec<&str> =
        wanted.iter().flat_map(|program| program.packages()).copied().collect();
    super::announce(&format!("installing Debian's packages {}", packages.join(" ")));
    let options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=300"];
    // If the update fails, the existing package lists may suffice.
    let _ = run("apt-get", &[&options[..], &["update"]].concat());
    let installed = run("apt-get", &[&options[..], &["install"], &packages].concat());
    let cause = installed.err().unwrap_or_default();
    let advice = |program: Program| {
        format!("{program:?} is missing. Run: apt-get install {} ({cause})", packages.join(" "))
    };
    missing().into_iter().map(|program| (program, advice(program))).collect()
}
