//! Checks of a database before its use: it can store every text, and all URLs lead to it.

use tokio_postgres::Client;

use super::connection::{Connection, first_of};
use super::dial::row;
use super::server::Server;
use crate::clock::random_id;
use crate::db::script::StatementError;
use crate::error::{Error, Result};

/// The identity of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    database: String,
    /// The system identifier of the cluster, which a streaming replica shares; `None` if this role
    /// may not read it.
    system: Option<String>,
}

const DATABASE: &str = "SELECT current_database(), pg_is_in_recovery()";
const SYSTEM: &str = "SELECT system_identifier FROM pg_control_system()";

/// Checks the database of `direct`, a client of the direct URL.
///
/// # Errors
/// The database's encoding is not UTF8, or the direct URL leads to another database.
pub async fn all(server: &Server, direct: &Client) -> Result<Identity> {
    require_utf8(direct).await?;
    if server.has_direct {
        let main = first_of(server, &server.target).await?;
        require_same(direct, &main).await?;
    }
    let [database, _] = two(row(direct, DATABASE).await.map_err(StatementError::into_error)?);
    let system = row(direct, SYSTEM).await.ok().and_then(|row| row.into_iter().next().flatten());
    Ok(Identity { database: database.unwrap_or_default(), system })
}

async fn require_utf8(client: &Client) -> Result<()> {
    let [encoding, _] =
        two(row(client, "SHOW server_encoding").await.map_err(StatementError::into_error)?);
    match encoding.as_deref() {
        Some("UTF8") => Ok(()),
        other => Err(Error::Internal(format!(
            "the database has the encoding {}, which cannot hold every text: make one with CREATE \
             DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name it in the URL. Nothing was \
             changed",
            other.unwrap_or("unknown")
        ))),
    }
}

/// Checks that both clients use the same database: the second must see a lock that the first takes.
/// This needs no privilege and works through poolers.
#[expect(clippy::disallowed_methods, reason = "names a lock, not a row")]
async fn require_same(direct: &Client, main: &Client) -> Result<()> {
    let failed = StatementError::into_error;
    let chance = random_id()?;
    let (bytes, _) = chance
        .split_first_chunk::<8>()
        .ok_or_else(|| Error::Internal("a random id has too few bytes".into()))?;
    let key = i64::from_be_bytes(*bytes);
    let schema = "SELECT current_schema()";
    row(direct, "BEGIN").await.map_err(failed)?;
    row(direct, &format!("SELECT pg_advisory_xact_lock({key})")).await.map_err(failed)?;
    let [taken, _] = two(row(main, &format!("SELECT pg_try_advisory_xact_lock({key})"))
        .await
        .map_err(failed)?);
    row(direct, "ROLLBACK").await.map_err(failed)?;
    let there = row(direct, schema).await.map_err(failed)?;
    let here = row(main, schema).await.map_err(failed)?;
    if taken.as_deref() == Some("f") && there == here {
        return Ok(());
    }
    let what = if taken.as_deref() == Some("f") { "schema" } else { "database" };
    Err(Error::Internal(format!(
        "DATABASE_DIRECT_URL leads to another {what} than DATABASE_URL; it must lead to the same \
         one without the pooler. Nothing was changed"
    )))
}

impl Identity {
    /// Returns why a connection does not lead to a replica of this database, or `None` if it does.
    pub async fn refuse_replica(
        &self,
        replica: &Connection,
    ) -> Result<Option<String>, StatementError> {
        let [database, in_recovery] = two(replica.row(DATABASE).await?);
        if in_recovery.as_deref() != Some("t") {
            return Ok(Some("leads to a server that is not a standby".into()));
        }
        if database.as_deref() != Some(&self.database) {
            return Ok(Some("leads to another database than DATABASE_URL".into()));
        }
        // If one of the two is unreadable, they cannot be compared.
        let system =
            replica.row(SYSTEM).await.ok().and_then(|row| row.into_iter().next().flatten());
        Ok(match (&self.system, system) {
            (Some(primary), Some(replica)) if *primary != replica => {
                Some("leads to a standby of another server than that of DATABASE_URL".into())
            }
            _ => None,
        })
    }
}

/// Returns the first two columns.
fn two(row: Vec<Option<String>>) -> [Option<String>; 2] {
    let mut row = row.into_iter();
    [row.next().flatten(), row.next().flatten()]
}
