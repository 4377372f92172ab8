//! Strict JSON: what a body says is read exactly, and everything wrong with it is said at once.
//!
//! ```
//! # use service::{json, problem::{Flaw, Problem}};
//! # struct CreateTask { title: String, labels: Vec<String> }
//! # fn title(text: &str) -> Result<String, Flaw> { Ok(text.to_owned()) }
//! # fn label(text: &str) -> Result<String, Flaw> { Ok(text.to_owned()) }
//! fn create_task(body: &[u8]) -> Result<CreateTask, Problem> {
//!     let object = json::parse_object(body)?;
//!     let mut fields = object.fields();
//!     let title = fields.required("title", title);
//!     let labels = fields.list("labels", 0..=50, label);
//!     fields.finish_with(|| Some(CreateTask { title: title?, labels: labels.unwrap_or_default() }))
//! }
//! # assert!(create_task(br#"{"title": "Write it down"}"#).is_ok());
//! # assert!(create_task(br#"{"titel": "Write it down"}"#).is_err());
//! ```

mod echoes;
mod fields;
mod parse;
mod pointer;
mod value;

pub use self::{
    echoes::Echoes,
    fields::{Apart, Fields, Patch},
    parse::{Invalid, MAX_DEPTH, parse},
    pointer::Pointer,
    value::{FromValue, Number, Value, any, from_str},
};
use crate::problem::{Code, Flaw, Problem, Violation};

/// A parsed JSON object together with what is already known to be wrong in it.
#[derive(Debug)]
pub struct Object<'a> {
    value: Value<'a>,
    violations: Vec<Violation>,
}

/// Parses a body that must be one JSON object.
///
/// Unparsable is 400 `INVALID_JSON`; another kind of value is 422. Duplicate members and control characters
/// are reported by [`Fields::finish`] with everything else.
pub fn parse_object(body: &[u8]) -> Result<Object<'_>, Problem> {
    let (value, violations) = parse(body).map_err(Problem::from)?;
    match value {
        Value::Object(_) => Ok(Object { value, violations }),
        _ => Err(Violation::at("", Flaw::new("WRONG_TYPE").param("expected", "object")).into()),
    }
}

impl<'a> Object<'a> {
    /// Begins to read the members; call [`Fields::finish`] after the last one.
    pub fn fields(&'a self) -> Fields<'a> {
        let members = match &self.value {
            Value::Object(members) => members.as_slice(),
            _ => &[],
        };
        Fields::new(members, Pointer::default(), self.violations.clone())
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let ko = format!("{}번째 바이트에서 JSON이 잘못되었습니다.", invalid.offset);
        Self::new(Code::InvalidJson).detail(format!("{invalid}."), ko)
    }
}
#[cfg(test)]
mod tests;
