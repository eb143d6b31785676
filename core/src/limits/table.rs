//! A bounded table of exact counters: no two subjects share one, and nobody can fill the memory by
//! being many.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::policy::Policy;
use crate::time::Timestamp;

/// A table is in parts, each with its own lock; what makes room looks at one part alone.
const PARTS: usize = 256;
const PART_MAX: usize = 256;

/// At most 65,536 numbers, each a moment in microseconds since 1970 at which its entry runs out.
/// When its part of the table is full, the entry nearest to running out goes: a flood of new
/// subjects, each with one try, pushes out one another and no subject that has used up its tries.
pub(super) struct Table<K> {
    /// Chooses the part; with a key of its own, so that nobody can aim at one.
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
    /// It is one too many; for how many microseconds it must wait.
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

    /// Gives a try back that was taken.
    pub fn give_back(&self, policy: Policy, key: K, now: Timestamp) {
        let mut part = self.part(&key);
        if let Some(worked_off) = part.get_mut(&key) {
            *worked_off -= policy.cost_us();
            if *worked_off <= now.as_micros() {
                part.remove(&key);
            }
        }
    }

    /// Remembers `key` until then.
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
        // Once they have run out, there is room.
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
