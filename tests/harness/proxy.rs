//! A proxy in front of a broker that can keep the answers to commits of transactions back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What of Kafka's requests is looked at: <https://kafka.apache.org/protocol#protocol_api_keys>.
const END_TXN: i16 = 26;
const INIT_PRODUCER_ID: i16 = 22;

/// Passes everything on, until this process ends.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mode: Mutex<Mode>,
    n_lost: AtomicUsize,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Mode {
    #[default]
    Passing,
    /// Commits reach the broker, and the connection breaks before their answer.
    Losing,
}

impl Proxy {
    /// Listens at `port` for what is meant for `broker`.
    pub(crate) fn start(port: u16, broker: u16) -> Self {
        let (listener, state) = (TcpListener::bind(("127.0.0.1", port)).unwrap(), Arc::<State>::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(broker) = TcpStream::connect(("127.0.0.1", broker)) {
                    connect(&client, &broker, &shared).unwrap();
                }
            }
        });
        Self { port, state }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From here on the answers to commits are lost, until another producer begins.
    pub(crate) fn lose_commits(&self) {
        *self.state.mode.lock().unwrap() = Mode::Losing;
    }

    /// How many answers were lost.
    pub(crate) fn n_lost(&self) -> usize {
        self.state.n_lost.load(Ordering::Relaxed)
    }
}

/// Passes on what one connection says, and what is answered.
fn connect(client: &TcpStream, broker: &TcpStream, state: &Arc<State>) -> io::Result<()> {
    // the requests whose answers are to be lost, by their correlation ids
    let doomed = Arc::<Mutex<Vec<[u8; 4]>>>::default();
    let (mut from, mut to) = (client.try_clone()?, broker.try_clone()?);
    let (known, shared) = (Arc::clone(&doomed), Arc::clone(state));
    thread::spawn(move || {
        while let Ok(request) = frame(&mut from) {
            let mut mode = shared.mode.lock().unwrap();
            match i16::from_be_bytes([request[0], request[1]]) {
                END_TXN if *mode == Mode::Losing => known.lock().unwrap().push(request[4..8].try_into().unwrap()),
                INIT_PRODUCER_ID if shared.n_lost.load(Ordering::Relaxed) > 0 => *mode = Mode::Passing,
                _ => {}
            }
            drop(mode);
            if pass(&mut to, &request).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to, shared) = (broker.try_clone()?, client.try_clone()?, Arc::clone(state));
    thread::spawn(move || {
        while let Ok(answer) = frame(&mut from) {
            if doomed.lock().unwrap().iter().any(|id| answer.starts_with(id)) {
                shared.n_lost.fetch_add(1, Ordering::Relaxed);
                break;
            }
            if pass(&mut to, &answer).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// A request or an answer, without its length.
fn frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

fn pass(to: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    to.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes())?;
    to.write_all(frame)
}
