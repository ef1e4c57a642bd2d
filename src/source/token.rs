//! The token of SASL OAUTHBEARER, from a file that something else keeps fresh: an agent, a Kubernetes volume.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use serde::Deserialize;

use crate::config::has_token_login;

/// How long a token is good for that does not say it.
const UNTOLD: Duration = Duration::from_mins(10);

/// What of a JSON web token's claims matters here.
#[derive(Deserialize)]
struct Claims {
    /// Seconds since 1970.
    exp: Option<f64>,
    sub: Option<String>,
}

/// The token of the file that is configured.
///
/// # Errors
///
/// When none is, it cannot be read, or is empty.
pub(crate) fn of_file(path: Option<&Path>) -> Result<OAuthToken, Box<dyn Error>> {
    Ok(read(path.ok_or("OAUTHBEARER needs `source.sasl_oauthbearer_token_location`")?)?)
}

/// How long a consumer that nobody polls yet is served, for its wish for a token to come.
const SERVED: Duration = Duration::from_millis(100);

/// Serves what a consumer without a subscription or assignment has asked for: it logs in when it was given its token, and
/// is only given one by a poll. Nothing happens where it needs none.
pub(crate) fn give(consumer: &BaseConsumer<impl ConsumerContext>, properties: &[(String, String)]) {
    if has_token_login(properties) {
        // what is wrong with the token is told to the consumer's context
        let _ = consumer.poll(SERVED);
    }
}

/// Reads the token. librdkafka asks again when most of its time is over.
///
/// # Errors
///
/// When the file cannot be read, or is empty.
fn read(path: &Path) -> Result<OAuthToken, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("`source.sasl_oauthbearer_token_location`: cannot read `{}`: {error}", path.display())
    })?;
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("`source.sasl_oauthbearer_token_location`: `{}` is empty", path.display()));
    }
    let untold = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + UNTOLD;
    let (lifetime, principal) = told(token).unwrap_or((None, None));
    Ok(OAuthToken {
        token: token.to_owned(),
        principal_name: principal.unwrap_or_default(),
        lifetime_ms: i64::try_from(lifetime.unwrap_or(untold).as_millis()).unwrap_or(i64::MAX),
    })
}

/// Until when a JSON web token is good, as time since 1970, and whose it is.
fn told(token: &str) -> Option<(Option<Duration>, Option<String>)> {
    let claims = token.split('.').nth(1)?.trim_end_matches('=');
    let Claims { exp, sub } = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some((exp.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()), sub))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_tells_of_itself() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"me","exp":1763700001,"iat":1}"#);
        let expected = (Some(Duration::from_secs(1_763_700_001)), Some("me".to_owned()));
        assert_eq!(told(&format!("e30.{claims}.x")), Some(expected));
        assert_eq!(told("opaque"), None);
        assert_eq!(told("a.b.c"), None);
    }
}
