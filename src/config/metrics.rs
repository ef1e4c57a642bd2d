//! Where a pipeline tells of itself over HTTP.

use std::net::{Ipv4Addr, SocketAddr};

use super::layers::Layers;
use super::settings::{Kind, SETTINGS};
use super::{ConfigError, Reader};

/// A listener, and what is told beside what is counted.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The settings that were typed, by their keys; of secrets, and of properties, not what they are.
    pub settings: Vec<(String, String)>,
}

pub(super) fn metrics(read: &Reader<'_>, layers: &Layers) -> Result<Option<Metrics>, ConfigError> {
    let key = "metrics.listen";
    let Some(text) = read.text(key) else { return Ok(None) };
    let listen = address(text).ok_or_else(|| {
        read.invalid(key, "an address and a port, as 127.0.0.1:9464, or a port alone, which is of this machine only")
    })?;
    Ok(Some(Metrics { listen, settings: shown(layers) }))
}

fn address(text: &str) -> Option<SocketAddr> {
    let of_this_machine = |port: &str| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    text.parse().ok().or_else(|| of_this_machine(text.strip_prefix("localhost:").unwrap_or(text)))
}

fn shown(layers: &Layers) -> Vec<(String, String)> {
    let of = |key: &&'static str| SETTINGS.iter().find(|setting| setting.key == *key).map(|setting| setting.kind);
    let typed = layers.values.iter().map(|(key, typed)| {
        let value = match of(key) {
            Some(Kind::Secret) | None => "(secret)".to_owned(),
            Some(Kind::Pairs) => {
                let names = typed.values.iter().map(|pair| pair.split('=').next().unwrap_or_default());
                names.map(|name| format!("{name}=…")).collect::<Vec<_>>().join(", ")
            }
            Some(_) => typed.values.iter().map(|value| without_login(value)).collect::<Vec<_>>().join(", "),
        };
        ((*key).to_owned(), value)
    });
    typed.collect()
}

/// A URL without whom it is asked for as.
fn without_login(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://…@{host}"),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let of = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(of("127.0.0.1:9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(of("0.0.0.0:9464").as_deref(), Some("0.0.0.0:9464"));
        assert_eq!(of("[::1]:9464").as_deref(), Some("[::1]:9464"));
        assert_eq!(of("localhost:9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(of("9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!((of(""), of("host:1"), of("99999")), (None, None, None));
    }

    #[test]
    fn what_is_secret_in_a_url() {
        assert_eq!(without_login("http://u:p@ss@host:8081/x"), "http://…@host:8081/x");
        assert_eq!(without_login("http://host:8081"), "http://host:8081");
    }
}
