//! Debian's proxies in front of servers, killed when the test ends.

use std::path::Path;
use std::process::{Command, Stdio};

use super::prepare::{Program, require};
use super::process::Server;
use super::wait::until_listening;

/// Starts nginx at `port`, with `http` in its block of that name.
pub fn nginx(folder: &Path, port: u16, http: &str) -> Server {
    require(Program::Nginx);
    let at = folder.display();
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders: String = folders.map(|name| format!("{name}_temp_path {at}/{name};\n")).concat();
    let settings = format!(
        "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{ access_log off;\n{folders}{http}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, settings).unwrap();
    started(Command::new("nginx").arg("-e").arg(folder.join("error.log")).arg("-c").arg(file), port)
}

/// Starts `HAProxy` at `port` with these settings.
pub fn haproxy(folder: &Path, port: u16, settings: &str) -> Server {
    require(Program::HaProxy);
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, settings).unwrap();
    started(Command::new("haproxy").args(["-q", "-db", "-f"]).arg(file), port)
}

fn started(command: &mut Command, port: u16) -> Server {
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut proxy = Server { child, address: format!("127.0.0.1:{port}") };
    until_listening("the proxy", &mut proxy.child, &proxy.address);
    proxy
}
