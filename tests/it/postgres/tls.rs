//! TLS by `sslmode`: which connections are encrypted, and which certificates are accepted.

use std::path::Path;

use taskwell_core::app::App;
use taskwell_core::clock::Clock;
use taskwell_core::db::{DatabaseLocation, Server};
use taskwell_core::settings::{Scheme, Settings};

use crate::support::SECRET;
use crate::support::ports::free_port;
use crate::support::postgres::{Cluster, as_user};

/// Creates an authority, its certificate for `localhost`, and another authority that nobody trusts.
fn certify(folder: &Path) {
    let script = "set -e
        for name in ca other; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                -subj /CN=$name -keyout $name.key -out $name.pem
        done
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=db \
            -keyout server.key -out server.csr
        printf 'subjectAltName=DNS:localhost' > san
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
            -days 2 -extfile san -out server.pem
        chmod 600 server.key";
    let made = as_user(Path::new("sh"), folder).args(["-c", script]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Returns the outcome of a connection: whether it is encrypted, or the error.
async fn connected(cluster: &Cluster, url: &str) -> Result<bool, String> {
    let mut server = Server::parse(url)?;
    server.start_within = std::time::Duration::ZERO;
    let place = DatabaseLocation::Postgres(Box::new(server));
    let settings = Settings { scheme: Scheme::Bcrypt(4), ..Settings::default() };
    let (app, _, _) =
        App::open(&place, &[SECRET], settings, Clock::default()).map_err(|e| e.to_string())?;
    app.ping().await.map_err(|e| e.to_string())?;
    let own = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE application_name = 'taskwell'";
    Ok(cluster.rows(own).await == [[Some("t".to_owned())]])
}

#[tokio::test]
async fn each_sslmode_asks_for_what_it_says() {
    let port = free_port();
    let settings = [
        "listen_addresses=localhost",
        "ssl=on",
        "ssl_cert_file=../server.pem",
        "ssl_key_file=../server.key",
    ];
    let cluster = Cluster::start_with(port, &settings, certify);
    let (ca, other) = (cluster.folder.join("ca.pem"), cluster.folder.join("other.pem"));
    let (ca, other) = (ca.display(), other.display());
    for (host, query, wanted) in [
        ("localhost", "sslmode=disable".to_owned(), Ok(false)),
        ("localhost", String::new(), Ok(true)),
        ("localhost", "sslmode=prefer".to_owned(), Ok(true)),
        ("127.0.0.1", "ssl=require".to_owned(), Ok(true)),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}"), Ok(true)),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={other}"), Err("certificate")),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={other}"), Err("certificate")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ca}"), Ok(true)),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), Err("certificate")),
        ("localhost", "sslmode=verify-full".to_owned(), Err("certificate")),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=/nowhere.pem".to_owned(),
            Err("/nowhere.pem"),
        ),
        ("localhost", "sslmode=certain".to_owned(), Err("verify-full")),
    ] {
        let url = format!("postgresql+asyncpg://taskwell@{host}:{port}/postgres?{query}");
        match (connected(&cluster, &url).await, wanted) {
            (Ok(encrypted), Ok(wanted)) => assert_eq!(encrypted, wanted, "{url}"),
            (Err(told), Err(wanted)) => assert!(told.contains(wanted), "{url}: {told}"),
            (got, wanted) => panic!("{url}: {got:?}, not {wanted:?}"),
        }
    }
}

/// Creates a self-signed certificate of X.509 version 1, as Citus does, and one for a client, which
/// the server recognizes by `ca.pem`.
fn certify_v1(folder: &Path) {
    let script = "set -e
        for name in server taskwell; do
            openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
        done
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
        openssl x509 -req -in server.csr -signkey server.key -days 2 -out server.pem
        openssl x509 -req -in taskwell.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
            -days 2 -out taskwell.pem
        openssl rsa -in taskwell.key -traditional -out pkcs1.key
        openssl x509 -in server.pem -noout -text | grep -q 'Version: 1'
        chmod 600 server.key";
    let made = as_user(Path::new("sh"), folder).args(["-c", script]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let rules = "local all all trust\nhostnossl plain all all trust\nhostssl secret all all trust\n\
                 hostssl proven all all cert clientcert=verify-full\n";
    std::fs::write(folder.join("data/pg_hba.conf"), rules).unwrap();
}

#[tokio::test]
async fn prefer_and_allow_connect_where_libpq_does_and_certificates_of_clients_are_shown() {
    let port = free_port();
    let settings = [
        "listen_addresses=localhost",
        "ssl=on",
        "ssl_cert_file=../server.pem",
        "ssl_key_file=../server.key",
        "ssl_ca_file=../ca.pem",
    ];
    let cluster = Cluster::start_with(port, &settings, certify_v1);
    let folder = cluster.folder.display().to_string();
    let own = |key: &str| format!("&sslcert={folder}/taskwell.pem&sslkey={folder}/{key}");
    for (name, query, wanted) in [
        ("secret", "sslmode=prefer".to_owned(), true),
        ("secret", "sslmode=require".to_owned(), true),
        ("secret", "sslmode=allow".to_owned(), true),
        ("secret", "sslmode=disable".to_owned(), false),
        ("plain", "sslmode=prefer".to_owned(), true),
        ("plain", "sslmode=allow".to_owned(), true),
        ("plain", "sslmode=require".to_owned(), false),
        ("proven", "sslmode=require".to_owned(), false),
        ("proven", format!("sslmode=require{}", own("taskwell.key")), true),
        ("proven", format!("sslmode=prefer{}", own("pkcs1.key")), true),
        ("proven", format!("sslmode=require&sslcert={folder}/taskwell.pem"), false),
    ] {
        cluster
            .rows(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ))
            .await;
        cluster.rows(&format!("DROP DATABASE IF EXISTS {name}")).await;
        cluster.rows(&format!("CREATE DATABASE {name}")).await;
        let url = format!("postgres://taskwell@localhost:{port}/{name}?{query}");
        let got = connected(&cluster, &url).await;
        assert_eq!(got.is_ok(), wanted, "{url}: {got:?}");
    }
}
