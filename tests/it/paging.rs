//! Paging by the parameters of other APIs: `offset`, `skip`, `page`, `completed`; and unknown
//! parameters.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

/// Paths of task lists, and the member that contains the list, if the tree has one.
const LISTS: [(&str, Option<&str>); 4] = [
    ("/api/v1/tasks", None),
    ("/api/v1/users/1/tasks", None),
    ("/api/tasks", None),
    ("/tasks", Some("tasks")),
];

/// Returns the titles on a page, as one text.
fn titles(reply: &Reply, envelope: Option<&str>) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    let list = envelope.map_or(&json, |name| &json[name]).as_array().unwrap().clone();
    list.iter().map(|task| task["title"].as_str().unwrap()).collect()
}

/// Returns the address of the next page.
fn next(reply: &Reply) -> Option<String> {
    reply.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned())
}

/// Reads all pages from `path` on.
async fn walk(t: &Taskwell, token: &str, path: String, envelope: Option<&str>) -> Vec<String> {
    let (mut pages, mut at) = (Vec::new(), Some(path));
    while let Some(path) = at {
        let reply = t.get(&path).token(token).send().await;
        pages.push(titles(&reply, envelope));
        at = next(&reply);
    }
    pages
}

/// Creates an admin with the tasks 0 to 6, of which the even ones are completed and three have due
/// dates.
async fn seven(t: &Taskwell) -> String {
    let token = t.user("ada").await;
    t.make_admin("ada").await;
    for n in 0..7 {
        let status = if n % 2 == 0 { "completed" } else { ["pending", "in_progress"][n / 2 % 2] };
        let due = if n < 3 { json!(format!("2026-01-0{}", n + 1)) } else { Value::Null };
        let new = json!({ "title": n.to_string(), "status": status, "due_date": due });
        assert_eq!(t.post("/api/v1/tasks").token(&token).json(&new).send().await.status, 201);
    }
    token
}

#[on_each_database]
async fn a_parameter_that_nobody_knows_is_ignored_everywhere(t: Taskwell) {
    let token = seven(&t).await;
    for (path, _) in LISTS {
        let unknown = "nonsense=1&per_page=5&_=1700000000&fbclid=%FF\
                       &completed_at=x&q%5B%5D=a&order=desc&size=2";
        let plain = t.get(path).token(&token).send().await;
        let reply = t.get(&format!("{path}?{unknown}&nonsense=2")).token(&token).send().await;
        assert_eq!((reply.status, &reply.body), (200, &plain.body), "{path}");
    }
    for path in [
        "/api/v1/users",
        "/api/v1/audit",
        "/api/v1/changes",
        "/api/v1/events",
        "/api/v1/users/me",
        "/livez",
    ] {
        let reply = t.get(&format!("{path}?nonsense=1")).token(&token).send().await;
        assert_eq!(reply.status, 200, "{path} {reply:?}");
    }
    let login = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(t.post("/api/v1/auth/login?next=%2F").json(&login).send().await.status, 200);
}

#[on_each_database]
async fn offset_skip_and_page_begin_where_they_say_and_link_on(t: Taskwell) {
    let token = seven(&t).await;
    for (path, envelope) in LISTS {
        for (query, pages) in [
            ("offset=0", &["6543210"][..]),
            ("offset=3", &["3210"]),
            ("skip=6", &["0"]),
            ("skip=7", &[""]),
            ("offset=100000", &[""]),
            ("offset=2&limit=3", &["432", "10"]),
            ("limit=2&skip=3", &["32", "10"]),
            ("limit=3&page=1", &["654", "321", "0"]),
            ("page=3&limit=3", &["0"]),
            ("page=4&limit=3", &[""]),
            ("page=2", &["6543210"]),
            ("page=0", &["6543210"]),
            ("page=x&offset=6", &["0"]),
        ] {
            let all = walk(&t, &token, format!("{path}?{query}"), envelope).await;
            assert_eq!(all, pages, "{path}?{query}");
        }
    }
}

#[on_each_database]
async fn an_offset_keeps_to_the_order_and_to_what_was_asked_for(t: Taskwell) {
    let token = seven(&t).await;
    for path in ["/api/v1/tasks", "/api/tasks"] {
        for (sort, order) in [
            ("created_at", "0123456"),
            ("-created_at", "6543210"),
            ("updated_at", "0123456"),
            ("due_date", "0123456"),
            ("-due_date", "2106543"),
            ("priority", "0123456"),
        ] {
            for offset in 0..=8 {
                let query = format!("{path}?sort={sort}&offset={offset}");
                let rest = &order[offset.min(7)..];
                assert_eq!(walk(&t, &token, query.clone(), None).await.concat(), rest, "{query}");
                let query = format!("{query}&limit=2");
                assert_eq!(walk(&t, &token, query.clone(), None).await.concat(), rest, "{query}");
            }
        }
        for (query, pages) in [
            ("completed=true&offset=1&limit=2", &["42", "0"][..]),
            ("status=completed&skip=3", &["0"]),
            ("sort=due_date&due_after=2026-01-01&offset=1", &["2"]),
            ("sort=due_date&due_after=2026-01-01&offset=2", &[""]),
            ("sort=due_date&completed=false&offset=1", &["35"]),
            ("sort=-due_date&completed=false&offset=2&limit=1", &["3"]),
        ] {
            assert_eq!(
                walk(&t, &token, format!("{path}?{query}"), None).await,
                pages,
                "{path}?{query}"
            );
        }
    }
}

#[on_each_database]
async fn an_offset_into_a_search_counts_what_was_found(t: Taskwell) {
    let token = t.user("ada").await;
    // More rows than one round trip reads, and few of them with the word.
    for n in 0..300 {
        let word = if n % 50 == 0 { "needle" } else { "straw" };
        t.task(&token, &format!("{word} {n} ")).await;
    }
    for (query, pages) in [
        ("offset=0&limit=1000", &["needle 250needle 200needle 150needle 100needle 50needle 0"][..]),
        ("offset=4&limit=10", &["needle 50needle 0"]),
        ("offset=5", &["needle 0"]),
        ("offset=6&limit=10", &[""]),
        ("page=3&limit=2", &["needle 50needle 0"]),
    ] {
        let all = walk(&t, &token, format!("/api/v1/tasks?q=needle&{query}"), None).await;
        assert_eq!(all.concat(), pages.concat(), "{query}");
    }
}

#[on_each_database]
async fn accounts_and_the_audit_log_have_the_same_words(t: Taskwell) {
    let token = t.user("root").await;
    t.make_admin("root").await;
    for name in ["ada", "bob", "eve"] {
        t.user(name).await;
    }
    let names = async |query: &str| {
        let reply = t.get(&format!("/api/v1/users?{query}")).token(&token).send().await;
        assert_eq!(reply.status, 200, "{query} {reply:?}");
        let all = reply
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["username"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>();
        (all.join(","), next(&reply).is_some())
    };
    for (query, wanted, more) in [
        ("offset=1", "ada,bob,eve", false),
        ("skip=1&limit=2", "ada,bob", true),
        ("page=2&limit=3", "eve", false),
        ("page=9", "root,ada,bob,eve", false),
        ("offset=4", "", false),
        ("q=example&offset=2", "bob,eve", false),
        ("q=example&page=2&limit=2", "bob,eve", false),
        ("q=e&skip=9", "", false),
    ] {
        assert_eq!(names(query).await, (wanted.to_owned(), more), "{query}");
    }
    let entries = async |query: &str| {
        let reply = t.get(&format!("/api/v1/audit?{query}")).token(&token).send().await;
        reply.json().as_array().unwrap().clone()
    };
    let all = entries("").await;
    assert!(all.len() > 4, "{all:?}");
    assert_eq!(entries("offset=2").await, all[2..]);
    assert_eq!(entries("skip=1&limit=2").await, all[1..3]);
    assert_eq!(entries("page=2&limit=2").await, all[2..4]);
}

#[on_each_database]
async fn two_words_for_where_a_list_begins_are_an_error(t: Taskwell) {
    let token = seven(&t).await;
    let first = t.get("/api/v1/tasks?limit=1").token(&token).send().await;
    let cursor = next(&first).unwrap().rsplit("cursor=").next().unwrap().to_owned();
    for (path, status) in [
        ("/api/v1/tasks", 422),
        ("/api/tasks", 400),
        ("/tasks", 400),
        ("/api/v1/users", 422),
        ("/api/v1/audit", 422),
    ] {
        let of_tasks = path.ends_with("tasks");
        for query in ["offset=1&skip=1", "offset=0&page=1&limit=1", "skip=1&page=2&limit=1"] {
            let reply = t.get(&format!("{path}?{query}")).token(&token).send().await;
            assert_eq!(reply.status, status, "{path}?{query} {reply:?}");
            assert!(reply.text().contains("cannot be combined with"), "{reply:?}");
        }
        for query in ["offset=1", "skip=0", "page=1&limit=1"].iter().filter(|_| of_tasks) {
            let reply =
                t.get(&format!("{path}?{query}&cursor={cursor}")).token(&token).send().await;
            assert_eq!(reply.status, status, "{path}?{query} {reply:?}");
        }
        for query in [
            "offset=-1",
            "offset=100001",
            "skip=1.5",
            "skip=",
            "offset=x",
            "page=0&limit=1",
            "page=-1&limit=1",
            "page=102&limit=1000",
            "page=4294967296&limit=1",
            "offset=1&offset=1",
        ] {
            let reply = t.get(&format!("{path}?{query}")).token(&token).send().await;
            assert_eq!(reply.status, status, "{path}?{query} {reply:?}");
        }
    }
    assert_eq!(t.get("/api/v1/tasks?page=101&limit=1000").token(&token).send().await.status, 200);
}

#[on_each_database]
async fn completed_tells_open_tasks_from_completed_ones(t: Taskwell) {
    let token = seven(&t).await;
    for (path, envelope) in LISTS {
        for (query, wanted) in [
            ("completed=true", "6420"),
            ("completed=false", "531"),
            ("completed=True", "6420"),
            ("completed=FALSE&limit=2", "531"),
        ] {
            let all = walk(&t, &token, format!("{path}?{query}"), envelope).await;
            assert_eq!(all.concat(), wanted, "{path}?{query}");
        }
        let reply = t.get(&format!("{path}?completed=maybe")).token(&token).send().await;
        assert_eq!(reply.status, if path.starts_with("/api/v1") { 422 } else { 400 }, "{path}");
    }
    for (query, wanted) in [
        ("completed=false&status=in_progress", "3"),
        ("completed=true&status=pending", ""),
        ("completed=true&q=4", "4"),
        ("completed=false&q=4", ""),
        ("completed=false&sort=due_date", "135"),
        ("completed=false&sort=due_date&q=3", "3"),
    ] {
        let all = walk(&t, &token, format!("/api/v1/tasks?{query}"), None).await;
        assert_eq!(all.concat(), wanted, "{query}");
    }
}
