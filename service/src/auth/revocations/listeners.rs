//! Whom it is told that a user's rights have changed.

use std::{
    fmt,
    sync::{PoisonError, RwLock},
};

use uuid::Uuid;

type Listener = Box<dyn Fn(Uuid) + Send + Sync>;

#[derive(Default)]
pub(super) struct Listeners(RwLock<Vec<Listener>>);

impl Listeners {
    pub(super) fn add(&self, listener: impl Fn(Uuid) + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    pub(super) fn tell(&self, users: &[Uuid]) {
        let listeners = self.0.read().unwrap_or_else(PoisonError::into_inner);
        users.iter().for_each(|user| listeners.iter().for_each(|listener| listener(*user)));
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listeners")
    }
}
