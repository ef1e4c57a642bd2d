//! Why brokers do not answer: a name that is not known, a certificate that is not trusted. librdkafka tells it beside the
//! error, to who polls.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What last went wrong with a broker, in librdkafka's words.
#[derive(Debug, Default)]
pub(crate) struct Reason(Mutex<Option<String>>);

/// It comes among other things, but soon.
const SOON: Duration = Duration::from_millis(100);
const POLL: Duration = Duration::from_millis(10);

impl Reason {
    /// It has told of an error.
    pub(crate) fn note(&self, error: &KafkaError, text: &str) {
        // that all of them are down is said behind why each one is
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        }
    }

    /// What was told last.
    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why a question of `consumer`'s came to this error: the error itself, where nothing more is said.
    pub(crate) fn of<C: ConsumerContext>(&self, error: &KafkaError, consumer: &BaseConsumer<C>) -> String {
        let began = Instant::now();
        loop {
            if let Some(text) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return text;
            }
            if began.elapsed() > SOON {
                return error.to_string();
            }
            let _ = consumer.poll(POLL);
        }
    }
}
