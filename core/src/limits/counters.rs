//! Where tries are counted: in a store that all instances share, or in this process if there is
//! none or it is unreachable. A try is given back where it was taken.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ring::digest;

use super::policy::Policy;
use super::table::Table;
use crate::clock::hex;
use crate::error::Result;
use crate::time::Timestamp;

/// How long a client stays known to an account after a login.
const KNOWN_FOR_S: i64 = 30 * 86_400;

/// Counters that several instances share.
pub trait Shared: Send + Sync {
    /// Takes a try from each counter, or from none if one of them refuses. A counter with
    /// `yields_to_known` never refuses a known client: `is_known` is set or `mark` is stored.
    /// Returns `None` if the store does not answer.
    fn take<'s>(
        &'s self,
        charges: &'s [Charge],
        mark: &'s str,
        is_known: bool,
    ) -> BoxFuture<'s, Option<Verdict>>;
    /// Gives the tries back.
    fn give_back<'s>(&'s self, charges: &'s [Charge]) -> BoxFuture<'s, ()>;
    /// Stores a mark for this number of seconds.
    fn mark<'s>(&'s self, key: &'s str, seconds: i64) -> BoxFuture<'s, ()>;
}

/// A try, with the name that its counter has on all instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub key: String,
    pub cost_us: i64,
    pub window_us: i64,
    pub yields_to_known: bool,
}

/// The result of several charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Whether each charge was taken. Only those that yielded were not.
    Taken(Vec<bool>),
    /// The charge at this index must wait for so many microseconds. None was taken.
    Late { at: usize, wait_us: i64 },
}

/// SHA-256 of a subject, truncated to 128 bits. It does not reveal the subject, and no two subjects
/// share one.
pub(super) type Key = [u8; 16];

pub(super) fn key(subject: &str) -> Key {
    let digest = digest::digest(&digest::SHA256, subject.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest.as_ref()[..16]);
    key
}

/// The counters of one policy.
pub(super) struct Counters {
    policy: Policy,
    table: Table<Key>,
}

impl Counters {
    pub fn new(policy: Policy) -> Counters {
        Counters { policy, table: Table::new() }
    }

    /// Returns a try of `subject`. A refusal names this policy.
    pub fn try_of(&self, subject: &str) -> Try<'_> {
        Try { counters: self, key: key(subject), shown: self.policy, yields_to_known: false }
    }
}

/// One try at one counter.
#[derive(Clone, Copy)]
pub(super) struct Try<'c> {
    counters: &'c Counters,
    key: Key,
    /// The policy that a refusal names.
    shown: Policy,
    yields_to_known: bool,
}

impl Try<'_> {
    /// Makes a refusal name another policy.
    pub fn shown_as(self, policy: Policy) -> Self {
        Try { shown: policy, ..self }
    }

    /// Exempts known clients from refusals.
    pub fn yielding_to_known(self) -> Self {
        Try { yields_to_known: true, ..self }
    }

    fn charge(&self) -> Charge {
        let policy = self.counters.policy;
        Charge {
            key: format!("{}:{}", policy.name, hex(&self.key)),
            cost_us: policy.cost_us(),
            window_us: policy.window_us(),
            yields_to_known: self.yields_to_known,
        }
    }
}

/// Tries that were taken. Dropping this leaves them counted.
pub(super) struct Taken<'c> {
    tries: Vec<Try<'c>>,
    is_shared: bool,
}

/// The store that all instances share, if there is one, and the clients known here.
pub(super) struct Counting {
    shared: Option<Arc<dyn Shared>>,
    known: Table<Key>,
}

impl Counting {
    pub fn new(shared: Option<Arc<dyn Shared>>) -> Counting {
        Counting { shared, known: Table::new() }
    }

    /// Takes all of the tries, or none. `who` identifies a client that may be known.
    pub async fn take<'c>(
        &self,
        tries: &[Try<'c>],
        who: Option<Key>,
        now: Timestamp,
    ) -> Result<Taken<'c>> {
        let is_known = who.is_some_and(|who| self.known.remembers(who, now));
        if let Some(shared) = &self.shared {
            let charges: Vec<Charge> = tries.iter().map(Try::charge).collect();
            let mark = who.map(mark).unwrap_or_default();
            match shared.take(&charges, &mark, is_known).await {
                Some(Verdict::Taken(taken)) => {
                    let tries =
                        tries.iter().zip(taken).filter(|(_, taken)| *taken).map(|(one, _)| *one);
                    return Ok(Taken { tries: tries.collect(), is_shared: true });
                }
                Some(Verdict::Late { at, wait_us }) => {
                    if let Some(late) = tries.get(at) {
                        return Err(late.shown.exceeded(wait_us));
                    }
                }
                None => {}
            }
        }
        take_here(tries, is_known, now)
    }

    /// Gives all of the tries back.
    pub async fn give_back(&self, taken: Taken<'_>, now: Timestamp) {
        match &self.shared {
            Some(shared) if taken.is_shared => {
                let charges: Vec<Charge> = taken.tries.iter().map(Try::charge).collect();
                shared.give_back(&charges).await;
            }
            _ => give_back_here(&taken.tries, now),
        }
    }

    /// Makes `who` known from now on.
    pub async fn remember(&self, who: Key, now: Timestamp) {
        self.known.remember(who, now.plus_seconds(KNOWN_FOR_S), now);
        if let Some(shared) = &self.shared {
            shared.mark(&mark(who), KNOWN_FOR_S).await;
        }
    }
}

fn take_here<'c>(tries: &[Try<'c>], is_known: bool, now: Timestamp) -> Result<Taken<'c>> {
    let mut taken = Vec::with_capacity(tries.len());
    for one in tries {
        match one.counters.table.take(one.counters.policy, one.key, now) {
            Ok(()) => taken.push(*one),
            Err(_) if is_known && one.yields_to_known => {}
            Err(wait_us) => {
                give_back_here(&taken, now);
                return Err(one.shown.exceeded(wait_us));
            }
        }
    }
    Ok(Taken { tries: taken, is_shared: false })
}

fn give_back_here(tries: &[Try], now: Timestamp) {
    for one in tries {
        one.counters.table.give_back(one.counters.policy, one.key, now);
    }
}

/// Returns the key of a known client's mark.
fn mark(who: Key) -> String {
    format!("known:{}", hex(&who))
}
