//! Where tries are counted: where all instances do, if there is such a place, and here while it is
//! away. What was taken is given back where it was taken.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ring::digest;

use super::policy::Policy;
use super::table::Table;
use crate::clock::hex;
use crate::error::Result;
use crate::time::Timestamp;

/// How long somebody who logged in from an address is known there.
const KNOWN_FOR_S: i64 = 30 * 86_400;

/// Counters that several instances share.
pub trait Shared: Send + Sync {
    /// Takes a try out of each counter, or out of none where one of them refuses. A counter with
    /// `yields_to_known` refuses nobody who is known: where `is_known` says so, or `mark` is kept.
    /// `None` where nobody answers.
    fn take<'s>(
        &'s self,
        charges: &'s [Charge],
        mark: &'s str,
        is_known: bool,
    ) -> BoxFuture<'s, Option<Verdict>>;
    /// Gives the tries back.
    fn give_back<'s>(&'s self, charges: &'s [Charge]) -> BoxFuture<'s, ()>;
    /// Keeps a mark for so many seconds.
    fn mark<'s>(&'s self, key: &'s str, seconds: i64) -> BoxFuture<'s, ()>;
}

/// A try, and its counter as all instances call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub key: String,
    pub cost_us: i64,
    pub window_us: i64,
    pub yields_to_known: bool,
}

/// What came of some charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Which of them were taken: all, but those that yielded.
    Taken(Vec<bool>),
    /// The one at this place must wait for so many microseconds. None was taken.
    Late { at: usize, wait_us: i64 },
}

/// SHA-256 of a subject, cut to 128 bits. Who it is about can't be read from it, and no two
/// subjects have the same.
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

    /// A try of `subject`, refused in the name of this policy.
    pub fn try_of(&self, subject: &str) -> Try<'_> {
        Try { counters: self, key: key(subject), shown: self.policy, yields_to_known: false }
    }
}

/// One try, as one counter sees it.
#[derive(Clone, Copy)]
pub(super) struct Try<'c> {
    counters: &'c Counters,
    key: Key,
    /// What a refusal names.
    shown: Policy,
    yields_to_known: bool,
}

impl Try<'_> {
    /// The same, refused in the name of another policy.
    pub fn shown_as(self, policy: Policy) -> Self {
        Try { shown: policy, ..self }
    }

    /// The same, which holds up nobody who is known.
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

/// Tries that were taken. Whoever drops it leaves them counted.
pub(super) struct Taken<'c> {
    tries: Vec<Try<'c>>,
    is_shared: bool,
}

/// The place that all instances share, if there is one, and who is known here.
pub(super) struct Counting {
    shared: Option<Arc<dyn Shared>>,
    known: Table<Key>,
}

impl Counting {
    pub fn new(shared: Option<Arc<dyn Shared>>) -> Counting {
        Counting { shared, known: Table::new() }
    }

    /// Takes all of the tries, or none. `who` may be known.
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

    /// `who` is known from now on.
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

/// What the mark of somebody known is called.
fn mark(who: Key) -> String {
    format!("known:{}", hex(&who))
}
