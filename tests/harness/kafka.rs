//! A real Kafka of a test's own: it asks for logins, has TLS, and can be killed.

use std::fs::OpenOptions;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;

use super::{Proxy, wait_for};

/// Names the folder of a Kafka: its jars are under `lib`.
const HOME: &str = "ROWKIND_TEST_KAFKA_HOME";

/// User and password of PLAIN and SCRAM.
pub(crate) const LOGIN: (&str, &str) = ("app", "hunter2");

/// The same of one who may do nothing, by PLAIN.
pub(crate) const GUEST: (&str, &str) = ("guest", "hunter4");

/// A broker, until it is dropped.
pub(crate) struct OwnKafka {
    home: PathBuf,
    broker: Child,
    folder: TempDir,
    plaintext: u16,
    sasl: u16,
    tls: u16,
    /// Of a listener behind a proxy: its own, and the proxy's.
    proxied: [u16; 2],
}

impl OwnKafka {
    /// `None` where there is no Kafka to start.
    pub(crate) fn start() -> Option<Self> {
        let home = PathBuf::from(std::env::var_os(HOME).filter(|home| !home.is_empty())?);
        let folder = TempDir::new().unwrap();
        let [plaintext, sasl, tls, controller, behind, proxy] = ports();
        write_identity(folder.path(), "server");
        write_identity(folder.path(), "client");
        let properties = folder.path().join("server.properties");
        std::fs::write(&properties, server(folder.path(), [plaintext, sasl, tls, controller, behind, proxy])).unwrap();
        let scram = format!("SCRAM-SHA-512=[name={},password={}]", LOGIN.0, LOGIN.1);
        let format = ["format", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk", "--add-scram", &scram, "--config"];
        let formatted = java(&home, "kafka.tools.StorageTool").args(format).arg(&properties).output().unwrap();
        assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
        let broker = spawn(&home, folder.path());
        let kafka = Self { home, broker, folder, plaintext, sasl, tls, proxied: [behind, proxy] };
        kafka.wait_until_it_listens();
        Some(kafka)
    }

    /// Kills the broker without a warning; its data stays.
    pub(crate) fn kill(&mut self) {
        self.broker.kill().unwrap();
        self.broker.wait().unwrap();
    }

    /// Starts it again, at the same ports.
    pub(crate) fn start_again(&mut self) {
        self.broker = spawn(&self.home, self.folder.path());
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&self) {
        for port in [self.plaintext, self.sasl, self.tls] {
            wait_for("Kafka", || match TcpStream::connect(("127.0.0.1", port)) {
                Ok(_) => Ok(()),
                Err(_) => Err(std::fs::read_to_string(self.path("log")).unwrap()),
            });
        }
    }

    /// The listener that lets everybody in.
    pub(crate) fn open(&self) -> String {
        format!("127.0.0.1:{}", self.plaintext)
    }

    /// A proxy in front of a listener that lets everybody in.
    pub(crate) fn proxy(&self) -> Proxy {
        let [behind, proxy] = self.proxied;
        Proxy::start(proxy, behind)
    }

    /// A listener that lets everybody in, and says that it is to be found at another port.
    pub(crate) fn behind(&self) -> [u16; 2] {
        self.proxied
    }

    /// The listener for SASL over TLS.
    pub(crate) fn sasl(&self) -> String {
        format!("127.0.0.1:{}", self.sasl)
    }

    /// The listener that asks for a client's certificate.
    pub(crate) fn tls(&self) -> String {
        format!("127.0.0.1:{}", self.tls)
    }

    /// `server.crt`, `client.crt` or `client.key`.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

impl Drop for OwnKafka {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// Ports that are free.
fn ports() -> [u16; 6] {
    let listeners = [(); 6].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A certificate that vouches for itself, its key, and both in one file.
fn write_identity(folder: &Path, name: &str) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (cert.pem(), KeyPair::serialize_pem(&signing_key));
    for (kind, text) in [("pem", format!("{key}{cert}")), ("key", key), ("crt", cert)] {
        std::fs::write(folder.join(format!("{name}.{kind}")), text).unwrap();
    }
}

fn spawn(home: &Path, folder: &Path) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut java = java(home, "kafka.Kafka");
    java.arg(folder.join("server.properties")).stdout(log).stderr(Stdio::null()).spawn().unwrap()
}

fn java(home: &Path, class: &str) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Dlog4j2.configurationFile=file:{}", home.join("log4j2.properties").display()))
        .args(["-cp", &format!("{}/lib/*", home.display()), class]);
    java
}

fn server(folder: &Path, [plaintext, sasl, tls, controller, behind, proxy]: [u16; 6]) -> String {
    let (folder, (user, password), (guest, of_guest)) = (folder.display(), LOGIN, GUEST);
    let module = "org.apache.kafka.common.security";
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plaintext},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{tls},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plaintext},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{tls},PROXIED://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{user};User:CN=rcgen self signed cert
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
listener.name.ssl.ssl.client.auth=required
listener.name.ssl.ssl.truststore.type=PEM
listener.name.ssl.ssl.truststore.location={folder}/client.crt
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_ssl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_{user}=\"{password}\" user_{guest}=\"{of_guest}\";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config={module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";
listener.name.sasl_ssl.oauthbearer.connections.max.reauth.ms=3600000
"
    )
}
