//! Query strings, read like bodies: parameter by parameter, all violations at once (status 400).

use std::{collections::HashSet, convert::Infallible};

use axum::{extract::FromRequestParts, http::request::Parts};
use sha2::{Digest, Sha256};

use crate::problem::{Code, Flaw, Place, Problem, Violation};

/// More parameters than this are refused.
const MAX_PARAMETERS: usize = 200;
/// What a page holds when nobody says.
pub const DEFAULT_PAGE_SIZE: u32 = 50;
/// What a page holds at most; more is cut down to it.
pub const MAX_PAGE_SIZE: u32 = 1000;

/// The parameters of one request.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
    asked: HashSet<String>,
    violations: Vec<Violation>,
    malformed: Option<Code>,
}

impl Query {
    /// Takes a raw query string apart; what is malformed shows in [`Self::finish`].
    pub fn parse(raw: &str) -> Self {
        let mut query = Self::default();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) if query.pairs.len() < MAX_PARAMETERS => {
                    query.pairs.push((name, value));
                }
                _ => query.malformed = Some(Code::InvalidParameter),
            }
        }
        query
    }

    /// Parameters that came in another form.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        let malformed = (pairs.len() > MAX_PARAMETERS).then_some(Code::InvalidParameter);
        Self { pairs, malformed, ..Self::default() }
    }

    /// A parameter that may be given once.
    pub fn one<T, E: Into<Flaw>>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.asked.insert(name.to_owned());
        let mut values = self.pairs.iter().filter(|(other, _)| other == name).map(|(_, value)| value);
        let value = values.next()?;
        let parsed = match values.next() {
            Some(_) => Err(Flaw::new("DUPLICATE_PARAMETER")),
            None => parse(value).map_err(Into::into),
        };
        parsed.map_err(|flaw| self.violations.push(Violation::parameter(name, flaw))).ok()
    }

    /// A parameter that may be repeated; each wrong value is a violation.
    pub fn many<T, E: Into<Flaw>>(
        &mut self,
        name: &'static str,
        mut parse: impl FnMut(&str) -> Result<T, E>,
    ) -> Vec<T> {
        self.asked.insert(name.to_owned());
        let mut parsed = Vec::new();
        for (_, value) in self.pairs.iter().filter(|(other, _)| other == name) {
            match parse(value) {
                Ok(value) => parsed.push(value),
                Err(flaw) => self.violations.push(Violation::parameter(name, flaw)),
            }
        }
        parsed
    }

    /// `true` or `false`; absent is false.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let parse = |text: &str| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Flaw::new("UNKNOWN_VALUE").param("allowed", "true, false")),
        };
        self.one(name, parse).unwrap_or(false)
    }

    /// `page_size`: 50 by default, over 1000 becomes 1000, below 1 is a violation.
    pub fn page_size(&mut self) -> u32 {
        let size = self.one("page_size", |text| match text.parse::<u64>() {
            Ok(0) | Err(_) => Err(Flaw::new("OUT_OF_RANGE").param("min", 1).param("max", MAX_PAGE_SIZE)),
            Ok(size) => Ok(size.min(MAX_PAGE_SIZE.into())),
        });
        size.and_then(|size| u32::try_from(size).ok()).unwrap_or(DEFAULT_PAGE_SIZE)
    }

    /// `page_token`, still sealed; empty is absent. Open it with [`crate::page_token::PageTokens::open`].
    pub fn page_token(&mut self) -> Option<String> {
        self.one("page_token", |text| Ok::<_, Flaw>(text.to_owned())).filter(|token| !token.is_empty())
    }

    /// Notes that a parameter breaks a rule which involves others.
    pub fn refuse(&mut self, name: &'static str, flaw: impl Into<Flaw>) {
        self.violations.push(Violation::parameter(name, flaw));
    }

    /// Whether the parameter was sent.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(other, _)| other == name)
    }

    /// What the pages of one list have in common: SHA-256 of the other parameters in sorted order.
    pub fn filter_hash(&self) -> [u8; 32] {
        let paging = |name: &str| matches!(name, "page_size" | "page_token" | "min_position");
        let mut pairs: Vec<_> = self.pairs.iter().filter(|(name, _)| !paging(name)).collect();
        pairs.sort();
        let mut hash = Sha256::new();
        for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().into()
    }

    /// Ends the reading: unknown parameters and all other violations at once.
    pub fn finish(self) -> Result<(), Problem> {
        let violations = self.violations()?;
        if violations.is_empty() { Ok(()) } else { Err(Problem::violations(violations)) }
    }

    /// Ends the reading of a query that is a text in a body: all flaws of that text at once, each with its parameter.
    pub fn flaws(self) -> Vec<Flaw> {
        let Ok(violations) = self.violations() else {
            return vec![Flaw::new("MALFORMED").param("expected", "a query string")];
        };
        let flaw = |Violation { place, flaw }| match place {
            Place::Parameter(name) => {
                let detail = flaw.detail.as_deref().unwrap_or("cannot be given here");
                let detail = format!("{name} {detail}");
                flaw.detail(detail).param("parameter", name)
            }
            Place::Pointer(_) | Place::Header(_) => flaw,
        };
        violations.into_iter().map(flaw).collect()
    }

    fn violations(mut self) -> Result<Vec<Violation>, Code> {
        if let Some(code) = self.malformed {
            return Err(code);
        }
        let mut told = HashSet::new();
        for (name, _) in &self.pairs {
            if !self.asked.contains(name) && told.insert(name) {
                self.violations.push(Violation::parameter(name, Flaw::new("UNKNOWN_PARAMETER")));
            }
        }
        Ok(self.violations)
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// Percent-decoding with `+` as a space; `None` for broken escapes, invalid UTF-8 and control characters.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => 16 * hex_digit(rest.next()?)? + hex_digit(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<i64, std::num::ParseIntError> {
        text.parse()
    }

    #[test]
    fn reads_single_and_repeated_parameters() {
        let mut query = Query::parse("status=a&status=b&q=%ED%95%9C%EA%B8%80+x&n=7&");
        assert_eq!(query.many("status", |text| Ok::<_, Flaw>(text.to_owned())), ["a", "b"]);
        assert_eq!(query.one("q", |text| Ok::<_, Flaw>(text.to_owned())).unwrap(), "한글 x");
        assert_eq!(query.one("n", number), Some(7));
        assert_eq!(query.one("absent", number), None);
        query.finish().unwrap();
    }

    #[test]
    fn all_violations_come_at_once() {
        let mut query = Query::parse("n=x&m=1&m=2&limit=3&limit=4");
        query.one("n", number);
        query.one("m", number);
        let problem = query.finish().unwrap_err();
        assert_eq!(problem.code(), Code::InvalidParameter);
        assert_eq!(format!("{problem:?}").matches("Parameter(").count(), 3);
    }

    #[test]
    fn only_unknown_parameters_have_their_own_code() {
        assert_eq!(Query::parse("limit=3").finish().unwrap_err().code(), Code::UnknownParameter);
    }

    #[test]
    fn flaws_of_a_text_name_their_parameters() {
        let mut query = Query::parse("n=x&limit=3");
        query.one("n", |_| Err::<i64, _>(Flaw::new("ODD").detail("must be even")));
        let flaws = query.flaws();
        let told: Vec<_> = flaws.iter().map(|flaw| (flaw.code, &flaw.params["parameter"])).collect();
        assert_eq!(told, [("ODD", &"n".into()), ("UNKNOWN_PARAMETER", &"limit".into())]);
        let details: Vec<_> = flaws.iter().filter_map(|flaw| flaw.detail.as_deref()).collect();
        assert_eq!(details, ["n must be even", "limit cannot be given here"]);
        assert!(Query::parse("").flaws().is_empty());
        assert_eq!(Query::parse("%").flaws()[0].code, "MALFORMED");
    }

    #[test]
    fn broken_escapes_are_refused() {
        let many = "a=1&".repeat(500);
        for raw in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "%c3=1", &many] {
            let mut query = Query::parse(raw);
            query.many("a", number);
            assert!(query.finish().is_err(), "{raw}");
        }
    }

    #[test]
    fn page_sizes_are_coerced() {
        for (raw, size, good) in [
            ("", 50, true),
            ("page_size=7", 7, true),
            ("page_size=1000000000000", 1000, true),
            ("page_size=0", 50, false),
            ("page_size=-1", 50, false),
            ("page_size=99999999999999999999999", 50, false),
        ] {
            let mut query = Query::parse(raw);
            assert_eq!((query.page_size(), query.finish().is_ok()), (size, good), "{raw}");
        }
    }

    #[test]
    fn the_filter_hash_ignores_order_and_paging() {
        let hash = |raw| Query::parse(raw).filter_hash();
        assert_eq!(hash("a=1&b=2"), hash("b=2&page_token=x&a=1&page_size=3"));
        assert_ne!(hash("a=1&b=2"), hash("a=1&b=3"));
        assert_ne!(hash("a=1b&c"), hash("a=1&bc"));
    }
}
