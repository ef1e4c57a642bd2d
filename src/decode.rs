//! Records become events, with the registry's help where they are in Avro.
//!
//! Comes in: a record. Goes out: its event, or why there is none, sorted by who has to do what about it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rowkind_formats::{self as formats, Error, ErrorKind, Event, Format, Membership, Record, Told};
use tokio::runtime::Handle;

use crate::config::{Config, ConfigError};
use crate::registry::{Registry, RegistryError};

/// What all decoders of a pipeline share.
#[derive(Debug, Default)]
pub struct Shared {
    registry: Option<Registry>,
    /// Whether schemas are only numbered, for what is encoded and never written.
    is_trial: bool,
    /// Topics whose format was told of in the log.
    announced: Mutex<BTreeSet<String>>,
}

/// Why a record was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum Undecoded {
    /// The record cannot be read.
    #[error("{0}")]
    Bad(String),
    /// The registry is away.
    #[error("{0}")]
    Away(String),
    /// A person has to act.
    #[error("{0}")]
    Fatal(String),
}

/// Decodes records of any number of topics.
#[derive(Debug)]
pub struct Decoder {
    decoder: formats::Decoder,
    shared: Arc<Shared>,
}

impl Shared {
    /// What decoders share that look schemas up in `registry`.
    pub fn new(registry: Option<Registry>) -> Self {
        Self { registry, ..Self::default() }
    }

    /// What the decoders of a configured pipeline share. The registry is asked on this runtime.
    ///
    /// # Errors
    ///
    /// When the registry's settings cannot be used.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let registry = config.registry.as_ref().map(|settings| Registry::new(settings, Handle::current()));
        Ok(Self::new(registry.transpose()?))
    }

    /// What encoders share whose records are never written: nothing is registered.
    pub fn of_trial() -> Self {
        Self { is_trial: true, ..Self::default() }
    }

    /// The id of the schema of what is written, registered under a subject.
    ///
    /// # Errors
    ///
    /// When there is no registry, or it does not take the schema.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, Undecoded> {
        if self.is_trial {
            return Ok(0);
        }
        let Some(registry) = &self.registry else {
            return Err(Undecoded::Fatal("Avro is written: set `registry.url`".to_owned()));
        };
        registry.register(subject, schema).map_err(|error| match error {
            RegistryError::Away(_) => Undecoded::Away(error.to_string()),
            RegistryError::Unknown(_) | RegistryError::Fatal(_) => Undecoded::Fatal(error.to_string()),
        })
    }
}

impl Decoder {
    /// A decoder for records of one format.
    pub fn new(format: Format, told: &Told, shared: Arc<Shared>) -> Self {
        Self { decoder: formats::Decoder::new(format, told), shared }
    }

    /// Decodes one record. Waits for the registry where its schema is not known yet.
    ///
    /// # Errors
    ///
    /// When it is none of its format, holds a value that is not of its type, or its schema cannot be had.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Undecoded> {
        loop {
            match self.decoder.decode(record) {
                Ok(event) => {
                    self.announce();
                    return Ok(event);
                }
                Err(error) => match *error.kind() {
                    // the key's and the payload's are asked for one after the other
                    ErrorKind::UnknownSchema { id } => self.learn_schema(id, &error)?,
                    _ => return Err(Undecoded::Bad(error.to_string())),
                },
            }
        }
    }

    /// Which transaction of the source a record belongs to. Waits for the registry where its schema is not known yet.
    ///
    /// # Errors
    ///
    /// When that cannot be read, or the record's schema cannot be had.
    pub fn membership<'a>(&mut self, record: &Record<'a>) -> Result<Membership<'a>, Undecoded> {
        loop {
            match self.decoder.membership(record) {
                Ok(membership) => return Ok(membership),
                Err(error) => match *error.kind() {
                    ErrorKind::UnknownSchema { id } => self.learn_schema(id, &error)?,
                    _ => return Err(Undecoded::Bad(error.to_string())),
                },
            }
        }
    }

    fn learn_schema(&mut self, id: u32, error: &Error) -> Result<(), Undecoded> {
        let Some(registry) = &self.shared.registry else {
            return Err(Undecoded::Fatal(format!("`{}`: Avro with the schema {id}: set `registry.url`", error.path())));
        };
        let registered = registry.schema(id).map_err(|error| match error {
            RegistryError::Away(_) => Undecoded::Away(error.to_string()),
            RegistryError::Unknown(_) => Undecoded::Bad(error.to_string()),
            RegistryError::Fatal(_) => Undecoded::Fatal(error.to_string()),
        })?;
        let learnt = self.decoder.learn_schema(id, &registered.text, &registered.references);
        learnt.map_err(|error| Undecoded::Bad(format!("schema {id} of the registry: {error}")))
    }

    /// Says once a topic what was found out about it.
    fn announce(&mut self) {
        for (topic, format) in self.decoder.take_detected() {
            let mut announced = self.shared.announced.lock().unwrap_or_else(PoisonError::into_inner);
            if announced.insert(topic.clone()) {
                tracing::info!("topic {topic}: its records are {}", format.word());
            }
        }
    }
}
