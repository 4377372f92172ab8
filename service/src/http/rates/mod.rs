//! How often clients may ask: token buckets by person, by API key and by address, in this process alone.
//!
//! A request of somebody with a good token takes from the bucket of that person, and with a good key from that of the key,
//! so nobody else can empty it. Requests that bring no token but a secret to guess take from the bucket of their address. What is left is said in the fields of
//! draft-ietf-httpapi-ratelimit-headers-11. What stays open is not counted by time but while it is open.

mod bucket;
mod meter;
mod policy;
mod setting;
mod streams;

pub use self::{
    meter::{Meter, charge_address},
    setting::{InvalidRates, RateLimits},
    streams::StreamSlot,
};

use std::{hash::Hash, net::IpAddr, sync::Arc};

use quick_cache::sync::Cache;
use tokio::time::Instant;
use uuid::Uuid;

use self::{
    bucket::{Bucket, Level},
    policy::Policy,
    setting::Rate,
    streams::OpenStreams,
};
use crate::{auth::Principal, request::network_of};

/// Clients and addresses whose buckets are remembered, each; whoever is forgotten begins with a full one.
const REMEMBERED: usize = 50_000;

/// The buckets of a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: RateLimits,
    begun: Instant,
    clients: Buckets<Uuid>,
    addresses: Buckets<IpAddr>,
    streams: OpenStreams,
}

/// Buckets that are made when they are first needed. One table for clients and one for addresses: whoever has many
/// addresses must not make us forget clients.
type Buckets<K> = Cache<(Policy, K), Arc<Bucket>>;

/// Whose bucket a request takes from: a person's, or that of a key with perhaps a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Client {
    id: Uuid,
    rate: Option<Rate>,
}

impl From<&Principal> for Client {
    fn from(principal: &Principal) -> Self {
        let id = if principal.is_api_key() { principal.session_id } else { principal.user_id };
        Self { id, rate: principal.rate_per_minute.map(Rate::per_minute) }
    }
}

impl Rates {
    /// Full buckets for everybody.
    pub fn new(limits: RateLimits) -> Self {
        let (clients, addresses) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        let (begun, streams) = (Instant::now(), OpenStreams::default());
        Self(Arc::new(Inner { limits, begun, clients, addresses, streams }))
    }

    /// See [`Bucket::take`]; none where nothing is limited.
    fn take_of_client(
        &self,
        policy: Policy,
        client: Client,
        units: u32,
        taken: u32,
    ) -> Option<(Rate, Level)> {
        let rate = client.rate.unwrap_or(self.0.limits.rate(policy)?);
        self.take(&self.0.clients, (policy, client.id), rate, (units, taken))
    }

    fn take_of_address(&self, policy: Policy, address: IpAddr) -> Option<(Rate, Level)> {
        let rate = self.0.limits.rate(policy)?;
        self.take(&self.0.addresses, (policy, network_of(address)), rate, (1, 0))
    }

    fn take<K: Copy + Eq + Hash>(
        &self,
        buckets: &Buckets<K>,
        owner: (Policy, K),
        rate: Rate,
        (units, taken): (u32, u32),
    ) -> Option<(Rate, Level)> {
        let bucket = buckets.get_or_insert_with(&owner, || Ok::<_, ()>(Arc::default())).ok()?;
        Some((rate, bucket.take(rate, units, taken, self.0.begun.elapsed())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::principal;

    #[test]
    fn who_has_many_addresses_fills_no_memory() {
        let rates = Rates::new("login=1/h".parse().unwrap());
        let (person, policy) = (Client { id: Uuid::now_v7(), rate: None }, Policy::Write);
        rates.take_of_client(policy, person, 120, 0);
        for address in 0..200_000_u128 {
            let address = IpAddr::from((address << 64).to_be_bytes());
            assert!(rates.take_of_address(Policy::Login, address).unwrap().1.refused_for.is_none());
        }
        assert!(rates.0.addresses.len() <= REMEMBERED);
        assert!(rates.take_of_client(policy, person, 120, 0).unwrap().1.refused_for.is_some());
    }

    #[test]
    fn each_key_has_a_bucket_of_its_own_and_perhaps_a_rate() {
        let rates = Rates::new("write=2/h".parse().unwrap());
        let person = principal(0);
        let key = |rate_per_minute| Principal {
            session_id: Uuid::now_v7(),
            scopes: Some(Arc::from([])),
            rate_per_minute,
            ..person.clone()
        };
        let left = |principal: &Principal, policy| {
            let (rate, level) = rates.take_of_client(policy, principal.into(), 1, 0).unwrap();
            (rate.quota, level.left, level.refused_for.is_some())
        };
        let (plain, fast) = (key(None), key(Some(3000)));
        assert_eq!(
            [left(&plain, Policy::Write), left(&plain, Policy::Write)],
            [(2, 1, false), (2, 0, false)]
        );
        assert!(left(&plain, Policy::Write).2);
        assert_eq!(left(&person, Policy::Write), (2, 1, false));
        assert_eq!(left(&key(None), Policy::Write), (2, 1, false));
        assert_eq!(left(&fast, Policy::Write), (3000, 2999, false));
        assert_eq!(left(&fast, Policy::Read), (3000, 2999, false));
    }
}
