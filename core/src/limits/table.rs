//! A bounded table of exact counters. No two subjects share one, and no number of subjects can
//! exhaust the memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::policy::Policy;
use crate::time::Timestamp;

/// A table consists of parts, each with its own lock. An eviction scans only one part.
const PARTS: usize = 256;
const PART_MAX: usize = 256;

/// At most 65,536 numbers, each the time in microseconds since 1970 at which its entry expires. If
/// a part is full, the entry closest to expiry is evicted. A flood of new subjects with one try
/// each therefore evicts its own entries, and no subject that has used up its tries.
pub(super) struct Table<K> {
    /// Chooses the part, with a random key, so that nobody can target one.
    hasher: RandomState,
    parts: Box<[Mutex<HashMap<K, i64>>]>,
}

impl<K: Hash + Eq + Copy> Table<K> {
    pub fn new() -> Table<K> {
        Table { hasher: RandomState::new(), parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }

    /// Takes a try.
    ///
    /// # Errors
    /// The limit is reached. The error is the wait in microseconds.
    pub fn take(&self, policy: Policy, key: K, now: Timestamp) -> Result<(), i64> {
        let now = now.as_micros();
        let mut part = self.part(&key);
        if let Some(worked_off) = part.get_mut(&key) {
            *worked_off = policy.take(*worked_off, now)?;
        } else {
            insert(&mut part, key, policy.take(now, now)?, now);
        }
        Ok(())
    }

    /// Gives back a try.
    pub fn give_back(&self, policy: Policy, key: K, now: Timestamp) {
        let mut part = self.part(&key);
        if let Some(worked_off) = part.get_mut(&key) {
            *worked_off -= policy.cost_us();
            if *worked_off <= now.as_micros() {
                part.remove(&key);
            }
        }
    }

    /// Remembers `key` until `until`.
    pub fn remember(&self, key: K, until: Timestamp, now: Timestamp) {
        insert(&mut self.part(&key), key, until.as_micros(), now.as_micros());
    }

    /// Whether `key` is remembered.
    pub fn remembers(&self, key: K, now: Timestamp) -> bool {
        self.part(&key).get(&key).is_some_and(|until| *until > now.as_micros())
    }

    fn part(&self, key: &K) -> MutexGuard<'_, HashMap<K, i64>> {
        let at = usize::try_from(self.hasher.hash_one(key) % PARTS as u64).unwrap_or(0);
        self.parts[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "any counter of those that end first may go")]
fn insert<K: Hash + Eq + Copy>(part: &mut HashMap<K, i64>, key: K, until: i64, now: i64) {
    if part.len() >= PART_MAX && !part.contains_key(&key) {
        part.retain(|_, until| *until > now);
        if part.len() >= PART_MAX
            && let Some(nearest) = part.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            part.remove(&nearest);
        }
    }
    part.insert(key, until);
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { name: "test", tries: 5, window_s: 60 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).plus_seconds(seconds)
    }

    fn len(table: &Table<i64>) -> usize {
        table.parts.iter().map(|part| part.lock().unwrap().len()).sum()
    }

    #[test]
    fn a_flood_pushes_out_itself_and_no_subject_that_has_used_up_its_tries() {
        let table = Table::new();
        for subject in 0..100 {
            assert_eq!((0..7).filter(|_| table.take(POLICY, subject, at(0)).is_ok()).count(), 5);
        }
        for subject in 1000..201_000 {
            assert!(table.take(POLICY, subject, at(1)).is_ok(), "a stranger's first try");
        }
        assert_eq!(len(&table), PARTS * PART_MAX);
        assert!((0..100).all(|subject| table.take(POLICY, subject, at(1)).is_err()));
        // Once they have expired, there is room.
        for subject in 1000..2000 {
            assert!(table.take(POLICY, subject, at(120)).is_ok());
        }
        assert!(len(&table) < PARTS * PART_MAX);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_never_more() {
        let table = Table::new();
        for _ in 0..100 {
            table.take(POLICY, 1, at(0)).unwrap();
            table.give_back(POLICY, 1, at(0));
            table.give_back(POLICY, 1, at(0));
        }
        assert_eq!(len(&table), 0);
        assert_eq!((0..7).filter(|_| table.take(POLICY, 1, at(0)).is_ok()).count(), 5);
    }
}
