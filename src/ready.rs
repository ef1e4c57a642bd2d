//! `rowkind ready`: whether the pipeline that runs here is at work, for health checks where nothing else can ask over HTTP.
//!
//! Comes in: a pipeline's settings. Goes out: what `/readyz` of `metrics.listen` says. Nothing else is asked, of nobody else.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::ArgMatches;

use crate::config::{Config, ConfigError};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Where it is asked for.
#[derive(Debug)]
pub struct Options(SocketAddr);

impl Options {
    /// Reads the flags of `rowkind ready`.
    ///
    /// # Errors
    ///
    /// When the pipeline's settings cannot be used, or it listens nowhere.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let Some(metrics) = Config::read(flags)?.metrics else {
            return Err(ConfigError::new(
                "`metrics.listen` is not set: the pipeline tells nobody how it does".to_owned(),
            ));
        };
        Ok(Self(here(metrics.listen)))
    }
}

/// Prints that it is ready.
///
/// # Errors
///
/// When it is not, or does not answer.
pub fn run(Options(address): Options) -> anyhow::Result<()> {
    let (is_ready, text) =
        ask(address).with_context(|| format!("{address}, which `metrics.listen` names, does not answer"))?;
    if !is_ready {
        bail!("{}", text.trim_end());
    }
    // nobody may want to read it
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Who listens everywhere is found here.
fn here(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

/// Whether the answer is 200, and its text.
fn ask(address: SocketAddr) -> anyhow::Result<(bool, String)> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // of HTTP/1.0, so that the text is not sent in chunks
    write!(stream, "GET /readyz HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, text) = answer.split_once("\r\n\r\n").context("it does not speak HTTP")?;
    let mut words = head.split(' ');
    ensure!(words.next().is_some_and(|version| version.starts_with("HTTP/")), "it does not speak HTTP");
    Ok((words.next() == Some("200"), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::here;

    #[test]
    fn who_listens_everywhere_is_found_here() {
        for (listens, asked) in [
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:9464", "[::1]:9464"),
            ("127.0.0.1:9464", "127.0.0.1:9464"),
            ("10.1.2.3:9464", "10.1.2.3:9464"),
        ] {
            assert_eq!(here(listens.parse().expect("it is an address")).to_string(), asked);
        }
    }
}
