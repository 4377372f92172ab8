//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which the kernel takes the ports of outgoing connections, so that a server which stops and
/// starts again finds its port still free.
const RANGE: std::ops::Range<u16> = 16_000..24_000;

/// The ports above those are for the servers of tests, handed out one after the other: so many, from this one.
#[cfg(feature = "testing")]
pub(crate) const TESTS: u16 = 8_000;
#[cfg(feature = "testing")]
pub(crate) const FIRST_OF_TESTS: u16 = RANGE.end;

/// A port on which nobody listens at this moment.
pub(crate) fn free() -> std::io::Result<u16> {
    for _ in 0..100 {
        let port = rand::random_range(RANGE);
        if is_free(port) {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether nobody listens on the port at this moment.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
