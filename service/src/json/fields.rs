//! Reading an object member by member while noting everything that is wrong.

use std::{borrow::Cow, ops::RangeInclusive};

use super::{
    echoes::Echoes,
    pointer::Pointer,
    value::{FromValue, Value},
};
use crate::problem::{Flaw, Problem, Violation};

/// A hostile body costs no more than this.
const MAX_VIOLATIONS: usize = 100;

/// A member of a merge patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not mentioned: keep what is.
    #[default]
    Absent,
    /// `null`: clear it.
    Null,
    /// The new value.
    Value(T),
}

impl<T> Patch<T> {
    /// `None` if absent, else the new value or nothing.
    pub fn change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }

    /// The value, where absent and null mean the same.
    pub fn value(self) -> Option<T> {
        self.change().flatten()
    }
}

/// An object of an array that is read by itself.
#[derive(Debug)]
pub struct Apart<'v, T> {
    /// What was read; none only together with a violation.
    pub read: Option<T>,
    /// What is wrong within it.
    pub violations: Vec<Violation>,
    /// As it was sent.
    pub json: &'v Value<'v>,
}

/// The reader of one object. Members that nobody asked for are violations.
#[derive(Debug)]
pub struct Fields<'v> {
    members: &'v [(Cow<'v, str>, Value<'v>)],
    taken: Vec<bool>,
    pointer: Pointer,
    violations: Vec<Violation>,
}

impl<'v> Fields<'v> {
    pub(super) fn new(
        members: &'v [(Cow<'v, str>, Value<'v>)],
        pointer: Pointer,
        violations: Vec<Violation>,
    ) -> Self {
        Self { members, taken: vec![false; members.len()], pointer, violations }
    }

    /// A member that must be there and not be null; `None` only together with a violation.
    pub fn required<A, T, E>(&mut self, name: &str, parse: impl FnOnce(A) -> Result<T, E>) -> Option<T>
    where
        A: FromValue<'v>,
        E: Into<Flaw>,
    {
        let value = self.take_required(name)?;
        self.scalar(name, value, parse)
    }

    /// A member that may be absent but not null.
    pub fn optional<A, T, E>(&mut self, name: &str, parse: impl FnOnce(A) -> Result<T, E>) -> Option<T>
    where
        A: FromValue<'v>,
        E: Into<Flaw>,
    {
        let value = self.take_present(name)?;
        self.scalar(name, value, parse)
    }

    /// A member of a merge patch: absent, null, or a value. A wrong value reads as absent.
    pub fn nullable<A, T, E>(&mut self, name: &str, parse: impl FnOnce(A) -> Result<T, E>) -> Patch<T>
    where
        A: FromValue<'v>,
        E: Into<Flaw>,
    {
        match self.take(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => self.scalar(name, value, parse).map_or(Patch::Absent, Patch::Value),
        }
    }

    /// An array of values; `None` if absent or wrong.
    pub fn list<A, T, E>(
        &mut self,
        name: &str,
        count: RangeInclusive<usize>,
        mut parse: impl FnMut(A) -> Result<T, E>,
    ) -> Option<Vec<T>>
    where
        A: FromValue<'v>,
        E: Into<Flaw>,
    {
        let items = self.items(name, count)?;
        let pointer = self.pointer.member(name);
        let mut parsed = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item, &mut parse) {
                Ok(value) => parsed.push(value),
                Err(flaw) => self.note(pointer.index(index), flaw),
            }
        }
        (parsed.len() == items.len()).then_some(parsed)
    }

    /// An object that must be there; `read` takes its members, the rest of them are violations.
    pub fn required_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'v>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take_required(name)?;
        self.nested(self.pointer.member(name), value, read)
    }

    /// An object that may be absent but not null.
    pub fn optional_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'v>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take_present(name)?;
        self.nested(self.pointer.member(name), value, read)
    }

    /// An object of a merge patch.
    pub fn nullable_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'v>) -> Option<T>,
    ) -> Patch<T> {
        match self.take(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => {
                self.nested(self.pointer.member(name), value, read).map_or(Patch::Absent, Patch::Value)
            }
        }
    }

    /// An array of objects, each read by `read` with its index; `None` if absent or wrong.
    pub fn list_of_objects<T>(
        &mut self,
        name: &str,
        count: RangeInclusive<usize>,
        mut read: impl FnMut(usize, &mut Fields<'v>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.items(name, count)?;
        let pointer = self.pointer.member(name);
        let mut parsed = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let value = self.nested(pointer.index(index), item, |fields| read(index, fields));
            parsed.extend(value);
        }
        (parsed.len() == items.len()).then_some(parsed)
    }

    /// The same, but what is wrong within an object is no violation of the whole: the others may stand.
    pub fn objects_apart<T>(
        &mut self,
        name: &str,
        count: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Fields<'v>) -> Option<T>,
    ) -> Option<Vec<Apart<'v, T>>> {
        let items = self.items(name, count)?;
        let pointer = self.pointer.member(name);
        let apart = |(index, json): (usize, &'v Value<'v>)| {
            let mut alone = Fields::new(&[], Pointer::default(), Vec::new());
            let read = alone.nested(pointer.index(index), json, &mut read);
            Apart { read, violations: alone.violations, json }
        };
        Some(items.iter().enumerate().map(apart).collect())
    }

    /// Members that only the server sets; what was sent is compared later, with [`Echoes::check`].
    pub fn output_only(&mut self, names: &[&str]) -> Echoes {
        let mut echoes = Echoes::default();
        for name in names {
            if let Some(value) = self.take(name) {
                echoes.push(name, self.pointer.member(name), value.to_json());
            }
        }
        echoes
    }

    /// Whether the member was sent (null counts).
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    /// Notes that the member breaks a rule which involves others.
    pub fn refuse(&mut self, name: &str, flaw: impl Into<Flaw>) {
        self.note(self.pointer.member(name), flaw.into());
    }

    /// Notes all that is wrong within a member whose text is read by rules of its own.
    pub fn refuse_all(&mut self, name: &str, flaws: impl IntoIterator<Item = Flaw>) {
        let pointer = self.pointer.member(name);
        let room = MAX_VIOLATIONS.saturating_sub(self.violations.len());
        let violations = flaws.into_iter().map(|flaw| Violation::at(pointer.clone(), flaw));
        self.violations.extend(violations.take(room));
    }

    /// Ends the reading: all violations at once, unknown members among them.
    pub fn finish(mut self) -> Result<(), Problem> {
        self.note_unknown();
        if self.violations.is_empty() { Ok(()) } else { Err(Problem::violations(self.violations)) }
    }

    /// Like [`Self::finish`], then builds the result; `?` on what `required` gave does the unwrapping.
    pub fn finish_with<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        self.finish()?;
        build().ok_or_else(|| Problem::internal("a required member is missing without a violation"))
    }

    fn take(&mut self, name: &str) -> Option<&'v Value<'v>> {
        let index = self.members.iter().position(|(member, _)| member == name)?;
        self.taken[index] = true;
        Some(&self.members[index].1)
    }

    fn take_required(&mut self, name: &str) -> Option<&'v Value<'v>> {
        if !self.has(name) {
            self.refuse(name, Flaw::new("REQUIRED"));
        }
        self.take_present(name)
    }

    fn take_present(&mut self, name: &str) -> Option<&'v Value<'v>> {
        let value = self.take(name)?;
        if *value == Value::Null {
            self.refuse(name, Flaw::new("NULL"));
            return None;
        }
        Some(value)
    }

    fn scalar<A, T, E>(
        &mut self,
        name: &str,
        value: &'v Value<'v>,
        parse: impl FnOnce(A) -> Result<T, E>,
    ) -> Option<T>
    where
        A: FromValue<'v>,
        E: Into<Flaw>,
    {
        match read(value, parse) {
            Ok(value) => Some(value),
            Err(flaw) => {
                self.refuse(name, flaw);
                None
            }
        }
    }

    fn items(&mut self, name: &str, count: RangeInclusive<usize>) -> Option<&'v [Value<'v>]> {
        let Value::Array(items) = self.take_present(name)? else {
            self.refuse(name, Flaw::new("WRONG_TYPE").param("expected", "array"));
            return None;
        };
        if items.len() < *count.start() {
            self.refuse(name, Flaw::new("TOO_FEW").param("min", *count.start()));
            return None;
        }
        if items.len() > *count.end() {
            self.refuse(name, Flaw::new("TOO_MANY").param("max", *count.end()));
            return None;
        }
        Some(items)
    }

    fn nested<T>(
        &mut self,
        pointer: Pointer,
        value: &'v Value<'v>,
        read: impl FnOnce(&mut Fields<'v>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(members) = value else {
            self.note(pointer, Flaw::new("WRONG_TYPE").param("expected", "object"));
            return None;
        };
        let violations = std::mem::take(&mut self.violations);
        let mut fields = Fields::new(members, pointer, violations);
        let result = read(&mut fields);
        fields.note_unknown();
        self.violations = fields.violations;
        result
    }

    fn note_unknown(&mut self) {
        for (index, (name, _)) in self.members.iter().enumerate() {
            if !self.taken[index] {
                self.note(self.pointer.member(name), Flaw::new("UNKNOWN_FIELD"));
            }
        }
    }

    /// One violation per place is enough: the parser may have found it first.
    fn note(&mut self, pointer: Pointer, flaw: Flaw) {
        if self.violations.len() >= MAX_VIOLATIONS {
            return;
        }
        let violation = Violation::at(pointer, flaw);
        if !self.violations.iter().any(|other| other.place == violation.place) {
            self.violations.push(violation);
        }
    }
}

fn read<'v, A, T, E>(value: &'v Value<'v>, parse: impl FnOnce(A) -> Result<T, E>) -> Result<T, Flaw>
where
    A: FromValue<'v>,
    E: Into<Flaw>,
{
    parse(A::from_value(value)?).map_err(Into::into)
}
