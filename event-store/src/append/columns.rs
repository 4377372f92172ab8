//! The columns of a batch, as plain arrays. All indexes count from 1, as in SQL.

use std::collections::HashMap;

use uuid::Uuid;

/// Distinct values in order of first use.
pub(super) struct Numbered<T> {
    pub(super) values: Vec<T>,
    index: HashMap<T, i32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { values: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Numbered<T> {
    pub(super) fn number(&mut self, value: T) -> i32 {
        *self.index.entry(value).or_insert_with(|| {
            self.values.push(value);
            count(self.values.len())
        })
    }

    pub(super) fn get(&self, number: Option<i32>) -> Option<T> {
        let index = usize::try_from(number?).ok()?;
        self.values.get(index.wrapping_sub(1)).copied()
    }
}

#[derive(Default)]
pub(super) struct Streams {
    pub(super) unit: Vec<i32>,
    pub(super) aggregate: Vec<i32>,
    pub(super) expected: Vec<i64>,
    pub(super) events: Vec<i32>,
}

#[derive(Default)]
pub(super) struct Guards {
    pub(super) unit: Vec<i32>,
    pub(super) aggregate: Vec<i32>,
    pub(super) sequence: Vec<i64>,
}

#[derive(Default)]
pub(super) struct Actions {
    pub(super) unit: Vec<i32>,
    pub(super) claim: Vec<i32>,
    pub(super) owner: Vec<Uuid>,
    pub(super) take: Vec<bool>,
}

#[derive(Default)]
pub(super) struct Receipts<'a> {
    pub(super) unit: Vec<i32>,
    pub(super) same: Vec<i32>,
    pub(super) unit_id: Vec<Uuid>,
    pub(super) class: Vec<&'static str>,
    pub(super) principal: Vec<&'a str>,
    pub(super) key: Vec<&'a str>,
    pub(super) fingerprint: Vec<&'a [u8]>,
    pub(super) status: Vec<i32>,
    pub(super) body: Vec<&'a str>,
    pub(super) etag: Vec<Option<&'a str>>,
    pub(super) location: Vec<Option<&'a str>>,
}

#[derive(Default)]
pub(super) struct Events<'a> {
    pub(super) unit: Vec<i32>,
    pub(super) event_type: Vec<&'a str>,
    pub(super) aggregate_type: Vec<&'static str>,
    pub(super) aggregate_id: Vec<Uuid>,
    pub(super) sequence: Vec<i64>,
    pub(super) id: Vec<Uuid>,
    pub(super) version: Vec<&'a str>,
    pub(super) payload: Vec<&'a str>,
    pub(super) metadata: Vec<&'a str>,
}

#[derive(Default)]
pub(super) struct Snapshots<'a> {
    pub(super) unit: Vec<i32>,
    pub(super) aggregate: Vec<i32>,
    pub(super) sequence: Vec<i64>,
    pub(super) shape: Vec<i32>,
    pub(super) state: Vec<&'a str>,
}

pub(super) fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
