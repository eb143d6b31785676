//! A use case on a database at the other end of a wire. The use case is a plain function; it is run
//! until it needs an answer, what it has asked so far is sent in one go, and then it is run again
//! from its beginning with the answers. So a statement whose answer can wait costs no round trip of
//! its own.

use tokio_postgres::Row;

use super::dialect::{Dialect, record};
use super::value::{Owned, Param, check_texts};
use crate::clock::{random_bytes, random_id};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::time::Timestamp;

/// All that one run of a use case has asked, and what is known of it.
pub(super) struct Script {
    now: Timestamp,
    steps: Vec<Step>,
    /// The step that comes next in this run.
    at: usize,
    /// This run can't go on without an answer.
    blocked: bool,
    /// This run goes on as if an answer were known, which so far it is not.
    assumed: bool,
    /// Who is asked what comes next.
    on: Server,
    /// There is a replica to ask.
    has_replica: bool,
    /// What was drawn by chance, so that each run draws the same.
    chances: Vec<Chance>,
    chance_at: usize,
    /// The accounts about which somebody is to be told after the commit.
    to_notify: Vec<UserId>,
}

struct Step {
    statement: Statement,
    on: Server,
    answer: Option<Result<Answer, StatementError>>,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Primary,
    /// Only ever for looks, whose answers may be of a moment ago.
    Replica,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub sql: String,
    pub params: Vec<Owned>,
    /// Rows beyond so many bytes are not kept.
    pub bytes_max: usize,
}

pub(super) struct Answer {
    pub rows: Vec<Row>,
    pub changed: u64,
    /// There were more rows than the statement's bound lets through.
    pub is_cut: bool,
}

/// Why a statement was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StatementError {
    /// The unique constraint of this name.
    Unique(String),
    /// Another transaction was in the way; the same again may pass.
    Again,
    /// The connection is gone, or leads to a server that takes no writes.
    Lost(String),
    /// The time for the request is over, here or on the server. Not worth another try.
    Late(String),
    Full,
    /// An earlier statement of the same transaction was refused (SQLSTATE 25P02).
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

enum Chance {
    Id([u8; 10]),
    Secret([u8; 32]),
}

/// What a run of the use case came to.
pub(super) enum Turn<T> {
    /// It needs the answers to what is [`Script::pending`].
    Ask,
    /// It ended; what is pending is to be sent if it went well.
    Done(Result<T>),
}

impl Script {
    pub fn new(now: Timestamp) -> Script {
        Script {
            now,
            steps: Vec::new(),
            at: 0,
            blocked: false,
            assumed: false,
            on: Server::Primary,
            has_replica: false,
            chances: Vec::new(),
            chance_at: 0,
            to_notify: Vec::new(),
        }
    }

    /// Whether there is a replica, which may be asked by what calls [`Script::turn_to`].
    pub fn has_replica(&self) -> bool {
        self.has_replica
    }

    /// Takes a replica into use, or out of it: what it said then counts for nothing.
    pub fn set_replica(&mut self, has_replica: bool) {
        self.has_replica = has_replica;
        if !has_replica {
            let first = self.steps.iter().position(|step| step.on == Server::Replica);
            self.steps.truncate(first.unwrap_or(self.steps.len()));
        }
    }

    /// Who is asked from here on in this run.
    pub fn turn_to(&mut self, server: Server) {
        self.on = server;
    }

    /// Runs the use case from its beginning.
    pub fn run_once<T>(&mut self, run: impl FnOnce(&mut Script) -> Result<T>) -> Turn<T> {
        (self.at, self.chance_at, self.blocked, self.assumed) = (0, 0, false, false);
        self.on = Server::Primary;
        self.to_notify.clear();
        let outcome = run(self);
        if self.blocked || self.assumed { Turn::Ask } else { Turn::Done(outcome) }
    }

    /// What has no answer yet of this server, in order.
    pub fn pending(&self, on: Server) -> Vec<Statement> {
        let waiting = self.steps.iter().filter(|step| step.on == on && step.answer.is_none());
        waiting.map(|step| step.statement.clone()).collect()
    }

    /// Takes the answers to all that was pending of this server, in order. After a refusal a
    /// transaction refuses all that follows; each of those statements gets the refusal that was the
    /// cause, as no other says what happened.
    pub fn answer(&mut self, on: Server, answers: Vec<Result<Answer, StatementError>>) {
        let mut cause = None;
        let mut answers = answers.into_iter();
        for step in self.steps.iter_mut().filter(|step| step.on == on) {
            if step.answer.is_none() {
                let Some(answer) = answers.next() else { break };
                step.answer = Some(match (answer, &cause) {
                    (Err(StatementError::Aborted), Some(cause)) => {
                        Err(StatementError::clone(cause))
                    }
                    (answer, _) => answer,
                });
            }
            if let (None, Some(Err(refusal))) = (&cause, &step.answer) {
                cause = Some(refusal.clone());
            }
        }
    }

    /// The first refusal that another try may get past, else the first of all.
    pub fn refusal(&self) -> Option<&StatementError> {
        let refusals = || {
            self.steps.iter().filter_map(|step| match &step.answer {
                Some(Err(refusal)) => Some(refusal),
                _ => None,
            })
        };
        refusals()
            .find(|refusal| matches!(refusal, StatementError::Again | StatementError::Lost(_)))
            .or(refusals().next())
    }

    /// Whether anything is to be committed.
    pub fn writes(&self) -> bool {
        self.steps.iter().any(|step| !is_look(&step.statement.sql))
    }

    pub fn notify(&mut self, account: UserId) {
        self.to_notify.push(account);
    }

    /// The accounts about which somebody is to be told after the commit.
    pub fn to_notify(&self) -> &[UserId] {
        &self.to_notify
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Asks and needs the answer.
    pub fn require(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
    ) -> Result<Result<&Answer, StatementError>> {
        self.need_within(sql, params, usize::MAX)
    }

    /// Asks and needs the answer, without the rows beyond so many bytes.
    pub fn need_within(
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

    /// Asks; `None` while the answer is not known, which the run then has to do without.
    pub fn speculate(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
    ) -> Result<Option<Result<&Answer, StatementError>>> {
        let at = self.step(sql, params, usize::MAX)?;
        if self.steps[at].answer.is_none() {
            self.assumed = true;
        }
        Ok(self.answer_at(at))
    }

    /// Asks and never looks at the answer.
    pub fn send(&mut self, sql: &str, params: &[&dyn Param]) -> Result<()> {
        self.step(sql, params, usize::MAX).map(drop)
    }

    fn answer_at(&self, at: usize) -> Option<Result<&Answer, StatementError>> {
        self.steps[at].answer.as_ref().map(|answer| answer.as_ref().map_err(Clone::clone))
    }

    fn step(&mut self, sql: &str, params: &[&dyn Param], bytes_max: usize) -> Result<usize> {
        // What is assumed may turn out otherwise: until then only look.
        self.blocked |= self.assumed && !is_look(sql);
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
        if self.steps.get(at).is_some_and(|step| step.statement != statement || step.on != self.on)
        {
            if self.steps[at..].iter().any(|step| !is_look(&step.statement.sql)) {
                return Err(Error::internal(
                    "a use case wrote otherwise when it was run again",
                    sql,
                ));
            }
            // Looked up on an assumption that was wrong.
            self.steps.truncate(at);
        }
        if at == self.steps.len() {
            self.steps.push(Step { statement, on: self.on, answer: None });
        }
        Ok(at)
    }

    /// Whether this run has assumed nothing so far.
    pub fn is_certain(&self) -> bool {
        !self.assumed
    }

    /// Random bytes for an id.
    pub fn random_id(&mut self) -> Result<[u8; 10]> {
        match self.chance(|| random_id().map(Chance::Id))? {
            Chance::Id(bytes) => Ok(*bytes),
            Chance::Secret(_) => {
                Err(Error::Internal("a use case drew otherwise when it was run again".into()))
            }
        }
    }

    /// Random bytes for a secret.
    pub fn random_secret(&mut self) -> Result<[u8; 32]> {
        match self.chance(|| random_bytes().map(Chance::Secret))? {
            Chance::Secret(bytes) => Ok(*bytes),
            Chance::Id(_) => {
                Err(Error::Internal("a use case drew otherwise when it was run again".into()))
            }
        }
    }

    fn chance(&mut self, draw: impl FnOnce() -> Result<Chance>) -> Result<&Chance> {
        let at = self.chance_at;
        self.chance_at += 1;
        if at == self.chances.len() {
            self.chances.push(draw()?);
        }
        Ok(&self.chances[at])
    }
}

fn is_look(sql: &str) -> bool {
    sql.starts_with("SELECT ")
}

/// Stands for an answer in a run whose outcome nobody looks at.
fn waiting() -> Error {
    Error::Internal("the answer is still under way".into())
}
