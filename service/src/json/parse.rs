//! The parser: one pass, no recursion beyond 64 levels, nothing guessed.
//!
//! serde_json rounds numbers, lets duplicate members pass into a value and stops at the first fault; a contract
//! that lists every violation by its place needs more than that.

use std::{borrow::Cow, collections::HashSet};

use super::{
    pointer::Pointer,
    value::{Number, Value},
};
use crate::problem::{Flaw, Violation};

/// Deeper nesting than this is refused.
pub const MAX_DEPTH: usize = 64;
/// Objects up to this size look for duplicates by comparing, larger ones by hashing.
const FEW_MEMBERS: usize = 12;
/// Enough violations to mend a body by; a hostile one costs no more memory than that.
const MAX_VIOLATIONS: usize = 100;

/// The bytes are no JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct Invalid {
    /// Bytes from the beginning.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// Parses a JSON text of any kind; duplicate members and control characters come back as violations.
pub fn parse(body: &[u8]) -> Result<(Value<'_>, Vec<Violation>), Invalid> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Invalid { offset: error.valid_up_to(), reason: "invalid UTF-8" })?;
    let mut parser = Parser { text, at: 0, path: Vec::new(), violations: Vec::new() };
    parser.skip_space();
    let value = parser.value()?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.invalid("trailing characters"));
    }
    Ok((value, parser.violations))
}

enum Step<'a> {
    Member(Cow<'a, str>),
    Index(usize),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    path: Vec<Step<'a>>,
    violations: Vec<Violation>,
}

impl<'a> Parser<'a> {
    fn invalid(&self, reason: &'static str) -> Invalid {
        Invalid { offset: self.at, reason }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Invalid> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.checked_string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(self.invalid("unexpected character")),
            None => Err(self.invalid("unexpected end")),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Invalid> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.invalid("unexpected character"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Steps over the opening bracket; true if the closing one follows at once.
    fn open(&mut self, close: u8) -> Result<bool, Invalid> {
        if self.path.len() >= MAX_DEPTH {
            return Err(self.invalid("nested deeper than 64 levels"));
        }
        self.at += 1;
        self.skip_space();
        let empty = self.peek() == Some(close);
        self.at += usize::from(empty);
        Ok(empty)
    }

    /// Steps over a comma or the closing bracket; true at the end.
    fn next_or_close(&mut self, close: u8) -> Result<bool, Invalid> {
        self.skip_space();
        let closed = match self.peek() {
            Some(b',') => false,
            Some(byte) if byte == close => true,
            Some(_) => return Err(self.invalid("expected a comma or the end of the list")),
            None => return Err(self.invalid("unexpected end")),
        };
        self.at += 1;
        self.skip_space();
        Ok(closed)
    }

    fn array(&mut self) -> Result<Value<'a>, Invalid> {
        let mut items = Vec::new();
        let mut closed = self.open(b']')?;
        while !closed {
            self.path.push(Step::Index(items.len()));
            items.push(self.value()?);
            self.path.pop();
            closed = self.next_or_close(b']')?;
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self) -> Result<Value<'a>, Invalid> {
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        let mut seen = HashSet::new();
        let mut closed = self.open(b'}')?;
        while !closed {
            let name = self.member_name()?;
            let duplicate = is_duplicate(&members, &mut seen, &name);
            self.path.push(Step::Member(name.clone()));
            if duplicate {
                self.report("DUPLICATE_FIELD");
            }
            let value = self.value()?;
            self.path.pop();
            if !duplicate {
                members.push((name, value));
            }
            closed = self.next_or_close(b'}')?;
        }
        Ok(Value::Object(members))
    }

    fn member_name(&mut self) -> Result<Cow<'a, str>, Invalid> {
        if self.peek() != Some(b'"') {
            return Err(self.invalid("expected a member name"));
        }
        let name = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.invalid("expected a colon"));
        }
        self.at += 1;
        self.skip_space();
        Ok(name)
    }

    fn number(&mut self) -> Result<Number<'a>, Invalid> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Number(&self.text[start..self.at]))
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.invalid("expected a digit")) } else { Ok(()) }
    }

    /// A string value; control characters other than newline and tab are a violation here.
    fn checked_string(&mut self) -> Result<Cow<'a, str>, Invalid> {
        let text = self.string()?;
        if holds_control(&text) {
            self.report("CONTROL_CHARACTER");
        }
        Ok(text)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Invalid> {
        self.at += 1;
        let start = self.at;
        self.run()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        let mut text = self.text[start..self.at].to_owned();
        while self.peek() == Some(b'\\') {
            text.push(self.escape()?);
            let from = self.at;
            self.run()?;
            text.push_str(&self.text[from..self.at]);
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    /// Goes on to the next quote or backslash.
    fn run(&mut self) -> Result<(), Invalid> {
        loop {
            match self.peek() {
                Some(b'"' | b'\\') => return Ok(()),
                Some(0..=0x1f) => return Err(self.invalid("control character in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.invalid("unexpected end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Invalid> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'u') => return self.unicode(),
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.invalid("unknown escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, Invalid> {
        let first = self.code_unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.text[self.at..].starts_with("\\u") {
                    return Err(self.invalid("lone surrogate"));
                }
                self.at += 1;
                let second = self.code_unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.invalid("lone surrogate"));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.invalid("lone surrogate"))
    }

    /// Reads `uXXXX`.
    fn code_unit(&mut self) -> Result<u32, Invalid> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.invalid("expected four hexadecimal digits"))?;
        self.at += 5;
        Ok(unit)
    }

    fn report(&mut self, code: &'static str) {
        if self.violations.len() >= MAX_VIOLATIONS {
            return;
        }
        let pointer = self.path.iter().fold(Pointer::default(), |pointer, step| match step {
            Step::Member(name) => pointer.member(name),
            Step::Index(index) => pointer.index(*index),
        });
        self.violations.push(Violation::at(pointer, Flaw::new(code)));
    }
}

/// Most texts need no decoding to be cleared: only these bytes can begin a control character.
fn holds_control(text: &str) -> bool {
    let suspicious = |byte: u8| byte < 0x20 || byte == 0x7f || byte == 0xc2;
    text.bytes().any(suspicious) && text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
}

/// Whether the name was there before; hashing begins with the first name after [`FEW_MEMBERS`].
fn is_duplicate(members: &[(Cow<'_, str>, Value<'_>)], seen: &mut HashSet<String>, name: &str) -> bool {
    if members.len() < FEW_MEMBERS {
        return members.iter().any(|(other, _)| other == name);
    }
    if seen.is_empty() {
        seen.extend(members.iter().map(|(other, _)| other.clone().into_owned()));
    }
    !seen.insert(name.to_owned())
}
