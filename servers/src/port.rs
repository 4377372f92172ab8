//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which the kernel takes the ports of outgoing connections, so that a server which stops and
/// starts again finds its port still free.
const RANGE: std::ops::Range<u16> = 16_000..32_000;

/// A port on which nobody listens at this moment.
pub(crate) fn free() -> std::io::Result<u16> {
    for _ in 0..100 {
        let port = rand::random_range(RANGE);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
