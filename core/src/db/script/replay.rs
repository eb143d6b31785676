//! For tests: a check that a use case does not depend on how its statements were batched.

use super::{Answer, Run, Script, Step};
use crate::db::value::Owned;
use crate::error::{Error, Result};

/// Maximum number of rounds of a replay. More mean that the use case sends other statements in each
/// run.
const ROUNDS_MAX: usize = 1000;

/// How many statements a round of a replay answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batching {
    OneByOne,
    AllAtOnce,
}

impl Script {
    /// Replays a finished use case without a database, from the recorded answers: once with one
    /// answer per round, and once with all of them. Both replays must send the same statements
    /// with the same parameters in the same order, and end like `outcome`.
    ///
    /// # Errors
    /// [`Error::Internal`] with the first difference.
    pub fn check_replay<T>(
        &self,
        run: impl Fn(&mut Script) -> Result<T>,
        outcome: &Result<T>,
    ) -> Result<()> {
        for batching in [Batching::OneByOne, Batching::AllAtOnce] {
            let (replay, replayed) = self.replay(batching, &run)?;
            if let Some(sql) = self.first_difference(&replay) {
                return Err(depends(batching, sql));
            }
            if self.to_notify != replay.to_notify {
                return Err(depends(batching, "the accounts to notify"));
            }
            if outcome.as_ref().err() != replayed.as_ref().err() {
                return Err(depends(batching, "the outcome"));
            }
        }
        Ok(())
    }

    /// Returns the statements of the last run, with their parameters.
    pub fn sent(&self) -> Vec<(String, Vec<Owned>)> {
        let statements = self.steps[..self.at].iter().map(|step| &step.statement);
        statements.map(|statement| (statement.sql.clone(), statement.params.clone())).collect()
    }

    fn replay<T>(
        &self,
        batching: Batching,
        run: impl Fn(&mut Script) -> Result<T>,
    ) -> Result<(Script, Result<T>)> {
        let mut replay = Script {
            has_replica: self.has_replica,
            ids: self.ids.clone(),
            secrets: self.secrets.clone(),
            ..Script::new(self.now)
        };
        for _ in 0..ROUNDS_MAX {
            if let Run::Done(outcome) = replay.run_once(&run) {
                return Ok((replay, outcome));
            }
            let steps = replay.steps.iter_mut().enumerate();
            let unanswered = steps.filter(|(_, step)| step.answer.is_none());
            let answered = match batching {
                Batching::OneByOne => 1,
                Batching::AllAtOnce => usize::MAX,
            };
            for (at, step) in unanswered.take(answered) {
                step.answer = Some(match self.steps.get(at).filter(|known| is_same(known, step)) {
                    Some(Step { answer: Some(Ok(answer)), .. }) => Ok(answer.clone()),
                    Some(Step { answer: Some(Err(error)), .. }) => Err(error.clone()),
                    // A statement whose answer is not needed, or a read that followed from a wrong
                    // placeholder.
                    _ => Ok(Answer::default()),
                });
            }
        }
        Err(depends(batching, "each run sends other statements"))
    }

    /// Returns the text of the first statement that the other script's last run did not send. A
    /// script may have further steps, which followed from a wrong placeholder.
    fn first_difference<'s>(&'s self, other: &'s Script) -> Option<&'s str> {
        let (ours, others) = (&self.steps[..self.at], &other.steps[..other.at]);
        let differs = |at: &usize| match (ours.get(*at), others.get(*at)) {
            (Some(step), Some(other)) => !is_same(step, other),
            (None, None) => false,
            _ => true,
        };
        let at = (0..ours.len().max(others.len())).find(differs)?;
        ours.get(at).or(others.get(at)).map(|step| step.statement.sql.as_str())
    }
}

fn is_same(step: &Step, other: &Step) -> bool {
    step.statement == other.statement && step.server == other.server
}

fn depends(batching: Batching, cause: &str) -> Error {
    Error::internal(
        "a use case depends on how its statements are batched",
        format!("{batching:?}: {cause}"),
    )
}
