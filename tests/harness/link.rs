//! A link between two processes that can be cut, slowed and held.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Where a link leads.
#[derive(Clone)]
pub(crate) enum Place {
    Port(u16),
    Socket(PathBuf),
}

/// What becomes of that which is sent over a link.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    Open,
    /// Connections break, and no new ones are made.
    Cut,
    /// Every part of it comes so much later.
    Slow(Duration),
    /// Nothing passes, and nobody is told.
    Held,
}

/// Listens on a port of 127.0.0.1, until the process ends.
pub(crate) struct Link {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    to: Mutex<Place>,
    state: Mutex<State>,
    changed: Condvar,
    /// Both ends of what is connected, by its number.
    connections: Mutex<HashMap<u64, [Stream; 2]>>,
    n_connections: AtomicU64,
}

impl Link {
    /// A link on a port of its own.
    pub(crate) fn to(place: Place) -> Self {
        Self::over(TcpListener::bind("127.0.0.1:0").unwrap(), place)
    }

    /// A link on this port.
    pub(crate) fn at(port: u16, place: Place) -> Self {
        Self::over(TcpListener::bind(("127.0.0.1", port)).unwrap(), place)
    }

    fn over(listener: TcpListener, place: Place) -> Self {
        let shared = Arc::new(Shared {
            to: Mutex::new(place),
            state: Mutex::new(State::Open),
            changed: Condvar::new(),
            connections: Mutex::default(),
            n_connections: AtomicU64::default(),
        });
        let (port, accepting) = (listener.local_addr().unwrap().port(), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if *accepting.state.lock().unwrap() != State::Cut {
                    // where nobody listens the client finds its connection closed
                    let _ = accepting.connect(client);
                }
            }
        });
        Self { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From here on it leads elsewhere; what is connected breaks.
    pub(crate) fn lead_to(&self, place: Place) {
        *self.shared.to.lock().unwrap() = place;
        self.shared.end_all();
    }

    pub(crate) fn set(&self, state: State) {
        *self.shared.state.lock().unwrap() = state;
        self.shared.changed.notify_all();
        if state == State::Cut {
            self.shared.end_all();
        }
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let place = self.to.lock().unwrap().clone();
        let server = match place {
            Place::Port(port) => Stream::Tcp(TcpStream::connect(("127.0.0.1", port))?),
            Place::Socket(path) => Stream::Unix(UnixStream::connect(path)?),
        };
        client.set_nodelay(true)?;
        let client = Stream::Tcp(client);
        let number = self.n_connections.fetch_add(1, Ordering::Relaxed);
        self.connections.lock().unwrap().insert(number, [client.twin()?, server.twin()?]);
        for (from, to) in [(client.twin()?, server.twin()?), (server, client)] {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                let _ = shared.pass(&from, &to);
                from.end();
                to.end();
                shared.connections.lock().unwrap().remove(&number);
            });
        }
        Ok(())
    }

    fn pass(&self, mut from: &Stream, mut to: &Stream) -> io::Result<()> {
        let mut part = vec![0; 64 * 1024];
        loop {
            let n = from.read(&mut part)?;
            if n == 0 {
                return Ok(());
            }
            let state = self.changed.wait_while(self.state.lock().unwrap(), |state| *state == State::Held).unwrap();
            let state = *state;
            if let State::Slow(delay) = state {
                thread::sleep(delay);
            }
            to.write_all(&part[..n])?;
        }
    }

    fn end_all(&self) {
        self.connections.lock().unwrap().values().flatten().for_each(Stream::end);
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn twin(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    /// Both ends are told.
    fn end(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).read(buffer),
            Stream::Unix(stream) => (&mut &*stream).read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).write(part),
            Stream::Unix(stream) => (&mut &*stream).write(part),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
