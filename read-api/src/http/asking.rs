//! Queries as the domain reads them.

use domain::{filter::Parameters, violation::Violation};
use service::query::Query;

use super::task_query::flaw;

/// A query; what is wrong with it shows in [`Query::finish`].
pub(super) struct Asking<'a>(pub(super) &'a mut Query);

impl Parameters for Asking<'_> {
    fn one<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Option<T> {
        self.0.one(name, |text| parse(text).map_err(flaw))
    }

    fn many<T>(&mut self, name: &'static str, mut parse: impl FnMut(&str) -> Result<T, Violation>) -> Vec<T> {
        self.0.many(name, |text| parse(text).map_err(flaw))
    }

    fn has(&self, name: &str) -> bool {
        self.0.has(name)
    }

    fn refuse(&mut self, name: &'static str, violation: Violation) {
        self.0.refuse(name, flaw(violation));
    }
}
