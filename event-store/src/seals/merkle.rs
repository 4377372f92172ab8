//! Merkle trees as in RFC 6962, section 2.1.

use super::Digest;

/// The hash of a leaf that holds these parts.
pub(super) fn leaf(parts: &[&[u8]]) -> Digest {
    Digest::of(&[&[&[0_u8][..]], parts].concat())
}

fn node(left: Digest, right: Digest) -> Digest {
    Digest::of(&[&[1], &left.0, &right.0])
}

/// The root over these leaves, of which there must be one.
pub(super) fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(&[]),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(left_half(leaves.len()));
            node(root(left), root(right))
        }
    }
}

/// The hashes beside the way from this leaf up to the root, lowest first.
pub(super) fn path(leaves: &[Digest], index: usize) -> Vec<Digest> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let half = left_half(leaves.len());
    let (left, right) = leaves.split_at(half);
    let (mut below, beside) =
        if index < half { (path(left, index), root(right)) } else { (path(right, index - half), root(left)) };
    below.push(beside);
    below
}

/// The roots of the parts that hold none of the wanted leaves, from left to right: with those leaves they make the root.
pub(super) fn beside(leaves: &[Digest], wanted: &[usize]) -> Vec<Digest> {
    match (leaves, wanted) {
        (_, []) => vec![root(leaves)],
        ([_], _) => Vec::new(),
        _ => {
            let half = left_half(leaves.len());
            let (left, right) = leaves.split_at(half);
            let (low, high) = wanted.split_at(wanted.partition_point(|index| *index < half));
            let high: Vec<usize> = high.iter().map(|index| index - half).collect();
            [beside(left, low), beside(right, &high)].concat()
        }
    }
}

/// The largest power of two below `count`.
fn left_half(count: usize) -> usize {
    count.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors that implementations of Certificate Transparency share.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_of_everybody_else() {
        let leaves: Vec<Digest> = LEAVES.iter().map(|data| leaf(&[data])).collect();
        for (count, expected) in (1..).zip(ROOTS) {
            assert_eq!(root(&leaves[..count]).to_string(), expected, "{count}");
        }
    }

    /// The reader's side, as RFC 9162, 2.1.3.2 has it.
    fn climbs(hash: Digest, index: usize, count: usize, path: &[Digest]) -> Option<Digest> {
        let (mut at, mut end, mut hash) = (index, count - 1, hash);
        for beside in path {
            if end == 0 {
                return None;
            }
            if at % 2 == 1 || at == end {
                hash = node(*beside, hash);
                while at % 2 == 0 && at != 0 {
                    (at, end) = (at / 2, end / 2);
                }
            } else {
                hash = node(hash, *beside);
            }
            (at, end) = (at / 2, end / 2);
        }
        (end == 0).then_some(hash)
    }

    /// The reader's side: what is not wanted comes from `beside`, in order.
    fn grown(first: usize, size: usize, wanted: &[(usize, Digest)], beside: &mut Vec<Digest>) -> Digest {
        if wanted.is_empty() {
            return beside.remove(0);
        }
        if size == 1 {
            return wanted[0].1;
        }
        let half = left_half(size);
        let (low, high) = wanted.split_at(wanted.partition_point(|(index, _)| *index < first + half));
        let left = grown(first, half, low, beside);
        node(left, grown(first + half, size - half, high, beside))
    }

    #[test]
    fn any_leaves_make_the_root_with_what_is_beside_them() {
        for count in 1_usize..20 {
            let leaves: Vec<Digest> = (0..count).map(|n| leaf(&[&n.to_be_bytes()])).collect();
            for step in 1..=count {
                let wanted: Vec<usize> = (0..count).step_by(step).collect();
                let mut beside = beside(&leaves, &wanted);
                assert!(step > 1 || beside.is_empty(), "who has all needs nothing");
                let known: Vec<_> = wanted.iter().map(|index| (*index, leaves[*index])).collect();
                assert_eq!(grown(0, count, &known, &mut beside), root(&leaves), "{step} of {count}");
                assert!(beside.is_empty());
            }
        }
    }

    #[test]
    fn every_leaf_climbs_to_the_root_and_no_other_does() {
        for count in 1_usize..70 {
            let leaves: Vec<Digest> = (0..count).map(|n| leaf(&[&n.to_be_bytes()])).collect();
            let top = root(&leaves);
            for index in 0..count {
                let path = path(&leaves, index);
                assert_eq!(climbs(leaves[index], index, count, &path), Some(top), "{index} of {count}");
                assert_ne!(climbs(Digest::NONE, index, count, &path), Some(top));
            }
        }
    }
}
