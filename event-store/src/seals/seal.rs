use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "append")]
use super::SealKey;
use super::{Digest, Fault, KeyRing, Ledger};

/// The form of seals that is written today.
const FORM: u8 = 1;

const SIGNATURE: &str = r#","signature":""#;

/// What a seal says. Its members are signed in this order, as compact JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The form of this seal.
    v: u8,
    /// What it seals.
    pub log: Ledger,
    /// Number among the seals of this log, from 1, dense.
    pub number: i64,
    /// First position of the block.
    pub first: i64,
    /// Last position of the block.
    pub last: i64,
    /// The log's epoch at that time.
    pub epoch: Uuid,
    /// When it was sealed.
    pub time: Timestamp,
    /// Merkle root of the block.
    pub root: Digest,
    /// SHA-256 of the line of the seal before it; zeros before the first.
    pub previous: Digest,
    /// The key that signed it.
    pub key: String,
}

/// A seal with its signature, as one line of JSON: in the table, in the file outside, on NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedSeal {
    /// What it says.
    pub seal: Seal,
    signature: [u8; 64],
    line: String,
}

/// The text is no seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a seal")]
pub struct Malformed;

/// A block that is to be sealed.
#[cfg(feature = "append")]
pub(super) struct Block {
    pub(super) log: Ledger,
    pub(super) number: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) epoch: Uuid,
    pub(super) time: Timestamp,
    pub(super) root: Digest,
    pub(super) previous: Digest,
}

#[cfg(feature = "append")]
impl Block {
    pub(super) fn sign(self, key: &SealKey) -> Result<SignedSeal, serde_json::Error> {
        let Self { log, number, first, last, epoch, time, root, previous } = self;
        let key_id = key.public().id().to_owned();
        let seal = Seal { v: FORM, log, number, first, last, epoch, time, root, previous, key: key_id };
        let body = serde_json::to_string(&seal)?;
        let signature = key.sign(body.as_bytes());
        let line = format!("{}{SIGNATURE}{}\"}}", open(&body), URL_SAFE_NO_PAD.encode(signature));
        Ok(SignedSeal { seal, signature, line })
    }
}

/// The object without its last brace.
fn open(body: &str) -> &str {
    body.strip_suffix('}').unwrap_or(body)
}

impl SignedSeal {
    /// Reads a line; only the one way in which it is written counts.
    pub fn parse(line: &str) -> Result<Self, Malformed> {
        let (body, rest) = line.rsplit_once(SIGNATURE).ok_or(Malformed)?;
        let encoded = rest.strip_suffix("\"}").ok_or(Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Malformed)?;
        let signature: [u8; 64] = signature.try_into().map_err(|_| Malformed)?;
        let body = format!("{body}}}");
        let seal: Seal = serde_json::from_str(&body).map_err(|_| Malformed)?;
        let canonical = serde_json::to_string(&seal).is_ok_and(|written| written == body);
        let counted = seal.v == FORM && seal.number > 0 && seal.first > 0 && seal.last >= seal.first;
        if canonical && counted {
            Ok(Self { seal, signature, line: line.to_owned() })
        } else {
            Err(Malformed)
        }
    }

    /// The line, without its end.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The hash by which the next seal names this one.
    pub fn hash(&self) -> Digest {
        Digest::of(&[self.line.as_bytes()])
    }

    /// Is it signed by one of these keys?
    pub(super) fn verify(&self, ring: &KeyRing) -> Result<(), Fault> {
        let key = ring.find(&self.seal.key).ok_or_else(|| Fault::UnknownKey(self.seal.key.clone()))?;
        let body = self.line.rsplit_once(SIGNATURE).map(|(body, _)| format!("{body}}}"));
        let signed = body.is_some_and(|body| key.verifies(body.as_bytes(), &self.signature));
        if signed { Ok(()) } else { Err(Fault::Signature) }
    }
}

impl fmt::Display for SignedSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

#[cfg(all(test, feature = "append"))]
mod tests {
    use super::*;

    fn block() -> Block {
        Block {
            log: Ledger::Events,
            number: 2,
            first: 1001,
            last: 2000,
            epoch: Uuid::from_u128(7),
            time: "2026-11-21T05:00:00.25Z".parse().expect("a time"),
            root: Digest([0xab; 32]),
            previous: Digest([0xcd; 32]),
        }
    }

    #[test]
    fn lines_are_a_contract() {
        insta::assert_snapshot!("seal", block().sign(&SealKey::new([7; 32])).unwrap());
    }

    #[test]
    fn a_line_is_read_in_one_way_only_and_believed_only_as_it_was_signed() {
        let key = SealKey::new([7; 32]);
        let signed = block().sign(&key).unwrap();
        let line = signed.line();
        assert_eq!(SignedSeal::parse(line).as_ref(), Ok(&signed));
        for (from, to) in [
            ("\"number\":2", "\"number\": 2"),
            ("\"v\":1", "\"v\":2"),
            (":2000", ":1000"),
            ("{", "{\"x\":1,"),
        ] {
            assert_eq!(SignedSeal::parse(&line.replacen(from, to, 1)), Err(Malformed), "{to}");
        }
        let ring = KeyRing::new(key.public(), []);
        assert_eq!(signed.verify(&ring), Ok(()));
        let forged = SignedSeal::parse(&line.replacen(":2000", ":2001", 1)).unwrap();
        assert_eq!(forged.verify(&ring), Err(Fault::Signature));
        let other = KeyRing::new(SealKey::new([8; 32]).public(), []);
        assert_eq!(signed.verify(&other), Err(Fault::UnknownKey(key.public().id().to_owned())));
    }
}
