//! The last row of each key on disk, with how far of each partition it has come.
//!
//! Rows and next offsets are one transaction of an embedded store. It is committed behind the changelog, so that it is
//! never ahead of it: what lies between the two is read again and only learnt from. Hence it need not reach the disk
//! with every batch either; a crash takes it back by moments, together with its offsets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redb::backends::InMemoryBackend;
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use rowkind_formats::Row;

use super::{Last, Pending};
use crate::records::TopicPartition;

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
const OFFSETS: TableDefinition<'_, (&str, i32), i64> = TableDefinition::new("offsets");
const FACTS: TableDefinition<'_, &str, &str> = TableDefinition::new("facts");

/// How rows are written; another one cannot be read.
const VERSION: &str = "1";
/// Pages of the store in memory.
const CACHE_BYTES: usize = 32 << 20;
/// How long what was committed may be lost by a crash, and read again then.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// The rows that are known, and up to where.
#[derive(Debug)]
pub struct State {
    database: Database,
    synced_at: Mutex<Instant>,
}

/// The state cannot be used: a person has to act.
#[derive(Debug, thiserror::Error)]
#[error("`sink.state_dir`: {0}")]
pub struct StateError(String);

impl State {
    /// Opens the state of a pipeline in a folder, which is made where it is missing. One process has it at a time.
    ///
    /// # Errors
    ///
    /// When another process has it, it is another pipeline's, or the disk fails.
    pub fn open(folder: &Path, pipeline: &str) -> Result<Self, StateError> {
        let path = folder.join("rows.redb");
        let at = |error: &dyn std::fmt::Display| StateError(format!("`{}`: {error}", path.display()));
        fs::create_dir_all(folder).map_err(|error| at(&error))?;
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(&path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => {
                at(&"another rowkind has it: give each one a folder of its own")
            }
            error => at(&error),
        })?;
        let state = Self::of(database)?;
        state.check("version", VERSION, "written by another version of rowkind")?;
        state.check("pipeline", pipeline, "of another pipeline")?;
        Ok(state)
    }

    /// A state in memory, which ends with the process.
    ///
    /// # Errors
    ///
    /// When the store cannot be made.
    pub fn in_memory() -> Result<Self, StateError> {
        Self::of(Builder::new().create_with_backend(InMemoryBackend::new()).map_err(failed)?)
    }

    fn of(database: Database) -> Result<Self, StateError> {
        let transaction = database.begin_write().map_err(failed)?;
        transaction.open_table(ROWS).map_err(failed)?;
        transaction.open_table(OFFSETS).map_err(failed)?;
        transaction.open_table(FACTS).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self { database, synced_at: Mutex::new(Instant::now()) })
    }

    /// A fact that the first process wrote and all others have to agree with.
    fn check(&self, name: &str, fact: &str, otherwise: &str) -> Result<(), StateError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut facts = transaction.open_table(FACTS).map_err(failed)?;
            let known = facts.get(name).map_err(failed)?.map(|known| known.value().to_owned());
            match known {
                Some(known) if known != fact => {
                    return Err(StateError(format!(
                        "the state is {otherwise} ({name} {known}): use another folder, or remove it to have it built anew from the topics"
                    )));
                }
                Some(_) => {}
                None => drop(facts.insert(name, fact).map_err(failed)?),
            }
        }
        transaction.commit().map_err(failed)
    }

    /// The last row of this name.
    pub(super) fn get(&self, name: &[u8]) -> Result<Option<Row<'static>>, StateError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let rows = transaction.open_table(ROWS).map_err(failed)?;
        let Some(bytes) = rows.get(name).map_err(failed)? else { return Ok(None) };
        postcard::from_bytes(bytes.value()).map(Some).map_err(failed)
    }

    /// Up to where a partition is known; `None` where nothing of it is.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn next_offset(&self, partition: &TopicPartition) -> Result<Option<i64>, StateError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let offsets = transaction.open_table(OFFSETS).map_err(failed)?;
        let offset = offsets.get((&*partition.topic, partition.partition)).map_err(failed)?;
        Ok(offset.map(|offset| offset.value()))
    }

    /// Keeps what a batch changed, together with how far it came.
    ///
    /// # Errors
    ///
    /// When the disk fails. Nothing of it is kept then.
    pub fn commit(&self, pending: &Pending, next_offsets: &BTreeMap<TopicPartition, i64>) -> Result<(), StateError> {
        let mut synced_at = self.synced_at.lock().expect("nothing panics while it holds the lock");
        let is_due = synced_at.elapsed() > SYNC_EVERY;
        let mut transaction = self.database.begin_write().map_err(failed)?;
        if !is_due {
            transaction.set_durability(Durability::None).map_err(failed)?;
        }
        {
            let mut rows = transaction.open_table(ROWS).map_err(failed)?;
            for prefix in &pending.truncated {
                rows.retain_in(prefix.as_slice()..end_of(prefix).as_slice(), |_, _| false).map_err(failed)?;
            }
            for (name, last) in &pending.rows {
                match last {
                    Last::Row(row) => {
                        let bytes = postcard::to_stdvec(row).map_err(failed)?;
                        rows.insert(name.as_slice(), bytes.as_slice()).map_err(failed)?;
                    }
                    Last::Gone => drop(rows.remove(name.as_slice()).map_err(failed)?),
                }
            }
            let mut offsets = transaction.open_table(OFFSETS).map_err(failed)?;
            for (partition, next_offset) in next_offsets {
                offsets.insert((&*partition.topic, partition.partition), next_offset).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)?;
        if is_due {
            *synced_at = Instant::now();
        }
        Ok(())
    }

    /// Brings all of it to the disk.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), StateError> {
        self.database.begin_write().map_err(failed)?.commit().map_err(failed)
    }
}

/// The first name behind all that begin with `prefix`, which ends in a table's name and so never in 0xFF alone.
fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}

fn failed(error: impl std::fmt::Display) -> StateError {
    StateError(error.to_string())
}
