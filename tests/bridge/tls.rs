//! TLS to Postgres: whom we speak to, and who we are.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Database, Ended, Pipeline, Server, created, file_of};

/// A certificate that vouches for itself, of the host `localhost` or the role `app`, and its key.
fn identity(common_name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// A server that takes the role `app` over TLS alone, with a certificate, and the role `trusted` over TLS without one.
struct Guarded {
    _server: Server,
    folder: TempDir,
    port: u16,
    admin: Database,
}

impl Guarded {
    fn start() -> Self {
        let (server, folder) = (Server::start(), TempDir::new().unwrap());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let ((certificate, key), (client, client_key)) = (identity("localhost"), identity("app"));
        let authentication =
            "local all postgres trust\nhostssl all app 127.0.0.1/32 cert\nhostssl all trusted 127.0.0.1/32 trust\n";
        server.guard(port, [&certificate, &key, &client], authentication);
        let other = identity("localhost").0;
        for (name, text) in
            [("server.crt", certificate), ("client.crt", client), ("client.key", client_key), ("other.crt", other)]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let admin =
            Database::at(&format!("postgres://postgres@localhost:{port}/postgres?host={}", server.host().display()));
        admin.execute(
            "create table t (id int primary key); create role app login superuser; create role trusted login superuser",
        );
        Self { _server: server, folder, port, admin }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A run of one record into it, as `role` by way of `host`.
    fn run(&self, (role, host): (&str, &str), parameters: &str) -> Ended {
        self.admin.execute("truncate t; drop schema if exists rowkind cascade");
        let parameters = parameters.replace('$', &format!("{}/", self.folder.path().display()));
        let url = format!("postgres://{role}@{host}:{}/postgres?{parameters}", self.port);
        let file = file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
        Pipeline::into_target(&url).set("source.file", file.path().to_str().unwrap()).run()
    }
}

#[test]
fn to_a_guarded_postgres() {
    let guarded = Guarded::start();
    assert!(guarded.path("server.crt").exists());
    let there = |ended: Ended| {
        ended.with_code(0);
        assert_eq!(guarded.admin.rows("select * from t"), "(1)");
    };
    there(guarded.run(("trusted", "localhost"), "sslmode=verify-full&sslrootcert=$server.crt"));
    // by another name the server is not the one that the certificate is of
    there(guarded.run(("trusted", "127.0.0.1"), "sslmode=verify-ca&sslrootcert=$server.crt"));
    guarded
        .run(("trusted", "127.0.0.1"), "sslmode=verify-full&sslrootcert=$server.crt")
        .with_code(1)
        .says("certificate");
    guarded
        .run(("trusted", "localhost"), "sslmode=verify-full&sslrootcert=$other.crt")
        .with_code(1)
        .says("certificate");
    guarded.run(("trusted", "localhost"), "sslmode=verify-full").with_code(1).says("certificate");
    guarded.run(("trusted", "localhost"), "sslmode=disable").with_code(1).says("no encryption");
    // and who we are
    there(guarded.run(
        ("app", "localhost"),
        "sslmode=verify-full&sslrootcert=$server.crt&sslcert=$client.crt&sslkey=$client.key",
    ));
    guarded
        .run(("app", "localhost"), "sslmode=verify-full&sslrootcert=$server.crt")
        .with_code(1)
        .says("connection requires a valid client certificate");
}
