//! `rowkind replay`: a range of offsets or of time is applied again, compared with the target, or written elsewhere.
//!
//! What goes to other places is a pipeline of its own that reads the range (`elsewhere`). What concerns the pipeline's own
//! tables is staged first (`live`): for the keys that occur in the range the records behind it are read too, up to the
//! offset that the pipeline has come to, so that no old value comes back.

mod bar;
mod elsewhere;
mod ended;
mod holds;
mod live;
mod options;
mod printed;
mod show;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::shutdown::Shutdown;
use crate::terminal;
use options::Destination;
pub use options::Options;

/// The target is not what it should be: exit code 4.
#[derive(Debug, thiserror::Error)]
pub enum Differs {
    /// Of so many rows.
    #[error("the target differs, in as many rows: {0}")]
    Rows(u64),
    /// Tables lack columns.
    #[error("the target differs: columns are not there, as said above")]
    Columns,
    /// So many rows are missing still.
    #[error(
        "rows that are missing, and of which the range does not say all columns: {0}; begin it earlier (--dry-run names them with `!`)"
    )]
    Unknown(i64),
    /// So many rows were left that nothing was read about.
    #[error("rows that are in the target, and not in the topics: {0}; they were left, and --delete-extra deletes them")]
    Extra(i64),
}

/// Does it.
///
/// # Errors
///
/// When a record cannot be applied, a person has to act, or the target differs.
pub fn run(options: Options) -> anyhow::Result<()> {
    let Options { config, asked, destination, is_json } = options;
    let runtime = Runtime::new().context("cannot start threads")?;
    runtime.block_on(async {
        let shutdown = Shutdown::default();
        shutdown.on_signals()?;
        match destination {
            Destination::Live { deletes_extra } => {
                live::replay(&config, &asked, live::Aim::Mend { deletes_extra }, is_json, &shutdown).await
            }
            Destination::Compared => live::replay(&config, &asked, live::Aim::Compare, is_json, &shutdown).await,
            Destination::Schema { schema, resumes } => {
                elsewhere::into_schema(config, &asked, (&schema, resumes), &shutdown).await
            }
            Destination::Topic(topic) => elsewhere::into_topic(config, &asked, &topic, &shutdown).await,
            Destination::Changelog(path) => printed::changelog(&config, &asked, path.as_deref(), is_json, &shutdown),
            Destination::Recorded(path) => printed::recorded(&config, &asked, path.as_deref(), &shutdown),
        }
    })
}

/// Prints lines; nobody has to read them.
fn print(text: &str) -> anyhow::Result<()> {
    terminal::print(text).map(drop).context("cannot write")
}
