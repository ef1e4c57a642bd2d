//! `TCP_NODELAY`, which sqlx 0.9.0 does not set (<https://github.com/transact-rs/sqlx/issues/4335>; mended behind it).
//!
//! Without it the few bytes that end a `COPY` wait for an acknowledgement of what went before, which the other side keeps back
//! for up to 40 ms: batches of 80 kB went four times slower. sqlx shows nobody its socket, so the option is set on every TCP
//! socket of this process, all of which are better off with it. To be deleted with the next release of sqlx.

use std::fs;
use std::os::fd::RawFd;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpNoDelay;

/// Sets it on the sockets that are open.
pub(super) fn set() {
    for descriptor in fs::read_dir("/dev/fd").into_iter().flatten().flatten() {
        if let Some(Ok(descriptor)) = descriptor.file_name().to_str().map(str::parse::<RawFd>) {
            // whatever is no TCP socket does not take it
            let _ = setsockopt(descriptor, TcpNoDelay, &true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_open_socket_has_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nodelay(false).unwrap();
        set();
        assert!(stream.nodelay().unwrap());
    }
}
