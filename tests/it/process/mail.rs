//! Mail as a real SMTP server receives it, and the effects of its links.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::PASSWORD;
use crate::support::ports::free_port;
use crate::support::prepare::python;
use crate::support::process::{Server, taskwell};
use crate::support::wait::{until, until_listening};

/// aiosmtpd, which prints the mail that it receives.
struct Smtp {
    child: Child,
    url: String,
    lines: Receiver<String>,
}

impl Smtp {
    fn start(port: u16) -> Smtp {
        let address = format!("127.0.0.1:{port}");
        let mut child = Command::new(python())
            .args([
                "-u",
                "-m",
                "aiosmtpd",
                "-n",
                "-l",
                &address,
                "-c",
                "aiosmtpd.handlers.Debugging",
                "stdout",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until_listening("aiosmtpd", &mut child, &address);
        let (to, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| drop(to.send(line)));
        });
        Smtp { child, url: format!("smtp://{address}"), lines }
    }

    /// Returns the next mail: its recipient, its subject, and its text without SMTP's line folding.
    fn next(&self) -> (String, String, String) {
        let mut mail = VecDeque::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_mins(1)).unwrap();
            if line.contains("MESSAGE FOLLOWS") {
                mail.clear();
            } else if line.contains("END MESSAGE") {
                break;
            } else {
                mail.push_back(line);
            }
        }
        let header = |name: &str| {
            let line = mail.iter().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.unwrap_or_else(|| panic!("no {name}: {mail:?}")).to_owned()
        };
        let text = mail.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        (header("To"), header("Subject"), text.replace("=\n", "").replace("=3D", "="))
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(folder: &Path, smtp: &str, more: &[&str]) -> Server {
    let args = ["--port", "0", "--smtp-url", smtp, "--public-url", "http://tasks.test/"];
    Server::run(taskwell(folder).args(args).args(more))
}

/// Returns the token of a mail's link to `page`.
fn token(text: &str, page: &str) -> String {
    let start = format!("http://tasks.test/{page}?token=");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn sign_up(server: &Server) {
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
}

fn login(server: &Server, password: &str) -> Result<String, u16> {
    let proof = json!({ "username": "ada", "password": password });
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&proof));
    let token = || reply.json()["access_token"].as_str().unwrap().to_owned();
    if reply.status == 200 { Ok(token()) } else { Err(reply.status) }
}

fn post(server: &Server, path: &str, body: &Value) -> u16 {
    server.send("POST", path, "", Some(body)).status
}

#[test]
fn an_address_is_verified_by_its_link_once() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = Smtp::start(free_port());
    let server = serve(folder.path(), &smtp.url, &["--require-verified-email", "true"]);
    sign_up(&server);
    assert_eq!(login(&server, "wrong"), Err(401));
    assert_eq!(login(&server, PASSWORD), Err(403));
    let (to, subject, text) = smtp.next();
    assert_eq!((to.as_str(), subject.as_str()), ("ada@example.org", "Verify your email address"));
    let token = token(&text, "verify-email");
    assert_eq!(post(&server, "/api/v1/auth/email/verify", &json!({ "token": "nonsense" })), 401);
    assert_eq!(post(&server, "/api/v1/auth/email/verify", &json!({ "token": token })), 200);
    assert_eq!(post(&server, "/api/auth/verify-email", &json!({ "token": token })), 401);
    let ada = login(&server, PASSWORD).unwrap();
    let me = server.send("GET", "/api/v1/users/me", &ada, None).json();
    assert_eq!(me["email_verified"], true);
    // To a new address, and a word to the old one.
    let change = json!({ "email": "new@example.org", "current_password": PASSWORD });
    assert_eq!(
        server.send("PATCH", "/api/v1/users/me", &ada, Some(&change)).json()["email_verified"],
        false
    );
    let mut mails = [smtp.next(), smtp.next()];
    mails.sort();
    assert_eq!(
        (mails[0].0.as_str(), mails[0].1.as_str()),
        ("ada@example.org", "Your email address was changed")
    );
    assert_eq!(
        (mails[1].0.as_str(), mails[1].1.as_str()),
        ("new@example.org", "Verify your email address")
    );
}

#[test]
fn a_forgotten_password_is_reset_by_its_link_once_and_every_session_ends() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = Smtp::start(free_port());
    let server = serve(folder.path(), &smtp.url, &[]);
    sign_up(&server);
    smtp.next();
    let ada = login(&server, PASSWORD).unwrap();
    let answers: Vec<_> = ["nobody@example.org", "Ada@Example.org"]
        .map(|email| {
            server.send(
                "POST",
                "/api/v1/auth/password/forgot",
                "",
                Some(&json!({ "email": email })),
            )
        })
        .into_iter()
        .map(|reply| (reply.status, reply.json()))
        .collect();
    assert_eq!((answers[0].0, &answers[0]), (202, &answers[1]));
    let (to, subject, text) = smtp.next();
    assert_eq!((to.as_str(), subject.as_str()), ("ada@example.org", "Choose a new password"));
    let token = token(&text, "reset-password");
    // Opening the link does nothing yet.
    let page = server.send("GET", &format!("/reset-password?token={token}"), "", None);
    assert!(
        page.status == 200 && page.text().contains("<form") && page.text().contains(&token),
        "{page:?}"
    );
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let evil = server.send("GET", "/reset-password?token=%22%3E%3Cscript%3E", "", None);
    assert!(!evil.text().contains("<script>"), "{evil:?}");
    let weak = json!({ "token": token, "new_password": "password" });
    assert_eq!(post(&server, "/api/v1/auth/password/reset", &weak), 422);
    let new = json!({ "token": token, "new_password": "Difference.Engine-1822" });
    assert_eq!(post(&server, "/api/auth/reset-password", &new), 200);
    assert_eq!(post(&server, "/api/v1/auth/password/reset", &new), 401);
    assert_eq!(server.send("GET", "/api/v1/tasks", &ada, None).status, 401);
    assert_eq!(login(&server, PASSWORD), Err(401));
    let ada = login(&server, "Difference.Engine-1822").unwrap();
    assert_eq!(server.send("GET", "/api/v1/users/me", &ada, None).json()["email_verified"], true);
    assert_eq!(smtp.next().1, "Your password was changed");
}

#[test]
fn mail_waits_for_a_server_that_is_away_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let url = format!("smtp://127.0.0.1:{port}");
    let server = serve(folder.path(), &url, &[]);
    sign_up(&server);
    let store = rusqlite::Connection::open(folder.path().join("taskwell.db")).unwrap();
    let number = |query: &str| store.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
    until("the first delivery has failed", || number("SELECT max(attempts) FROM mail_queue") == 1);
    drop(server);
    let smtp = Smtp::start(port);
    // Makes the next attempt due, which would be in half a minute.
    let is_due = "UPDATE mail_queue SET next_at = 0 WHERE attempts = 1";
    assert_eq!(store.execute(is_due, []).unwrap(), 1);
    assert_eq!(number("SELECT count(*) FROM mail_tokens"), 1);
    let _server = serve(folder.path(), &url, &[]);
    let (to, _, text) = smtp.next();
    assert_eq!(to, "ada@example.org");
    let token = token(&text, "verify-email");
    let stored = std::fs::read(folder.path().join("taskwell.db")).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains(&token));
}

#[test]
fn without_a_mail_server_what_needs_mail_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    sign_up(&server);
    let forgot = json!({ "email": "ada@example.org" });
    let reply = server.send("POST", "/api/v1/auth/password/forgot", "", Some(&forgot));
    assert_eq!(
        (reply.status, &reply.json()["detail"]),
        (409, &json!("This server cannot send mail: its operator has not set SMTP_URL"))
    );
    let reply = server.send("POST", "/api/auth/forgot-password", "", Some(&forgot));
    assert_eq!((reply.status, &reply.json()["error_code"]), (409, &json!("MAIL_OFF")));
    let ada = login(&server, PASSWORD).unwrap();
    assert_eq!(server.send("POST", "/api/v1/auth/email/verification", &ada, None).status, 409);
    let store = rusqlite::Connection::open(folder.path().join("taskwell.db")).unwrap();
    let waiting: i64 =
        store.query_row("SELECT count(*) FROM mail_queue", [], |row| row.get(0)).unwrap();
    assert_eq!(waiting, 0);
}
