//! No address fills the log: of what it does again and again, a minute has so many rows, and one more for the rest.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use crate::request::network_of;

use super::{About, Outcome, Record};

/// Rows of one address and action in a minute.
const ROWS: u32 = 60;
/// Addresses and actions that are told apart in a minute; all further addresses are one.
const KEYS: usize = 10_000;

/// The current minute.
#[derive(Debug, Default)]
pub(super) struct Budget(HashMap<(IpAddr, Arc<str>, bool), Spent>);

#[derive(Debug, Default)]
struct Spent {
    rows: u32,
    rest: Option<Record>,
}

impl Budget {
    /// The record if it gets a row of its own; else it is added to the rest.
    pub(super) fn spend(&mut self, record: Record) -> Option<Record> {
        // Who was let see something is known, and bounded as all who are known.
        if record.query.is_some() {
            return Some(record);
        }
        // What was done is not summed up with what was only tried.
        let done = record.outcome == Outcome::Success;
        let mut key = (network_of(record.client.ip), Arc::clone(&record.action), done);
        if self.0.len() >= KEYS && !self.0.contains_key(&key) {
            key.0 = Ipv4Addr::UNSPECIFIED.into();
        }
        let spent = match self.0.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Spent::default()),
        };
        if spent.rows < ROWS {
            spent.rows += 1;
            return Some(record);
        }
        match &mut spent.rest {
            Some(rest) => rest.absorb(record),
            none => *none = Some(record),
        }
        None
    }

    /// Ends the minute: what is left of it.
    pub(super) fn close(&mut self) -> impl Iterator<Item = Record> + use<> {
        std::mem::take(&mut self.0).into_values().filter_map(|spent| spent.rest)
    }
}

impl Record {
    /// Makes one of two: what they do not share is left out.
    fn absorb(&mut self, other: Self) {
        fn keep_shared<T: PartialEq>(one: &mut Option<T>, other: Option<T>) {
            if *one != other {
                *one = None;
            }
        }
        keep_shared(&mut self.code, other.code);
        keep_shared(&mut self.actor, other.actor);
        keep_shared(&mut self.session, other.session);
        keep_shared(&mut self.methods, other.methods);
        keep_shared(&mut self.target, other.target);
        keep_shared(&mut self.key_hash, other.key_hash);
        keep_shared(&mut self.client.user_agent, other.client.user_agent);
        keep_shared(&mut self.transport, other.transport);
        if self.client.proxies != other.client.proxies {
            self.client.proxies.clear();
        }
        self.is_program &= other.is_program;
        self.by_system &= other.by_system;
        if self.about != other.about {
            self.about = About::Nobody;
        }
        self.count = self.count.saturating_add(other.count);
        (self.outcome, self.status, self.occurred_at) = (other.outcome, other.status, other.occurred_at);
    }
}

/// A refusal like many others.
#[cfg(test)]
pub(super) fn sample() -> Record {
    Record {
        occurred_at: chrono::Utc::now(),
        action: "tasks.create".into(),
        outcome: Outcome::Denied,
        status: 403,
        code: Some(crate::problem::Code::Forbidden),
        actor: None,
        session: None,
        is_program: false,
        by_system: false,
        methods: None,
        about: About::Nobody,
        client: crate::request::ClientInfo {
            ip: Ipv4Addr::LOCALHOST.into(),
            proxies: Vec::new(),
            user_agent: None,
        },
        transport: Some(crate::request::Transport::Http),
        request: uuid::Uuid::now_v7(),
        trace: String::new(),
        method: "POST".to_owned(),
        route: "/v1/tasks".into(),
        target: None,
        key_hash: None,
        query: None,
        count: 1,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::problem::Code;

    fn record(ip: IpAddr, action: &str, actor: u128) -> Record {
        let mut record = Record { action: action.into(), actor: Some(Uuid::from_u128(actor)), ..sample() };
        record.client.ip = ip;
        record
    }

    #[test]
    fn after_sixty_rows_the_rest_is_one() {
        let mut budget = Budget::default();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let rows = (0..1000).filter_map(|actor| budget.spend(record(one, "tasks.create", actor / 990)));
        assert_eq!(rows.count(), 60);
        assert!(budget.spend(record(one, "tasks.update", 1)).is_some());
        assert!(budget.spend(record(other, "tasks.create", 1)).is_some());
        let rest: Vec<_> = budget.close().collect();
        assert_eq!(rest.len(), 1);
        assert_eq!((rest[0].count, rest[0].actor, rest[0].code), (940, None, Some(Code::Forbidden)));
        assert!(budget.spend(record(one, "tasks.create", 1)).is_some() && budget.close().count() == 0);
    }

    #[test]
    fn many_addresses_fill_no_memory() {
        let mut budget = Budget::default();
        let rows =
            (0..50_000_u32).filter_map(|ip| budget.spend(record(IpAddr::from(ip.to_be_bytes()), "a", 1)));
        assert!(rows.count() <= KEYS + 60);
        let kept: u32 = budget.close().map(|rest| rest.count).sum();
        assert!(kept >= 50_000 - u32::try_from(KEYS).unwrap() - 60);
        assert!(budget.0.is_empty());
    }
}
