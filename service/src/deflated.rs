//! Files kept in pieces: each is deflated by itself and ends at a byte, so that one after the other they are one stream. What
//! has begun can go on in another process, and a gzip file is made of them without another look.

use std::io::{self, Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

pub use flate2::Crc;

/// How a gzip file begins: deflated, without name and time (RFC 1952).
pub const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block: what ends a deflated stream.
const LAST: [u8; 2] = [3, 0];

/// How a gzip file ends that has so many bytes with this checksum.
pub fn tail(crc32: u32, bytes: u64) -> [u8; 10] {
    let mut tail = [0; 10];
    tail[..2].copy_from_slice(&LAST);
    tail[2..6].copy_from_slice(&crc32.to_le_bytes());
    // As the format wants it: the lowest 32 bits.
    tail[6..].copy_from_slice(&bytes.to_le_bytes()[..4]);
    tail
}

/// A piece of this.
pub fn deflate(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    encoder.write_all(plain)?;
    encoder.flush()?;
    Ok(std::mem::take(encoder.get_mut()))
}

/// What a piece is of.
pub fn inflate(piece: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(piece.len() * 4);
    DeflateDecoder::new(piece.chain(&LAST[..])).read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn pieces_are_read_alone_and_together() {
        let (first, second) = ("one line\n".repeat(5000), "one line and another\n".repeat(3));
        let pieces = [first.as_bytes(), b"", second.as_bytes()].map(|plain| deflate(plain).unwrap());
        assert_eq!(inflate(&pieces[0]).unwrap(), first.as_bytes());
        assert_eq!(inflate(&pieces[1]).unwrap(), b"");
        let whole = first + &second;
        let mut crc = Crc::new();
        crc.update(whole.as_bytes());
        let file = [&HEAD[..], &pieces.concat(), &tail(crc.sum(), whole.len() as u64)].concat();
        let mut read = String::new();
        GzDecoder::new(&*file).read_to_string(&mut read).unwrap();
        assert_eq!(read, whole);
    }
}
