//! A use case on PostgreSQL: its statements, and the answers to them so far.
//!
//! # Rounds
//! A use case is a plain function. It runs until it needs an answer that is not known yet. The
//! driver then sends all unanswered statements in one batch and runs the use case again from its
//! start, with the answers. Each batch is one round, and one round trip. The last batch travels
//! with the COMMIT.
//!
//! A use case of *n* rounds runs at most *n* + 1 times. A loop that requires an answer per item is
//! therefore quadratic in CPU time and linear in round trips. Statements whose answers are not
//! required ([`Script::send`]) or not required yet ([`Script::speculate`]) add no round.
//!
//! # Determinism
//! Each run must send the same statements with the same parameters in the same order, up to the
//! first answer that the previous run did not have. A use case may depend on its input, on answers,
//! and on the time and randomness of the script. It must not depend on another clock, on other
//! randomness, on the iteration order of a hash table, or on the number of runs. It must not change
//! anything outside the transaction either, except in a way that a repetition does not change. A
//! run that deviates after a write ends with [`Error::Internal`].
//!
//! # Speculation
//! [`Script::speculate`] returns `None` while the answer is unknown, and the caller continues with
//! a placeholder. From then on the run is not certain ([`Script::is_certain`]). An uncertain run
//! may only read: at its first write it stops until the answer is known. Its outcome never
//! counts. If the placeholder was wrong, the script discards the reads that followed from it. In
//! the run whose outcome counts, every answer is known.
//!
//! # Failures
//! After a failed statement, PostgreSQL refuses every other statement of the transaction. A use
//! case can turn the failure into another error, but it cannot recover: if a statement of a write
//! failed, the transaction rolls back, even if the use case returns `Ok`.
//!
//! # Isolation
//! Reads have no snapshot. Each statement of a read is a transaction of its own, and each statement
//! of a write sees what was committed before it (READ COMMITTED). A use case that needs two
//! consistent values selects them in one statement, or locks the row first.

#[cfg(any(test, feature = "record"))]
mod replay;

use tokio_postgres::Row;

use super::dialect::{Dialect, record};
use super::value::{Owned, Param, check_texts};
use crate::clock::{random_bytes, random_id};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::time::Timestamp;

/// The statements and answers of a use case.
pub(super) struct Script {
    now: Timestamp,
    steps: Vec<Step>,
    /// The index of the next step in this run.
    at: usize,
    /// This run needs an answer that is not known.
    blocked: bool,
    /// This run uses a placeholder for an answer that is not known.
    speculative: bool,
    /// The server of the next statement.
    server: Server,
    has_replica: bool,
    ids: Draws<10>,
    secrets: Draws<32>,
    /// The accounts whose subscribers are notified after the commit.
    to_notify: Vec<UserId>,
}

struct Step {
    statement: Statement,
    server: Server,
    answer: Option<Result<Answer, StatementError>>,
}

/// The server that runs a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Primary,
    /// For reads only. Its answers may be slightly out of date.
    Replica,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub sql: String,
    pub params: Vec<Owned>,
    /// The driver drops the rows after the one that exceeds this size.
    pub bytes_max: usize,
}

#[cfg_attr(any(test, feature = "record"), derive(Clone, Default))]
pub(super) struct Answer {
    pub rows: Vec<Row>,
    pub changed: u64,
    /// The driver dropped rows beyond [`Statement::bytes_max`].
    pub is_cut: bool,
}

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StatementError {
    /// It violated the unique constraint of this name.
    Unique(String),
    /// It conflicted with another transaction. The whole transaction may succeed when it is
    /// repeated.
    Again,
    /// The connection was lost, or the server no longer accepts writes.
    Lost(String),
    /// The request's time ran out, here or on the server. The driver does not repeat it.
    Late(String),
    Full,
    /// An earlier statement of the same transaction failed (SQLSTATE 25P02).
    Aborted,
    Other(String),
}

impl StatementError {
    pub fn into_error(self) -> Error {
        match self {
            StatementError::Again | StatementError::Lost(_) | StatementError::Late(_) => {
                Error::Unavailable { retry_after_s: 1 }
            }
            StatementError::Full => Error::StorageFull,
            StatementError::Aborted => {
                Error::Internal("a transaction was used after it had failed".into())
            }
            StatementError::Unique(constraint) => {
                Error::internal("a unique value came twice", constraint)
            }
            StatementError::Other(cause) => Error::internal("PostgreSQL", cause),
        }
    }
}

/// The result of one run of a use case.
pub(super) enum Run<T> {
    /// It needs the answers to [`Script::pending`].
    Waiting,
    /// It ended. If it succeeded, the driver sends the pending statements with the COMMIT.
    Done(Result<T>),
}

impl Script {
    pub fn new(now: Timestamp) -> Script {
        Script {
            now,
            steps: Vec::new(),
            at: 0,
            blocked: false,
            speculative: false,
            server: Server::Primary,
            has_replica: false,
            ids: Draws::default(),
            secrets: Draws::default(),
            to_notify: Vec::new(),
        }
    }

    /// Whether [`Script::switch_to`] may choose the replica.
    pub fn has_replica(&self) -> bool {
        self.has_replica
    }

    /// Starts or stops using a replica. When it stops, the script discards all steps from the
    /// replica's first one on.
    pub fn set_replica(&mut self, has_replica: bool) {
        self.has_replica = has_replica;
        if !has_replica {
            let first = self.steps.iter().position(|step| step.server == Server::Replica);
            self.steps.truncate(first.unwrap_or(self.steps.len()));
        }
    }

    /// Chooses the server for the following statements of this run.
    pub fn switch_to(&mut self, server: Server) {
        self.server = server;
    }

    /// Runs the use case from its start.
    pub fn run_once<T>(&mut self, run: impl FnOnce(&mut Script) -> Result<T>) -> Run<T> {
        (self.at, self.blocked, self.speculative) = (0, false, false);
        (self.ids.at, self.secrets.at) = (0, 0);
        self.server = Server::Primary;
        self.to_notify.clear();
        let outcome = run(self);
        if self.blocked || self.speculative { Run::Waiting } else { Run::Done(outcome) }
    }

    /// The unanswered statements for a server, in order.
    pub fn pending(&self, server: Server) -> Vec<Statement> {
        let waiting =
            self.steps.iter().filter(|step| step.server == server && step.answer.is_none());
        waiting.map(|step| step.statement.clone()).collect()
    }

    /// Stores the answers of a server to its first pending statements, in order. A statement that
    /// failed only because an earlier one had failed gets the error of the earlier one.
    pub fn answer(&mut self, server: Server, answers: Vec<Result<Answer, StatementError>>) {
        let mut cause = None;
        let mut answers = answers.into_iter();
        for step in self.steps.iter_mut().filter(|step| step.server == server) {
            if step.answer.is_none() {
                let Some(answer) = answers.next() else { break };
                step.answer = Some(match (answer, &cause) {
                    (Err(StatementError::Aborted), Some(cause)) => {
                        Err(StatementError::clone(cause))
                    }
                    (answer, _) => answer,
                });
            }
            if let (None, Some(Err(error))) = (&cause, &step.answer) {
                cause = Some(error.clone());
            }
        }
    }

    /// The first error after which the driver may try again, otherwise the first error.
    pub fn error(&self) -> Option<&StatementError> {
        let errors = || {
            self.steps.iter().filter_map(|step| match &step.answer {
                Some(Err(error)) => Some(error),
                _ => None,
            })
        };
        errors()
            .find(|error| matches!(error, StatementError::Again | StatementError::Lost(_)))
            .or(errors().next())
    }

    /// Whether there is anything to commit.
    pub fn writes(&self) -> bool {
        self.steps.iter().any(|step| !is_select(&step.statement.sql))
    }

    /// Whether every statement is a query, with or without a comment before it.
    pub fn only_queries(&self) -> bool {
        self.steps.iter().all(|Step { statement, .. }| {
            let comment = statement.sql.strip_prefix("/* ").and_then(|sql| sql.split_once(" */ "));
            is_select(comment.map_or(&statement.sql, |(_, sql)| sql))
        })
    }

    pub fn notify(&mut self, account: UserId) {
        self.to_notify.push(account);
    }

    /// The accounts whose subscribers are notified after the commit.
    pub fn to_notify(&self) -> &[UserId] {
        &self.to_notify
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sends a statement and needs its answer.
    pub fn require(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
    ) -> Result<Result<&Answer, StatementError>> {
        self.require_within(sql, params, usize::MAX)
    }

    /// [`Script::require`], without the rows after the one that exceeds `bytes_max`.
    pub fn require_within(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        bytes_max: usize,
    ) -> Result<Result<&Answer, StatementError>> {
        let at = self.step(sql, params, bytes_max)?;
        if self.steps[at].answer.is_none() {
            self.blocked = true;
        }
        self.answer_at(at).ok_or_else(waiting)
    }

    /// Sends a statement. Returns `None` while its answer is unknown; this run then continues
    /// without it.
    pub fn speculate(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
    ) -> Result<Option<Result<&Answer, StatementError>>> {
        let at = self.step(sql, params, usize::MAX)?;
        if self.steps[at].answer.is_none() {
            self.speculative = true;
        }
        Ok(self.answer_at(at))
    }

    /// Sends a statement whose answer the use case does not need.
    pub fn send(&mut self, sql: &str, params: &[&dyn Param]) -> Result<()> {
        self.step(sql, params, usize::MAX).map(drop)
    }

    fn answer_at(&self, at: usize) -> Option<Result<&Answer, StatementError>> {
        self.steps[at].answer.as_ref().map(|answer| answer.as_ref().map_err(Clone::clone))
    }

    fn step(&mut self, sql: &str, params: &[&dyn Param], bytes_max: usize) -> Result<usize> {
        // A placeholder may be wrong, so nothing is written that follows from one.
        self.blocked |= self.speculative && !is_select(sql);
        if self.blocked {
            return Err(waiting());
        }
        check_texts(params)?;
        record(Dialect::Postgres, sql);
        let statement = Statement {
            sql: sql.to_owned(),
            params: params.iter().map(|param| param.value().into()).collect(),
            bytes_max,
        };
        let at = self.at;
        self.at += 1;
        if self
            .steps
            .get(at)
            .is_some_and(|step| step.statement != statement || step.server != self.server)
        {
            if self.steps[at..].iter().any(|step| !is_select(&step.statement.sql)) {
                return Err(Error::internal(
                    "a use case wrote otherwise when it was run again",
                    sql,
                ));
            }
            // These reads followed from a placeholder that was wrong.
            self.steps.truncate(at);
        }
        if at == self.steps.len() {
            self.steps.push(Step { statement, server: self.server, answer: None });
        }
        Ok(at)
    }

    /// Whether this run has used no placeholder so far.
    pub fn is_certain(&self) -> bool {
        !self.speculative
    }

    /// Random bytes for an id. Each run gets the same.
    #[expect(clippy::disallowed_methods, reason = "the script repeats what it drew")]
    pub fn random_id(&mut self) -> Result<[u8; 10]> {
        self.ids.next(random_id)
    }

    /// Random bytes for a secret. Each run gets the same.
    #[expect(clippy::disallowed_methods, reason = "the script repeats what it drew")]
    pub fn random_secret(&mut self) -> Result<[u8; 32]> {
        self.secrets.next(random_bytes)
    }
}

/// Random values of one size, which each run gets in the same order.
#[derive(Clone, Default)]
struct Draws<const N: usize> {
    drawn: Vec<[u8; N]>,
    /// The index of the next value in this run.
    at: usize,
}

impl<const N: usize> Draws<N> {
    fn next(&mut self, draw: impl FnOnce() -> Result<[u8; N]>) -> Result<[u8; N]> {
        if self.at == self.drawn.len() {
            self.drawn.push(draw()?);
        }
        self.at += 1;
        Ok(self.drawn[self.at - 1])
    }
}

/// Whether a statement only reads. One that begins with a comment counts as one that writes: it may
/// call a function such as `setval`.
fn is_select(sql: &str) -> bool {
    sql.starts_with("SELECT ")
}

/// The error of a run that lacks an answer. [`Script::run_once`] discards it.
fn waiting() -> Error {
    Error::Internal("the answer is still under way".into())
}

#[cfg(test)]
mod tests;
