//! What an error of librdkafka asks for: one table from its code.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// What an error of `poll` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollError {
    /// librdkafka goes on by itself.
    Passing,
    /// The offset that was asked for is not there.
    OutOfRange,
    /// A person has to act.
    Fatal,
}

/// What each code asks for, in reading; what is not here passes: brokers that are away or change their roles, the group's
/// own errors, timeouts, topics that are not there yet.
pub const CODES: &[(Code, PollError, &str)] = &[
    (
        Code::AutoOffsetReset,
        PollError::OutOfRange,
        "the stored offset is gone: retention, or a topic that was made anew",
    ),
    (Code::OffsetOutOfRange, PollError::OutOfRange, "the same"),
    (
        Code::Authentication,
        PollError::Fatal,
        "a login that is refused: see `sasl.*` and `ssl.*` in `source.properties`",
    ),
    (Code::SaslAuthenticationFailed, PollError::Fatal, "the same, said by the broker"),
    (
        Code::FencedInstanceId,
        PollError::Fatal,
        "another instance of the group has the same `source.instance`: give each one of its own",
    ),
    (Code::TopicAuthorizationFailed, PollError::Fatal, "allow READ and DESCRIBE on the topic"),
    (Code::GroupAuthorizationFailed, PollError::Fatal, "allow READ on the group, `source.group`"),
    (Code::ClusterAuthorizationFailed, PollError::Fatal, "allow what is asked for on the cluster"),
    (Code::InvalidTopic, PollError::Fatal, "no name that a topic can have: see `source.topics`"),
    (Code::BadMessage, PollError::Fatal, "a record that is damaged on the broker"),
    (Code::InvalidMessage, PollError::Fatal, "the same: its checksum does not match"),
    (Code::BadCompression, PollError::Fatal, "records that cannot be decompressed"),
];

/// Sorts the errors of `poll`.
pub(crate) fn sort(error: &KafkaError) -> PollError {
    if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
        return PollError::Fatal;
    }
    let code = error.rdkafka_error_code();
    CODES.iter().find(|(known, ..)| Some(*known) == code).map_or(PollError::Passing, |(_, asks, _)| *asks)
}
