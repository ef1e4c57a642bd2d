//! Avro schemas by their ids, from a schema registry or from a file; and ids for the schemas of what is written.
//!
//! Comes in: an id. Goes out: the schema's text and those that it refers to, kept for good once they are known: an id
//! never changes its meaning. A failure is never kept. It speaks Confluent's protocol
//! (<https://docs.confluent.io/platform/current/schema-registry/develop/api.html>), as Apicurio, Karapace and Redpanda do.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_all_subjects, get_referenced_schema, get_schema_by_id, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, RegisteredSchema, SchemaType, SuppliedSchema};
use serde_json::value::RawValue;
use tokio::runtime::Handle;

use crate::config::ConfigError;

/// Where schemas are, and as whom they are asked for.
#[derive(Clone)]
pub struct Settings {
    /// Where they are.
    pub location: Location,
    /// As whom they are asked for.
    pub login: Login,
    /// A file of certificates (PEM) to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// What it knows us by, where it asks for a certificate.
    pub identity: Option<Identity>,
}

/// Files (PEM) of a client's certificate and its key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, and those that vouch for it.
    pub certificate: PathBuf,
    /// In PKCS#8.
    pub key: PathBuf,
}

/// Where schemas are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Base URLs of one registry, tried in this order.
    Urls(Vec<String>),
    /// A JSON object of schemas by their ids.
    File(PathBuf),
}

/// As whom a registry is asked.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// As nobody.
    Nobody,
    /// HTTP basic authentication.
    Basic {
        /// The user, or the key of a cloud's API.
        user: String,
        /// The password, or the key's secret.
        password: Option<String>,
    },
    /// A bearer token.
    Bearer(String),
}

/// A schema with those that it names and does not hold, each behind those that it names itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Registered {
    /// The schema's text.
    pub text: String,
    /// Texts.
    pub references: Vec<String>,
}

/// Why there is no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry is away, or busy: ask again.
    #[error("schema registry: {0}")]
    Away(String),
    /// The registry answers, and has no Avro schema of this id: the record cannot be read.
    #[error("schema registry: {0}")]
    Unknown(String),
    /// A person has to act.
    #[error("schema registry: {0}")]
    Fatal(String),
}

/// A registry, and what is known of it. Shared by all who decode.
pub struct Registry {
    from: From,
    known: Mutex<HashMap<u32, Arc<Registered>>>,
}

enum From {
    /// Asked from threads, which wait for the answer.
    Http {
        settings: Box<SrSettings>,
        runtime: Handle,
    },
    File {
        path: PathBuf,
        schemas: BTreeMap<u32, String>,
    },
}

/// A registry that follows another may not know a new schema at once.
const LAG: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

const TIMEOUT: Duration = Duration::from_secs(10);

/// References of references: more than anybody nests.
const MAX_REFERENCES: usize = 256;

impl Registry {
    /// A registry that is not asked yet; it will be in `runtime`, which has threads of its own. A file is read here.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is none of its kind.
    pub fn new(settings: &Settings, runtime: Handle) -> Result<Self, ConfigError> {
        let from = match &settings.location {
            Location::File(path) => From::File { path: path.clone(), schemas: read_file(path)? },
            Location::Urls(urls) => From::Http { settings: Box::new(client(urls, settings)?), runtime },
        };
        Ok(Self { from, known: Mutex::default() })
    }

    /// The schema of an id. Waits for the registry where it is not known yet.
    ///
    /// # Errors
    ///
    /// When the registry does not have it or does not answer.
    pub fn schema(&self, id: u32) -> Result<Arc<Registered>, RegistryError> {
        if let Some(known) = self.known().get(&id) {
            return Ok(Arc::clone(known));
        }
        let registered = match &self.from {
            From::File { path, schemas } => match schemas.get(&id) {
                Some(text) => Registered { text: text.clone(), references: Vec::new() },
                None => return Err(RegistryError::Unknown(format!("`{}` holds no schema {id}", path.display()))),
            },
            // the caller may stand in a task
            From::Http { settings, runtime } => tokio::task::block_in_place(|| runtime.block_on(ask(id, settings)))?,
        };
        let registered = Arc::new(registered);
        self.known().insert(id, Arc::clone(&registered));
        Ok(registered)
    }

    /// Registers the schema of what is written under a subject, where it is not yet; its id.
    ///
    /// # Errors
    ///
    /// When the registry refuses or does not answer, or is a file.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let From::Http { settings, runtime } = &self.from else {
            let text = "a file gives no ids to the schemas of what is written: set `registry.url` to a registry";
            return Err(RegistryError::Fatal(text.to_owned()));
        };
        let supplied = SuppliedSchema::new(None, SchemaType::Avro, schema.to_owned());
        let posting = post_schema(settings, subject.to_owned(), supplied);
        let registered = tokio::task::block_in_place(|| runtime.block_on(posting));
        Ok(registered.map_err(|error| refused(subject, &error))?.id)
    }

    /// Asks for its subjects, to know that it answers and knows us.
    ///
    /// # Errors
    ///
    /// When it refuses or does not answer.
    pub fn reach(&self) -> Result<(), RegistryError> {
        let From::Http { settings, runtime } = &self.from else { return Ok(()) };
        let subjects = tokio::task::block_in_place(|| runtime.block_on(get_all_subjects(settings)));
        subjects.map(drop).map_err(|error| sort("its subjects", &error))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Arc<Registered>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // without the login
        f.debug_struct("Registry").field("n_known", &self.known().len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("location", &self.location).finish_non_exhaustive()
    }
}

/// Schemas as JSON, or as JSON strings of their texts.
fn read_file(path: &PathBuf) -> Result<BTreeMap<u32, String>, ConfigError> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| ConfigError::new(format!("cannot read `{name}`: {error}")))?;
    let schemas: BTreeMap<u32, Box<RawValue>> = serde_json::from_str(&text)
        .map_err(|_| ConfigError::new(format!("`{name}`: expected a JSON object of Avro schemas by their ids")))?;
    let text_of =
        |raw: Box<RawValue>| serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    Ok(schemas.into_iter().map(|(id, raw)| (id, text_of(raw))).collect())
}

fn client(urls: &[String], settings: &Settings) -> Result<SrSettings, ConfigError> {
    let mut urls = urls.iter().map(|url| url.trim_end_matches('/').to_owned());
    let mut builder = SrSettings::new_builder(urls.next().unwrap_or_default());
    for url in urls {
        builder.add_url(url);
    }
    match &settings.login {
        Login::Nobody => {}
        Login::Basic { user, password } => drop(builder.set_basic_authorization(user, password.as_deref())),
        Login::Bearer(token) => drop(builder.set_token_authorization(token)),
    }
    let mut http = reqwest::Client::builder();
    if let Some(path) = &settings.ca {
        let key = "registry.ca_location";
        let certificates = reqwest::Certificate::from_pem_bundle(&read_pem(key, path)?)
            .map_err(|_| invalid_file(key, path, "expected certificates in PEM"))?;
        for certificate in certificates {
            http = http.add_root_certificate(certificate);
        }
    }
    if let Some(Identity { certificate, key }) = &settings.identity {
        let (name, pem) = ("registry.certificate_location", read_pem("registry.key_location", key)?);
        let identity = reqwest::Identity::from_pkcs8_pem(&read_pem(name, certificate)?, &pem).map_err(|_| {
            invalid_file(
                name,
                certificate,
                "expected a certificate in PEM, and its key in PKCS#8 in `registry.key_location`",
            )
        })?;
        http = http.identity(identity);
    }
    builder.set_timeout(TIMEOUT);
    builder.build_with(http).map_err(|error| ConfigError::new(format!("registry: {}", error.error)))
}

fn read_pem(key: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| invalid_file(key, path, &error.to_string()))
}

fn invalid_file(key: &str, path: &Path, what: &str) -> ConfigError {
    ConfigError::new(format!("{key}: `{}`: {what}", path.display()))
}

async fn ask(id: u32, settings: &SrSettings) -> Result<Registered, RegistryError> {
    let mut lag = LAG.iter();
    loop {
        match (fetch(id, settings).await, lag.next()) {
            (Err(RegistryError::Unknown(text)), Some(delay)) => {
                tracing::debug!("{text}; asking again");
                tokio::time::sleep(*delay).await;
            }
            (outcome, _) => return outcome,
        }
    }
}

async fn fetch(id: u32, settings: &SrSettings) -> Result<Registered, RegistryError> {
    let schema = get_schema_by_id(id, settings).await.map_err(|error| sort(&format!("schema {id}"), &error))?;
    if schema.schema_type != SchemaType::Avro {
        return Err(RegistryError::Unknown(format!("schema {id} is no Avro schema")));
    }
    // a list of what is still to be asked for, and of what is there, the deepest last
    let (mut open, mut found) = (schema.references.clone(), Vec::<(String, u32, String)>::new());
    while let Some(reference) = open.pop() {
        let is_it = |(subject, version, _): &(String, u32, String)| {
            *subject == reference.subject && *version == reference.version
        };
        // one that is named again moves behind the one that names it
        let text = if let Some(at) = found.iter().position(is_it) {
            found.remove(at).2
        } else {
            let referenced: RegisteredSchema = get_referenced_schema(settings, &reference)
                .await
                .map_err(|error| sort(&format!("schema {id}"), &error))?;
            open.extend(referenced.references);
            referenced.schema
        };
        found.push((reference.subject, reference.version, text));
        if found.len() > MAX_REFERENCES {
            return Err(RegistryError::Unknown(format!("schema {id} refers to more than {MAX_REFERENCES} others")));
        }
    }
    Ok(Registered { text: schema.schema, references: found.into_iter().rev().map(|(_, _, text)| text).collect() })
}

/// What it means that a schema was not registered. One that is not compatible with those before it is a person's matter:
/// no record of it can be written.
fn refused(subject: &str, error: &SRCError) -> RegistryError {
    let code = std::error::Error::source(error).and_then(|source| source.downcast_ref::<RawError>());
    match code.map(|raw| raw.error_code) {
        Some(409 | 422 | 40_901..=40_999 | 42_201..=42_299) => RegistryError::Fatal(format!(
            "it does not take the schema of subject {subject}: {}; its compatibility level decides that",
            error.error
        )),
        Some(401 | 403 | 40_101..=40_199 | 40_301..=40_399) => {
            RegistryError::Fatal(format!("we may not register a schema of subject {subject}"))
        }
        _ => RegistryError::Away(format!("cannot register a schema of subject {subject}: {}", with_cause(error))),
    }
}

/// What a failure means, by the registry's own codes:
/// <https://docs.confluent.io/platform/current/schema-registry/develop/api.html#errors>.
fn sort(what: &str, error: &SRCError) -> RegistryError {
    let code = std::error::Error::source(error).and_then(|source| source.downcast_ref::<RawError>());
    match code.map(|raw| raw.error_code) {
        Some(404 | 40_401..=40_403) => RegistryError::Unknown(format!("there is no {what}")),
        Some(401 | 40_101..=40_199) => RegistryError::Fatal(
            "it does not know us: set `registry.username` and `registry.password`, or `registry.token`".to_owned(),
        ),
        Some(403 | 40_301..=40_399) => RegistryError::Fatal(format!("we may not read {what}")),
        // 0: no answer of a registry's; what stands between answers so while the registry starts
        _ => RegistryError::Away(format!("cannot get {what}: {}", with_cause(error))),
    }
}

/// The error with the last of its causes: that a call failed is the first of them, and says nothing.
fn with_cause(error: &SRCError) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    match cause {
        Some(cause) => format!("{}: {cause}", error.error),
        None => error.error.clone(),
    }
}
