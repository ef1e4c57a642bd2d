//! What is known of rows, in bounded memory.
//!
//! Two generations: what is written goes into the young one; when that is full, the old one is forgotten and the young
//! one takes its place. So between half of the bound and all of it is known, and what was written last stays longest.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::mem;
use std::sync::{Mutex, MutexGuard};

use super::identity::KeyHash;
use super::law::State;

/// States by key; what is not in it is not known.
pub(super) type States<T = State> = HashMap<KeyHash, T, BuildHasherDefault<Taken>>;

/// States that all lanes share.
#[derive(Debug)]
pub(super) struct Memory {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    young: States,
    old: States,
    /// Of a generation.
    max_keys: usize,
}

/// So many lanes can be in it at once without waiting for each other much.
const N_SHARDS: usize = 16;

impl Memory {
    pub(super) fn new(max_keys: usize) -> Self {
        let max_keys = (max_keys / N_SHARDS / 2).max(1);
        let shard = |_| Mutex::new(Shard { max_keys, ..Shard::default() });
        Self { shards: (0..N_SHARDS).map(shard).collect() }
    }

    pub(super) fn get(&self, key: KeyHash) -> Option<State> {
        self.shard(key).get(key)
    }

    /// Makes of what is known of some keys what shall be known; `None` is nothing. A shard at a time: its lock is taken
    /// once, and the processor can fetch a row while it waits for another one.
    pub(super) fn update<T>(&self, keys: &States<T>, change: impl Fn(&T, Option<State>) -> Option<State>) {
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_unstable_by_key(|(key, _)| shard_of(**key));
        for keys in keys.chunk_by(|(a, _), (b, _)| shard_of(**a) == shard_of(**b)) {
            let Some((first, _)) = keys.first() else { continue };
            let mut shard = self.shard(**first);
            for (key, of_key) in keys {
                shard.update(**key, |known| change(of_key, known));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: KeyHash) -> MutexGuard<'_, Shard> {
        lock(&self.shards[shard_of(key)])
    }
}

fn shard_of(key: KeyHash) -> usize {
    // the other half of the hash places it in the map
    let [byte, ..] = key.high.to_le_bytes();
    usize::from(byte) % N_SHARDS
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds the lock")
}

impl Shard {
    fn get(&self, key: KeyHash) -> Option<State> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    fn update(&mut self, key: KeyHash, change: impl FnOnce(Option<State>) -> Option<State>) {
        if let Some(known) = self.young.get_mut(&key) {
            match change(Some(*known)) {
                Some(state) => *known = state,
                None => self.remove(key),
            }
            return;
        }
        match change(self.old.get(&key).copied()) {
            Some(state) => {
                if self.young.len() >= self.max_keys {
                    mem::swap(&mut self.young, &mut self.old);
                    self.young.clear();
                }
                self.young.insert(key, state);
            }
            None => drop(self.old.remove(&key)),
        }
    }

    fn remove(&mut self, key: KeyHash) {
        self.young.remove(&key);
        self.old.remove(&key);
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.keys().filter(|key| !self.young.contains_key(key)).count()
    }
}

impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.low);
    }
}

/// Takes a key's own hash for its hash.
#[derive(Debug, Default)]
pub(super) struct Taken(u64);

impl Hasher for Taken {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a `KeyHash` writes a number");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
