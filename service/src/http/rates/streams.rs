//! How many streams a client has open.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

use super::Rates;

/// Open streams by client; whoever has none is not in it.
#[derive(Debug, Default)]
pub(super) struct OpenStreams(Mutex<HashMap<Uuid, u32>>);

/// One open stream, counted until it is dropped, where streams are limited at all.
#[derive(Debug, Default)]
pub struct StreamSlot(Option<(Rates, Uuid)>);

impl Rates {
    /// Counts one stream more, unless the client has as many as that: then none are left.
    pub(super) fn open_stream(&self, client: Uuid, most: u32) -> Option<(StreamSlot, u32)> {
        let mut open = self.0.streams.lock();
        let count = open.entry(client).or_default();
        let left = most.checked_sub(*count + 1)?;
        *count += 1;
        Some((StreamSlot(Some((self.clone(), client))), left))
    }
}

impl OpenStreams {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, client: Uuid) {
        let mut open = self.lock();
        if let Some(count) = open.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&client);
            }
        }
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        if let Some((rates, client)) = &self.0 {
            rates.0.streams.close(*client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::RateLimits;

    #[test]
    fn each_client_has_its_streams_and_gets_them_back() {
        let rates = Rates::new(RateLimits::default());
        let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
        let open = |client| rates.open_stream(client, 2);
        let (first, left) = open(ann).unwrap();
        let (_second, none) = open(ann).unwrap();
        assert_eq!((left, none), (1, 0));
        assert!(open(ann).is_none() && open(bob).is_some());
        drop(first);
        assert!(open(ann).is_some() && open(ann).is_some());
        drop(_second);
        assert!(rates.0.streams.lock().is_empty());
    }
}
