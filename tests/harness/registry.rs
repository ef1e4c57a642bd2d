//! A schema registry that answers as a test wants it to. The real one's answers stand in `fixtures/`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fixture;

/// A registry on a port of its own, until the test ends.
pub(crate) struct Registry {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// What it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Without the query.
    pub(crate) path: String,
    /// The header, or nothing.
    pub(crate) authorization: String,
    pub(crate) body: String,
}

/// A status and a body.
pub(crate) type Answer = (u16, Value);

impl Registry {
    /// Answers each request, of which it is told how many came before.
    pub(crate) fn start(answer: impl Fn(usize, &Request) -> Answer + Send + 'static) -> Self {
        Self::serve("http", answer, |stream| Some(Box::new(stream)))
    }

    /// The same with TLS, by a certificate and its key (PEM). Where a client's certificate is given, nobody else is answered.
    pub(crate) fn start_tls(
        [certificate, key]: [&str; 2],
        client: Option<&str>,
        answer: impl Fn(usize, &Request) -> Answer + Send + 'static,
    ) -> Self {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate(&X509::from_pem(certificate.as_bytes()).unwrap()).unwrap();
        acceptor.set_private_key(&PKey::private_key_from_pem(key.as_bytes()).unwrap()).unwrap();
        if let Some(client) = client {
            acceptor.cert_store_mut().add_cert(X509::from_pem(client.as_bytes()).unwrap()).unwrap();
            acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        let acceptor = acceptor.build();
        // a client that does not trust us hangs up
        Self::serve("https", answer, move |stream| Some(Box::new(acceptor.accept(stream).ok()?)))
    }

    fn serve(
        scheme: &str,
        answer: impl Fn(usize, &Request) -> Answer + Send + 'static,
        open: impl Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(mut connection) = open(stream) else { continue };
                let Some(request) = read(&mut *connection) else { continue };
                let n_before = asked.lock().unwrap().len();
                let (status, body) = answer(n_before, &request);
                asked.lock().unwrap().push(request);
                let body = body.to_string();
                let _ = write!(
                    connection,
                    "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = connection.flush();
            }
        });
        Self { url, requests }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

fn read(connection: &mut dyn Connection) -> Option<Request> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match connection.read(&mut buffer) {
            Ok(n) if n > 0 => head.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
    let end = head.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let mut body = head.split_off(end);
    let head = String::from_utf8(head).ok()?;
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    while body.len() < length.unwrap_or(0) {
        match connection.read(&mut buffer) {
            Ok(n) if n > 0 => body.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
    let path = head.split(' ').nth(1)?.split('?').next()?.to_owned();
    let header =
        |line: &str| line.to_ascii_lowercase().starts_with("authorization:").then(|| line[14..].trim().to_owned());
    let authorization = head.lines().find_map(header).unwrap_or_default();
    Some(Request { path, authorization, body: String::from_utf8(body).ok()? })
}

/// The answers of the registry in which a recorded folder's schemas were.
pub(crate) fn recorded(folder: &str) -> impl Fn(&Request) -> Answer + Send + use<> {
    let text = std::fs::read_to_string(fixture(&format!("{folder}/registry.json"))).unwrap();
    let schemas: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
    move |request| match request.path.strip_prefix("/schemas/ids/").and_then(|id| schemas.get(id)) {
        Some(schema) => (200, json!({ "schema": schema.get() })),
        None => unknown(),
    }
}

/// As Confluent's registry answers for what it does not have.
pub(crate) fn unknown() -> Answer {
    (404, json!({"error_code": 40403, "message": "Schema not found"}))
}
