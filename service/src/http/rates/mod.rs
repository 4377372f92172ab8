//! How often clients may ask: token buckets by person and by address, in this process alone.
//!
//! A request of somebody with a good token takes from the bucket of that person, so nobody else can empty it. Requests
//! that bring no token but a secret to guess take from the bucket of their address. What is left is said in the fields of
//! draft-ietf-httpapi-ratelimit-headers-11.

mod bucket;
mod meter;
mod policy;
mod setting;

pub use self::{
    meter::{Meter, charge_address},
    setting::{InvalidRates, RateLimits},
};

use std::{hash::Hash, net::IpAddr, sync::Arc};

use quick_cache::sync::Cache;
use tokio::time::Instant;
use uuid::Uuid;

use self::{
    bucket::{Bucket, Level},
    policy::Policy,
    setting::Rate,
};
use crate::request::network_of;

/// People and addresses whose buckets are remembered, each; whoever is forgotten begins with a full one.
const REMEMBERED: usize = 50_000;

/// The buckets of a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: RateLimits,
    begun: Instant,
    people: Buckets<Uuid>,
    addresses: Buckets<IpAddr>,
}

/// Buckets that are made when they are first needed. One table for people and one for addresses: whoever has many
/// addresses must not make us forget people.
type Buckets<K> = Cache<(Policy, K), Arc<Bucket>>;

impl Rates {
    /// Full buckets for everybody.
    pub fn new(limits: RateLimits) -> Self {
        let (people, addresses) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        Self(Arc::new(Inner { limits, begun: Instant::now(), people, addresses }))
    }

    /// See [`Bucket::take`].
    fn take_of_person(&self, policy: Policy, person: Uuid, units: u32, taken: u32) -> Option<(Rate, Level)> {
        self.take(&self.0.people, policy, person, (units, taken))
    }

    fn take_of_address(&self, policy: Policy, address: IpAddr) -> Option<(Rate, Level)> {
        self.take(&self.0.addresses, policy, network_of(address), (1, 0))
    }

    /// None where nothing is limited.
    fn take<K: Copy + Eq + Hash>(
        &self,
        buckets: &Buckets<K>,
        policy: Policy,
        owner: K,
        (units, taken): (u32, u32),
    ) -> Option<(Rate, Level)> {
        let rate = self.0.limits.rate(policy)?;
        let bucket = buckets.get_or_insert_with(&(policy, owner), || Ok::<_, ()>(Arc::default())).ok()?;
        Some((rate, bucket.take(rate, units, taken, self.0.begun.elapsed())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_many_addresses_fills_no_memory() {
        let rates = Rates::new("login=1/h".parse().unwrap());
        let (person, policy) = (Uuid::now_v7(), Policy::Write);
        rates.take_of_person(policy, person, 120, 0);
        for address in 0..200_000_u128 {
            let address = IpAddr::from((address << 64).to_be_bytes());
            assert!(rates.take_of_address(Policy::Login, address).unwrap().1.refused_for.is_none());
        }
        assert!(rates.0.addresses.len() <= REMEMBERED);
        assert!(rates.take_of_person(policy, person, 120, 0).unwrap().1.refused_for.is_some());
    }
}
