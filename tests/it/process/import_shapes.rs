//! `taskwell import` from tables of several real programs: fastapi-users, Tortoise, camel case.

use serde_json::{Value, json};

use super::commands::{done, refused, run};
use super::import::{import, login, make, pairs, serve, tasks};
use crate::support::PASSWORD;
use crate::support::process::Server;

fn column(list: &[Value], member: &str) -> Vec<Value> {
    list.iter().map(|task| task[member].clone()).collect()
}

fn users(server: &Server, admin: &str) -> Vec<Value> {
    let list = server.send("GET", "/api/v1/users", admin, None).json();
    list.as_array().unwrap().clone()
}

/// Returns the responses of the three trees to a login.
fn logins(server: &Server, email: &str) -> [u16; 3] {
    let proof = json!({ "email": email, "password": PASSWORD });
    ["/api/v1/auth/login", "/api/auth/signin", "/user/login"]
        .map(|path| server.send("POST", path, "", Some(&proof)).status)
}

#[tokio::test]
async fn a_back_end_on_fastapi_users_comes_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (from, to) in pairs(folder).await {
        make("import_fastapi_users", &from);
        let told = import(folder, &from, &to, &["--apply"], 0);
        for words in [
            "read: user.hashed_password as password",
            "read: user.is_banned as disabled",
            "read: todos.is_done as completed",
            "not read: user.favorite_color",
            "deleted_at: counts as deleted there",
            "users: 11 accepted, 0 refused, 1 left out",
            "1 are admins, 2 are deactivated, 3 need a password reset",
            "tasks: 7 accepted, 0 refused, 2 left out",
            "stored the whole import",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains("pbkdf2") && !told.contains("$argon2"), "{told}");
        let server = serve(folder, &to);
        let ada = login(&server, "ada@example.org", PASSWORD).unwrap();
        // In the order of sign-up, which their keys do not show.
        let names = ["ada", "bea", "inactive", "banned", "carl", "dora", "emil", "fay"];
        let names = [&names[..], &["django", "greedy", "nameless"]].concat();
        assert_eq!(column(&users(&server, &ada), "username"), names);
        let list = tasks(&server, &ada);
        assert_eq!(column(&list, "title"), ["one", "two", "three", "four", "five", "six"]);
        assert!(list.is_sorted_by_key(|task| task["id"].as_i64()), "{list:?}");
        let done_ones = list.iter().filter(|task| task["completed"] == true);
        assert_eq!(done_ones.map(|task| &task["title"]).collect::<Vec<_>>(), ["two", "four"]);
        // Its Argon2 hash becomes one of the configured scheme at the first login, which lets the
        // second one in.
        for _ in 0..2 {
            assert!(login(&server, "bea@example.org", PASSWORD).is_ok());
        }
        for shut_out in ["inactive", "banned", "gone", "django", "greedy", "nameless"] {
            let answers = logins(&server, &format!("{shut_out}@example.org"));
            let nobody = if shut_out == "gone" { 404 } else { 401 };
            assert_eq!(answers, [401, 401, nobody], "{shut_out}");
        }
        let reset = ["user", "reset-password", "--database-url", &to, "django@example.org"];
        done(folder, &reset, &format!("{PASSWORD}\n"));
        assert_eq!(logins(&server, "django@example.org"), [200, 200, 200]);
    }
}

#[tokio::test]
async fn a_back_end_on_tortoise_comes_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (from, to) in pairs(folder).await {
        make("import_tortoise", &from);
        let told = import(folder, &from, &to, &["--apply"], 1);
        for words in [
            "changed: user 2: role: \"moderator\" is not a role of Taskwell; the role becomes user",
            "changed: user 4: status: \"on holiday\" is not a known word",
            "left out: user 5: status: counts as deleted there",
            "changed: user 6: enabled: is empty; the account becomes deactivated",
            "changed: task 4: done: is false, but the status is completed",
            "changed: task 5: completed_at: is dropped",
            "left out: task 6: owner_id: its user counts as deleted there",
            "users: 5 accepted, 0 refused, 1 left out",
            "1 are admins, 3 are deactivated, 0 need a password reset",
            "tasks: 4 accepted, 1 refused, 1 left out",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(
            told.lines()
                .any(|line| line.starts_with("refused: task 3: ") && line.contains("user_id"))
        );
        let server = serve(folder, &to);
        let ada = login(&server, "ada", PASSWORD).unwrap();
        let list = tasks(&server, &ada);
        assert_eq!(column(&list, "title"), ["done", "open", "both", "reopened"]);
        assert_eq!(column(&list, "completed"), [true, false, true, false]);
        for empty in ["description", "due_date"] {
            assert_eq!(list[0][empty], Value::Null, "{empty}");
        }
        let found = users(&server, &ada);
        assert_eq!(column(&found, "role"), ["admin", "user", "user", "user", "user"]);
        assert_eq!(column(&found, "is_active"), [true, true, false, false, false]);
        assert_eq!(found[0]["name"], Value::Null);
        for shut_out in ["suspended", "away", "unclear"] {
            assert_eq!(login(&server, shut_out, PASSWORD), Err(401), "{shut_out}");
        }
    }
}

#[tokio::test]
async fn a_back_end_in_camel_case_comes_over_with_the_operators_help() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (from, to) in pairs(folder).await {
        make("import_camel_case", &from);
        let output = run(folder, &["import", "--from", &from, "--database-url", &to], "");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains("Task has no column title or"), "{errors}");
        assert!(
            errors.contains("--map COLUMN=title") && output.status.code() == Some(1),
            "{errors}"
        );
        let map = [
            "--map",
            "heading=title",
            "--map",
            "User.frosty=disabled",
            "--map",
            "urgency=priority",
        ];
        let told = import(folder, &from, &to, &[&map[..], &["--apply"]].concat(), 0);
        // A guess that shuts an account out holds beside the operator's word.
        assert!(
            told.contains("read: User.frosty as disabled\nread: User.disabled as disabled"),
            "{told}"
        );
        let server = serve(folder, &to);
        let zoe = login(&server, "zoe@example.org", PASSWORD).unwrap();
        let found = users(&server, &zoe);
        assert_eq!(
            column(&found, "email"),
            ["zoe@example.org", "max@example.org", "ada@example.org"]
        );
        assert_eq!(column(&found, "is_active"), [true, false, false]);
        assert_eq!((&found[0]["name"], &found[0]["role"]), (&json!("Zoë"), &json!("admin")));
        let list = tasks(&server, &zoe);
        assert_eq!(column(&list, "title"), ["first", "second", "third"]);
        assert_eq!(column(&list, "completed"), [true, false, true]);
        assert_eq!(column(&list, "priority"), ["high", "medium", "medium"]);
        assert_eq!(list[0]["completed_at"], "2024-02-29T12:30:15.123000Z");
        assert_eq!(list[1]["due_date"], "2024-02-29T12:30:15.123000Z");
        assert_eq!(list[0]["description"], Value::Null);
    }
}

#[test]
fn a_map_that_means_nothing_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let other = rusqlite::Connection::open(folder.join("other.db")).unwrap();
    other
        .execute_batch(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, password TEXT, spare TEXT,
                                 extra TEXT);
             CREATE TABLE todo (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT);",
        )
        .unwrap();
    let with = |map: &[&str]| {
        let args: Vec<&str> = map.iter().flat_map(|map| ["--map", map]).collect();
        refused(folder, &[&["import", "--from", "sqlite://other.db"], &args[..]].concat())
    };
    for (map, words) in [
        (&["spare"][..], "COLUMN=FIELD"),
        (&["=title"], "column"),
        (&["spare=colour"], "\"colour\" is not a field; users have id, email"),
        (&["colour=title"], "--map colour=title: no such column"),
        (&["spare=title"], "--map spare=title: no such column"),
        (&["cats.spare=name"], "--map cats.spare=name: no such column"),
        (&["todo.spare=ignore"], "--map todo.spare=ignore: no such column"),
        (&["spare=name", "spare=role"], "users.spare is mapped twice"),
        (&["spare=name", "extra=name"], "are all mapped to name"),
        (&["email=ignore"], "users has no column email or"),
    ] {
        let told = with(map);
        assert!(told.contains(words), "{map:?}: {told}");
    }
    let told =
        done(folder, &["import", "--from", "sqlite://other.db", "--map", "spare=ignore"], "");
    assert!(told.contains("not read: users.spare"), "{told}");
}
