//! What a failure of Kafka's producer asks for: one table from librdkafka's codes to retry, reject or fatal.

use std::fmt;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::records::Advance;

/// Why a batch was not written. No `read_committed` reader sees any of it.
#[derive(Debug)]
pub enum Failure {
    /// Kafka is away or busy: the same batch can be written later.
    Retry(String),
    /// This record, by its index in the batch, cannot be written. `1` says why.
    Record(usize, String),
    /// These claims have ended: another instance has the partitions now, or this one has claimed them anew.
    Lost(Vec<Advance>),
    /// A person has to act.
    Fatal(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(text) | Self::Record(_, text) | Self::Fatal(text) => f.write_str(text),
            Self::Lost(lost) => write!(f, "{} partitions belong to another instance", lost.len()),
        }
    }
}

impl From<KafkaError> for Failure {
    fn from(error: KafkaError) -> Self {
        let text = format!("Kafka: {error}");
        match error {
            // the value of a property may be a secret
            KafkaError::ClientConfig(_, reason, key, _) => Self::Fatal(format!("`sink.properties`, {key}: {reason}")),
            error if error.rdkafka_error_code().is_some_and(is_fatal) => Self::Fatal(text),
            _ => Self::Retry(text),
        }
    }
}

/// Whether it stays as it is until a person acts.
fn is_fatal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::TopicAuthorizationFailed
            | C::GroupAuthorizationFailed
            | C::ClusterAuthorizationFailed
            | C::TransactionalIdAuthorizationFailed
            | C::SaslAuthenticationFailed
            | C::Authentication
            | C::UnsupportedSASLMechanism
            | C::UnsupportedVersion
            | C::UnsupportedFeature
            | C::InvalidTransactionTimeout
            | C::InvalidConfig
            | C::InvalidTopic
            | C::PolicyViolation
    )
}

/// Whether it is the record's own.
pub(super) fn is_of_record(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::MessageSizeTooLarge | C::MessageBatchTooLarge | C::InvalidMessage | C::InvalidMessageSize | C::InvalidRecord
    )
}
