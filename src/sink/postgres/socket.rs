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
use std::time::Duration;

use nix::sys::socket::setsockopt;
#[cfg(target_os = "linux")]
use nix::sys::socket::sockopt::TcpUserTimeout;
use nix::sys::socket::sockopt::{KeepAlive, TcpKeepIdle, TcpKeepInterval, TcpNoDelay};

/// The other side is asked whether it is there after so long a silence, and then so often. Linux asks nine times.
const IDLE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(5);
/// What is sent is acknowledged by then, or the connection is broken.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_mins(1);

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
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let _ = setsockopt(descriptor, KeepAlive, &true);
    let _ = setsockopt(descriptor, TcpKeepIdle, &seconds(IDLE));
    let _ = setsockopt(descriptor, TcpKeepInterval, &seconds(INTERVAL));
    #[cfg(target_os = "linux")]
    let _ = setsockopt(descriptor, TcpUserTimeout, &(seconds(USER_TIMEOUT) * 1_000));
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::getsockopt;

    use super::*;

    #[test]
    fn an_open_socket_has_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_options();
        let descriptor = stream.as_raw_fd();
        assert!(stream.nodelay().unwrap());
        assert!(getsockopt(descriptor, KeepAlive).unwrap());
        assert_eq!(getsockopt(descriptor, TcpKeepIdle), Ok(15));
        #[cfg(target_os = "linux")]
        assert_eq!(getsockopt(descriptor, TcpUserTimeout), Ok(60_000));
    }
}
