//! The tree of a parsed body; strings without escapes are borrowed from it, numbers keep their digits.

use std::borrow::Cow;

use uuid::Uuid;

use crate::problem::Flaw;

/// One JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, as written.
    Number(Number<'a>),
    /// A string without its escapes.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object in the order of the text; names are unique.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// The digits of a number: exact, however long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<'a>(pub(super) &'a str);

impl Number<'_> {
    /// The number as written.
    pub fn as_str(&self) -> &str {
        self.0
    }

    /// The value if it is written as a whole number (no fraction, no exponent) and fits.
    pub fn to_integer<T: std::str::FromStr>(&self) -> Option<T> {
        self.0.parse().ok()
    }
}

impl Value<'_> {
    /// The name of the value's type as schemas call it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// The same tree as serde_json has it; a number that fits nowhere becomes null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => serde_json::from_str(number.0).unwrap_or_default(),
            Value::String(text) => text.as_ref().into(),
            Value::Array(items) => items.iter().map(Value::to_json).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect()
            }
        }
    }
}

/// What a member's value can be read as before its own rules are looked at.
pub trait FromValue<'v>: Sized {
    /// The value as this type, or `WRONG_TYPE` and the like.
    fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw>;
}

fn wrong_type(expected: &'static str) -> Flaw {
    Flaw::new("WRONG_TYPE").param("expected", expected)
}

impl<'v> FromValue<'v> for &'v str {
    fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(wrong_type("string")),
        }
    }
}

impl<'v> FromValue<'v> for String {
    fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

impl<'v> FromValue<'v> for bool {
    fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw> {
        match value {
            Value::Bool(value) => Ok(*value),
            _ => Err(wrong_type("boolean")),
        }
    }
}

impl<'v> FromValue<'v> for Uuid {
    fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw> {
        let text = <&str>::from_value(value)?;
        let hyphenated = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
        hyphenated.ok_or_else(|| Flaw::new("MALFORMED").param("expected", "a UUID"))
    }
}

impl<'v> FromValue<'v> for &'v Value<'v> {
    fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw> {
        Ok(value)
    }
}

impl<'v> FromValue<'v> for serde_json::Value {
    fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw> {
        Ok(value.to_json())
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl<'v> FromValue<'v> for $integer {
            fn from_value(value: &'v Value<'v>) -> Result<Self, Flaw> {
                let Value::Number(number) = value else { return Err(wrong_type("integer")) };
                let flaw = || Flaw::new("NOT_AN_INTEGER").param("min", Self::MIN).param("max", Self::MAX);
                number.to_integer().ok_or_else(flaw)
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i32, i64);

/// For members without rules of their own: `fields.required("done", json::any::<bool>)`.
pub fn any<T>(value: T) -> Result<T, Flaw> {
    Ok(value)
}

/// For text that a type parses itself: `fields.required("assignee", json::from_str::<UserId>)`.
pub fn from_str<T: std::str::FromStr<Err: Into<Flaw>>>(text: &str) -> Result<T, Flaw> {
    text.parse().map_err(Into::into)
}
