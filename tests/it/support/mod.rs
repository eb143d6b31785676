//! Fixtures of the tests: Taskwell in this process on its own database, and Taskwell as a process.

pub mod http2;
pub mod ports;
pub mod postgres;
pub mod prepare;
pub mod process;
pub mod proxies;
pub mod wait;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, Request};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use taskwell_core::app::{App, Operator};
use taskwell_core::audit::Actor;
use taskwell_core::clock::Clock;
use taskwell_core::db::{DatabaseLocation, Server, Trace};
use taskwell_core::settings::{Scheme, Settings};
use taskwell_http::{Options, Peer, Service};

use self::postgres::{Cluster, Database};

pub use taskwell_test_macros::on_each_database;

pub const SECRET: &[u8] = b"a secret of the tests, 32 bytes or more";
/// A password that satisfies the rules of all contracts, including 001.
pub const PASSWORD: &str = "Analytical.Engine-1843";

/// Taskwell behind its real router, in this process.
pub struct Taskwell {
    /// The instances on the store. Consecutive requests go to different instances.
    services: Vec<Service>,
    turn: AtomicUsize,
    pub app: App,
    /// The clock. Tests may advance it.
    pub operator: Operator,
    pub clock: Clock,
    pub place: DatabaseLocation,
    pub store: Store,
}

/// The store of a test's Taskwell.
pub enum Store {
    /// The folder of `taskwell.db`.
    Sqlite(tempfile::TempDir),
    Postgres(Box<Database>),
}

impl Taskwell {
    pub fn on_sqlite() -> Taskwell {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabaseLocation::Sqlite(folder.path().join("taskwell.db"));
        Taskwell::at(&place, Store::Sqlite(folder))
    }

    /// Starts on SQLite, with settings that `change` adjusts.
    pub fn with(change: impl FnOnce(&mut Settings)) -> Taskwell {
        let mut t = Taskwell::on_sqlite();
        t.reopen(change);
        t
    }

    /// Restarts with other settings on the same store. With rate limits, the clock stands still
    /// from now on.
    pub fn reopen(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = SETTINGS();
        change(&mut settings);
        // The counts must not depend on the speed of the machine.
        if settings.rate_limits {
            self.clock.stop();
        }
        let (operator, service) = open_with(&self.place, &self.clock, settings);
        self.app = operator.app().clone();
        (self.operator, self.services) = (operator, vec![service]);
    }

    pub async fn on_postgres() -> Taskwell {
        Taskwell::on(Database::new().await)
    }

    /// Starts two instances on one database.
    pub fn on(database: Database) -> Taskwell {
        let place = server(&database.url);
        let mut t = Taskwell::at(&place, Store::Postgres(Box::new(database)));
        t.services.push(open_with(&place, &t.clock, SETTINGS()).1);
        t
    }

    /// Starts one instance with `clock` that records its transactions in `trace`.
    pub async fn traced(trace: &Trace, clock: Clock) -> Taskwell {
        let database = Database::new().await;
        let mut server = Server::parse(&database.url).unwrap();
        (server.pool_max, server.trace) = (8, trace.clone());
        let place = DatabaseLocation::Postgres(Box::new(server));
        Taskwell::at_time(&place, Store::Postgres(Box::new(database)), clock)
    }

    /// Starts on PostgreSQL. All connections for requests go through a socket in `folder`.
    pub async fn on_postgres_by(folder: &Path) -> Taskwell {
        let database = Database::new().await;
        let server =
            Server::parse(&database.url_by(folder)).unwrap().with_direct(&database.url).unwrap();
        Taskwell::at(
            &DatabaseLocation::Postgres(Box::new(server)),
            Store::Postgres(Box::new(database)),
        )
    }

    /// Starts two instances that LISTEN through the socket in `folder`.
    pub fn on_postgres_listening_by(folder: &Path, database: Database) -> Taskwell {
        let server =
            Server::parse(&database.url).unwrap().with_direct(&database.url_by(folder)).unwrap();
        let place = DatabaseLocation::Postgres(Box::new(server));
        let mut t = Taskwell::at(&place, Store::Postgres(Box::new(database)));
        t.services.push(open_with(&place, &t.clock, SETTINGS()).1);
        t
    }

    /// Starts one instance with a replica of the database.
    pub fn on_postgres_with_replica(database: Database, replica: &str) -> Taskwell {
        let server = Server::parse(&database.url).unwrap().with_replica(replica).unwrap();
        Taskwell::at(
            &DatabaseLocation::Postgres(Box::new(server)),
            Store::Postgres(Box::new(database)),
        )
    }

    /// Starts one instance behind a pooler's socket in `folder`. Migrations bypass the pooler.
    pub fn on_postgres_behind(folder: &Path, database: Database) -> Taskwell {
        let server =
            Server::parse(&database.url_by(folder)).unwrap().with_direct(&database.url).unwrap();
        let place = DatabaseLocation::Postgres(Box::new(server));
        Taskwell::at(&place, Store::Postgres(Box::new(database)))
    }

    /// Starts Taskwell on a primary with a streaming replica. Returns the primary, the replica, the
    /// database and Taskwell.
    pub async fn replicated() -> (Cluster, Cluster, Database, Taskwell) {
        let primary = Cluster::start();
        let database = primary.database("taskwell").await;
        let replica = primary.replica();
        let there = replica.open("taskwell").await;
        let t = Taskwell::on_postgres_with_replica(database, &there.url);
        (primary, replica, there, t)
    }

    fn at(place: &DatabaseLocation, store: Store) -> Taskwell {
        Taskwell::at_time(place, store, Clock::default())
    }

    fn at_time(place: &DatabaseLocation, store: Store, clock: Clock) -> Taskwell {
        let (operator, service) = open_with(place, &clock, SETTINGS());
        Taskwell {
            services: vec![service],
            turn: AtomicUsize::new(0),
            app: operator.app().clone(),
            operator,
            clock,
            place: place.clone(),
            store,
        }
    }

    /// Runs a query without the API. Returns each value as text.
    pub async fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        match &self.store {
            Store::Sqlite(_) => sqlite_rows(&self.sqlite().unwrap(), query),
            Store::Postgres(database) => database.rows(query).await,
        }
    }

    /// Opens the database file, if the store is SQLite.
    pub fn sqlite(&self) -> Option<rusqlite::Connection> {
        match &self.store {
            Store::Sqlite(folder) => {
                let sql = rusqlite::Connection::open(folder.path().join("taskwell.db")).unwrap();
                let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
                // Some explained texts contain this function. It never runs here.
                sql.create_scalar_function("strpos", 2, flags, |_| Ok(0)).unwrap();
                Some(sql)
            }
            Store::Postgres(_) => None,
        }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    pub fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(path).header("host", "taskwell.test");
        Call { taskwell: self, request, body: Body::empty(), instance: None }
    }

    /// Creates an account through `v1`, logs in, and returns the access token. The address is
    /// `{name}@example.org`.
    pub async fn user(&self, name: &str) -> String {
        let new = json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD
        });
        let reply = self.post("/api/v1/auth/signup").json(&new).send().await;
        assert_eq!(reply.status, 201, "{reply:?}");
        self.login(name).await
    }

    /// Creates a task and returns its id.
    pub async fn task_of(&self, token: &str) -> String {
        self.task(token, "another").await["id"].to_string()
    }

    /// Logs in through `v1` and returns the access token.
    pub async fn login(&self, name: &str) -> String {
        let reply = self
            .post("/api/v1/auth/login")
            .json(&json!({ "username": name, "password": PASSWORD }))
            .send()
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Makes a user an admin, as the command line does.
    pub async fn make_admin(&self, name: &str) {
        use taskwell_core::users::{self, Role, Update};
        let name = name.to_owned();
        let update = Update { role: Some(Role::Admin), ..Update::default() };
        let made = self.operator.write(move |tx| {
            let user = users::find_by_login(tx, &name)?;
            users::update_user(tx, Actor::default(), user.id, &update)
        });
        made.await.unwrap();
    }

    /// Creates a task through `v1`.
    pub async fn task(&self, token: &str, title: &str) -> Value {
        let new = json!({ "title": title });
        let reply = self.post("/api/v1/tasks").token(token).json(&new).send().await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }
}

/// Fast settings without rate limits.
const SETTINGS: fn() -> Settings =
    || Settings { scheme: Scheme::Bcrypt(4), rate_limits: false, ..Settings::default() };

fn open_with(place: &DatabaseLocation, clock: &Clock, settings: Settings) -> (Operator, Service) {
    let (app, operator, _) = App::open(place, &[SECRET], settings, clock.clone()).unwrap();
    let service = taskwell_http::service(app, &Options::default());
    (operator, service)
}

fn server(url: &str) -> DatabaseLocation {
    let mut server = Server::parse(url).unwrap();
    server.pool_max = 8;
    DatabaseLocation::Postgres(Box::new(server))
}

fn sqlite_rows(sql: &rusqlite::Connection, query: &str) -> Vec<Vec<Option<String>>> {
    use rusqlite::types::Value;
    let text = |value| match value {
        Value::Null => None,
        Value::Integer(int) => Some(int.to_string()),
        Value::Real(real) => Some(real.to_string()),
        Value::Text(text) => Some(text),
        Value::Blob(bytes) => Some(format!("{bytes:02x?}")),
    };
    let mut query = sql.prepare(query).unwrap();
    let columns = query.column_count();
    // Raw, because an explained text has parameters without values.
    let mut found = query.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        rows.push((0..columns).map(|at| text(row.get(at).unwrap())).collect());
    }
    rows
}

/// A request to send.
pub struct Call<'t> {
    taskwell: &'t Taskwell,
    request: axum::http::request::Builder,
    body: Body,
    instance: Option<usize>,
}

impl Call<'_> {
    /// Sends to this instance instead of the next one.
    pub fn at(mut self, instance: usize) -> Self {
        self.instance = Some(instance);
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends from this address.
    pub fn from(mut self, address: &str) -> Self {
        self.request = self.request.extension(Peer(address.parse().unwrap()));
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn form(self, body: &'static str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request without reading the response's body.
    pub async fn open(self) -> Response {
        let request = self.request.body(self.body).unwrap();
        let Taskwell { services, turn, .. } = self.taskwell;
        let instance = self.instance.unwrap_or_else(|| turn.fetch_add(1, Ordering::Relaxed));
        services[instance % services.len()].answer(request).await
    }

    pub async fn send(self) -> Reply {
        let response = self.open().await;
        let (parts, body) = response.into_parts();
        let is_endless = parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes() == b"text/event-stream");
        let body =
            if is_endless { Vec::new() } else { body.collect().await.unwrap().to_bytes().to_vec() };
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// A response with its complete body; without a body if the body has no end.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns a header's value, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the fields in `errors`, in order.
    pub fn wrong_fields(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}
