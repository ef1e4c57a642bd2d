//! Options of the connection's socket, which sqlx 0.9.0 neither sets nor shows to anybody: so they are set on every TCP socket of
//! this process, all of which are better off with them.
//!
//! - `TCP_NODELAY` (<https://github.com/transact-rs/sqlx/issues/4335>, mended behind 0.9.0). Without it the few bytes that end a `COPY`
//!   wait for an acknowledgement of what went before, which the other side keeps back for up to 40 ms: batches of 80 kB went four
//!   times slower.
//! - What tells that the other side is gone without a word, as a machine that fails or a rule of a firewall: otherwise the system
//!   sends a `COMMIT` again for a quarter of an hour, and a wait for an answer has no end at all.

use std::fs;
use std::os::fd::RawFd;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{KeepAlive, TcpNoDelay};

/// Sets them on the sockets that are open.
pub(super) fn set_options() {
    for descriptor in fs::read_dir("/dev/fd").into_iter().flatten().flatten() {
        if let Some(Ok(descriptor)) = descriptor.file_name().to_str().map(str::parse::<RawFd>) {
            set(descriptor);
        }
    }
}

/// Whatever is no TCP socket takes none of them.
fn set(descriptor: RawFd) {
    if setsockopt(descriptor, TcpNoDelay, &true).is_err() {
        return;
    }
    let _ = setsockopt(descriptor, KeepAlive, &true);
    #[cfg(target_os = "linux")]
    linux::set(descriptor);
}

/// Elsewhere the system's own times go, which are long.
#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::RawFd;

    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::{TcpKeepIdle, TcpKeepInterval, TcpUserTimeout};

    /// Seconds of silence after which the other side is asked whether it is there, nine times and so many seconds apart.
    pub(super) const IDLE: u32 = 15;
    const INTERVAL: u32 = 5;
    /// Milliseconds by when what is sent is acknowledged, or the connection is broken.
    pub(super) const USER_TIMEOUT: u32 = 60_000;

    pub(super) fn set(descriptor: RawFd) {
        let _ = setsockopt(descriptor, TcpKeepIdle, &IDLE);
        let _ = setsockopt(descriptor, TcpKeepInterval, &INTERVAL);
        let _ = setsockopt(descriptor, TcpUserTimeout, &USER_TIMEOUT);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::getsockopt;
    use nix::sys::socket::sockopt::{TcpKeepIdle, TcpUserTimeout};

    use super::*;

    #[test]
    fn an_open_socket_has_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_options();
        let descriptor = stream.as_raw_fd();
        assert!(stream.nodelay().unwrap());
        assert!(getsockopt(descriptor, KeepAlive).unwrap());
        assert_eq!(getsockopt(descriptor, TcpKeepIdle), Ok(linux::IDLE));
        assert_eq!(getsockopt(descriptor, TcpUserTimeout), Ok(linux::USER_TIMEOUT));
    }
}
