//! Standard output as the sink of a changelog: lines, or recorded records as `kcat -J` prints them.

use std::collections::HashMap;
use std::io::{self, BufWriter, ErrorKind, Write};

use rowkind_formats::RecordedRecord;

use crate::config::Written;
use crate::reencode::Messages;
use crate::terminal::{self, Look};

/// Writes to standard output.
#[derive(Debug)]
pub struct StdoutSink {
    written: Written,
    has_colour: bool,
    /// By topic, the offset that the next record of it has in what is printed.
    next_offsets: HashMap<String, i64>,
}

/// Why a batch was not written whole.
#[derive(Debug)]
pub enum Unwritten {
    /// Nobody reads any more: `| head` has seen enough.
    Closed,
    /// It cannot be written to.
    Failed(io::Error),
}

impl StdoutSink {
    /// A sink for messages of one form.
    pub fn new(written: Written) -> Self {
        Self { written, has_colour: terminal::has_colour(), next_offsets: HashMap::new() }
    }

    /// Writes and flushes.
    ///
    /// # Errors
    ///
    /// When not all of it could be written.
    pub fn write(&mut self, messages: &Messages) -> Result<(), Unwritten> {
        self.print(messages).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Unwritten::Closed,
            _ => Unwritten::Failed(error),
        })
    }

    fn print(&mut self, messages: &Messages) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        for message in messages.iter() {
            match self.written {
                Written::Json => out.write_all(message.payload.unwrap_or_default())?,
                Written::Text if !self.has_colour => out.write_all(message.payload.unwrap_or_default())?,
                Written::Text => {
                    for line in String::from_utf8_lossy(message.payload.unwrap_or_default()).lines() {
                        writeln!(out, "{}", Look::of_changelog(line).paint(line, true))?;
                    }
                }
                Written::Records(_) => {
                    let next_offset = self.next_offsets.entry(message.topic.to_owned()).or_default();
                    let record = RecordedRecord {
                        topic: message.topic.to_owned(),
                        partition: 0,
                        offset: *next_offset,
                        timestamp_ms: None,
                        headers: String::new(),
                        key: message.key.map(<[u8]>::to_vec),
                        payload: message.payload.map(<[u8]>::to_vec),
                    };
                    *next_offset += 1;
                    writeln!(out, "{}", record.line())?;
                }
            }
        }
        out.flush()
    }
}
