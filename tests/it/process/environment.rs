//! The environment at startup: files with settings, misspelled settings, folders, ports, secrets.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::postgres::Database;
use crate::support::process::{Server, taskwell};

fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.success(), String::from_utf8(stderr).unwrap())
}

/// Returns a server's log until it was stopped.
fn log_of(mut server: Server) -> String {
    let mut stderr = server.child.stderr.take().unwrap();
    assert_eq!(server.stop(), Some(0));
    let mut log = String::new();
    stderr.read_to_string(&mut log).unwrap();
    log
}

fn migrate(folder: &Path, variables: &[(&str, &str)]) -> (bool, String) {
    run(taskwell(folder).arg("migrate").envs(variables.iter().copied()))
}

#[test]
fn a_setting_with_a_password_can_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("url"), "sqlite://of-a-file.db\n").unwrap();
    std::fs::write(folder.join("empty"), "\n").unwrap();
    assert_eq!(migrate(folder, &[("DATABASE_URL_FILE", "url")]), (true, String::new()));
    assert!(folder.join("of-a-file.db").exists());
    let by_flag = run(taskwell(folder)
        .args(["migrate", "--database-url", "sqlite://flag.db"])
        .env("DATABASE_URL_FILE", "url"));
    assert!(by_flag.0 && folder.join("flag.db").exists(), "{by_flag:?}");
    for (variables, told) in [
        (vec![("DATABASE_URL_FILE", "url"), ("DATABASE_URL", "sqlite://x.db")], "are both set"),
        (vec![("SMTP_URL_FILE", "nowhere")], "SMTP_URL_FILE: the file nowhere cannot be read"),
        (vec![("REDIS_URL_FILE", "empty")], "REDIS_URL_FILE: the file empty is empty"),
        (vec![("REDIS_URL_FILE", "url")], "REDIS_URL"),
    ] {
        let (is_done, error) = migrate(folder, &variables);
        assert!(!is_done && error.contains(told), "{variables:?}: {error}");
    }
}

#[test]
fn urls_of_sqlite_are_read_as_other_libraries_write_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (url, file) in [
        ("sqlite:///./a.db", "a.db"),
        ("sqlite+aiosqlite:///./b.db", "b.db"),
        ("sqlite://c.db?mode=rwc", "c.db"),
    ] {
        let (is_done, error) = migrate(folder, &[("DATABASE_URL", url)]);
        assert!(is_done && folder.join(file).exists(), "{url}: {error}");
    }
    for (variables, told) in [
        (("DATABASE_URL", "sqlite://d.db?mode=ro"), "does not know the parameter mode=ro"),
        (("DATABASE_URL", "sqlite://nowhere/d.db"), "the folder nowhere for d.db does not exist"),
        (("DATABASE_URL", "postgres://ada:canary@x@localhost/a"), "%40"),
        (("DATABASE_URL", "postgres://ada:canary#x@localhost/a"), "%23"),
        (("DATABASE_URL", "postgres://ada:canary?x@localhost/a"), "%3F"),
        (("DATABASE_URL", "postgres://ada:canary@#?x@localhost/a"), "%3F"),
    ] {
        let (is_done, error) = migrate(folder, &[variables]);
        assert!(
            !is_done && error.contains(told) && !error.contains("canary"),
            "{variables:?}: {error}"
        );
    }
    assert!(!folder.join("d.db?mode=ro").exists() && !folder.join("d.db").exists());
}

#[test]
fn a_folder_that_is_missing_is_named_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(migrate(folder, &[]), (true, String::new()));
    for command in [
        "backup nowhere/b.db",
        "restore taskwell.db --database-url sqlite://nowhere/b.db",
        "copy --from sqlite://taskwell.db --to sqlite://nowhere/b.db",
        "import --from sqlite://taskwell.db --database-url sqlite://nowhere/b.db",
        "keys rotate --database-url sqlite://nowhere/b.db",
        "user list --database-url sqlite://nowhere/b.db",
    ] {
        let (is_done, error) = run(taskwell(folder).args(command.split(' ')));
        assert!(
            !is_done && error.contains("the folder nowhere for b.db does not exist"),
            "{command}: {error}"
        );
    }
    // Information about the program itself needs no settings.
    let broken = |command: &str| run(taskwell(folder).arg(command).env("SMTP_URL_FILE", "nowhere"));
    assert!(
        broken("--version").0 && broken("man").0 && broken("openapi").0 && !broken("migrate").0
    );
    // A lost secret is not replaced silently.
    std::fs::remove_file(folder.join("taskwell.db.jwt-secret")).unwrap();
    let (_, warned) = run(taskwell(folder).args(["keys", "rotate"]));
    assert!(warned.contains("was missing, so Taskwell generated a new secret"), "{warned}");
}

#[test]
fn a_sender_that_is_none_is_told_by_its_name_and_the_mail_of_a_login_shell_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = ("SMTP_URL", "smtp://localhost:2525");
    let (is_done, error) = migrate(folder.path(), &[smtp, ("MAIL_FROM", "nobody at all")]);
    assert!(!is_done && error.contains("MAIL_FROM") && !error.contains("SMTP_URL"), "{error}");
    assert!(migrate(folder.path(), &[("MAIL", "/var/mail/ada")]).0);
    assert!(migrate(folder.path(), &[("MAIL", "post")]).1.contains("allowed are smtp and log"));
}

#[test]
fn a_port_that_is_taken_is_noticed_before_the_database_is_touched() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (is_done, error) = run(taskwell(folder.path()).args(["--port", &port]));
    assert!(!is_done && error.contains("cannot listen"), "{error}");
    assert!(!folder.path().join("taskwell.db").exists());
}

#[test]
fn a_misspelled_setting_and_a_secret_that_is_lost_or_open_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let secret = folder.join("taskwell.db.jwt-secret");
    let first = log_of(Server::run(taskwell(folder).args(["--port", "0"]).env("CORS_ORIGIN", "*")));
    assert!(
        first.contains(
            "the environment sets CORS_ORIGIN, which is not a setting of Taskwell. Did you mean \
             CORS_ORIGINS?"
        ),
        "{first}"
    );
    assert!(!first.contains("generated a new secret"), "{first}");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = log_of(Server::start(folder));
    assert!(open.contains("every user of this machine can read"), "{open}");
    std::fs::remove_file(&secret).unwrap();
    let lost = log_of(Server::start(folder));
    assert!(lost.contains("was missing, so Taskwell generated a new secret"), "{lost}");
    let quiet = log_of(Server::start(folder));
    assert!(!quiet.contains("generated a new secret") && !quiet.contains("can read"), "{quiet}");
}

#[tokio::test]
async fn commands_on_postgresql_need_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new().await;
    for args in [&["migrate"][..], &["user", "list"], &["audit"], &["restored"]] {
        let (is_done, error) =
            run(taskwell(folder.path()).args(args).env("DATABASE_URL", &database.url));
        assert!(is_done, "{args:?}: {error}");
    }
    let (is_done, error) = run(taskwell(folder.path()).env("DATABASE_URL", &database.url));
    assert!(!is_done && error.contains("JWT_SECRET"), "{error}");
}

#[test]
fn of_two_backups_to_one_name_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(migrate(folder, &[]).0);
    for round in 0..5 {
        let name = format!("{round}.db");
        let backups: Vec<_> =
            (0..2).map(|_| taskwell(folder).args(["backup", &name]).spawn().unwrap()).collect();
        let made = backups.into_iter().map(|mut backup| backup.wait().unwrap().success());
        assert_eq!(made.filter(|is_made| *is_made).count(), 1);
        assert!(folder.join(&name).exists());
    }
    let left = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains(".partial")));
}

#[test]
fn the_health_of_a_server_is_asked_without_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let check = |host: &str| {
        run(taskwell(folder.path()).args(["healthcheck", "--port", &port, "--host", host]))
    };
    assert_eq!(check("127.0.0.1"), (true, String::new()));
    assert_eq!(check("0.0.0.0"), (true, String::new()));
    drop(server);
    let (is_done, error) = check("127.0.0.1");
    assert!(!is_done && error.contains("no response from 127.0.0.1"), "{error}");
}

#[test]
fn completions_and_a_manual_page_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (args, part) in [
        (&["completions", "bash"][..], "complete -F"),
        (&["completions", "zsh"], "#compdef taskwell"),
        (&["completions", "fish"], "complete -c taskwell"),
        (&["man"], ".TH taskwell"),
    ] {
        let output = taskwell(folder.path()).args(args).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains(part), "{args:?}");
    }
}
