//! Which addresses lie outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks that are not the internet (IANA's special-purpose registry), and one address of the internet that answers only
/// inside: Azure keeps the metadata of its machines there.
const INSIDE_V4: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Inside 2000::/3, the only part of IPv6 that is the internet: protocols' own addresses with Teredo, documentation, 6to4.
const INSIDE_V6: [(u16, u16, u32); 4] =
    [(0x2001, 0, 23), (0x2001, 0x0db8, 32), (0x2002, 0, 16), (0x3fff, 0, 20)];

/// Whether the address is one of the internet. An IPv4 address in the clothes of IPv6 (mapped, NAT64, 6to4, Teredo) is not.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !INSIDE_V4.iter().any(|&(base, prefix)| {
            let ignored = 32 - prefix;
            (address.to_bits() ^ Ipv4Addr::from(base).to_bits()) >> ignored == 0
        }),
        IpAddr::V6(address) => is_global(address) && !INSIDE_V6.iter().any(|&base| lies_in(address, base)),
    }
}

fn is_global(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xe000 == 0x2000
}

fn lies_in(address: Ipv6Addr, (first, second, prefix): (u16, u16, u32)) -> bool {
    let base = Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0);
    (address.to_bits() ^ base.to_bits()) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INSIDE: &str = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200 127.0.0.1 \
        127.1.2.3 168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 \
        192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 \
        :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 fc00::1 \
        fd00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 \
        2002:7f00:1:: 2002:a00:1::1 3fff::1 5f00::1 8000::1";

    const OUTSIDE: &str = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
        168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 \
        192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111 \
        2a00:1450::1 3ffe::1";

    #[test]
    fn what_is_inside_is_not_public() {
        for text in INSIDE.split_whitespace() {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in OUTSIDE.split_whitespace() {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_ipv4_address_is_public_in_the_clothes_of_ipv6(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            for dressed in [
                v4.to_ipv6_mapped(),
                v4.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
            ] {
                prop_assert!(!is_public(dressed.into()), "{dressed}");
            }
        }
    }
}
