//! What only a handler knows about its request.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use uuid::Uuid;

use super::{About, Target};
use crate::problem::Code;

/// What a handler leaves behind. Cheap to clone; one that nobody put there leads nowhere.
#[derive(Clone, Debug, Default)]
pub struct Trail(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) user: Option<Uuid>,
    pub(super) session: Option<Uuid>,
    pub(super) methods: Option<Vec<String>>,
    pub(super) about: About,
    pub(super) shown: bool,
    pub(super) done: Option<(Target, String)>,
    /// Commands of several that were refused, or had nothing to do.
    pub(super) parts: Vec<(Option<Target>, StatusCode, Option<Code>)>,
}

impl Trail {
    /// Somebody says to be the one with this e-mail address.
    pub fn claims_to_be(&self, email: Option<&str>) {
        self.note(|facts| {
            facts.about = email.map_or(About::Nobody, |email| About::Address(email.to_owned()))
        });
    }

    /// Somebody shows a token of this session, good or not.
    pub fn shows(&self, session: Option<Uuid>) {
        self.note(|facts| facts.about = session.map_or(About::Nobody, About::Session));
    }

    /// It is that person, now in this session, who has proved it by these methods (`amr`).
    pub fn came_in(&self, user: Uuid, session: Uuid, methods: &[String]) {
        self.note(|facts| (facts.user, facts.session) = (Some(user), Some(session)));
        self.proved(methods);
    }

    /// Whoever it is has proved it by these methods.
    pub fn proved(&self, methods: &[String]) {
        self.note(|facts| facts.methods = Some(methods.to_vec()));
    }

    /// The answer shows what is somebody else's affair: it must be known who has seen it.
    pub fn shows_what_is_not_theirs(&self) {
        self.note(|facts| facts.shown = true);
    }

    /// What was done, and to what: of acts that leave no event. Written like a query, `to=3&from=17`.
    pub fn did(&self, target: Target, what: String) {
        self.note(|facts| facts.done = Some((target, what)));
    }

    /// One command among several was refused; of one that nobody understood it is not known to what.
    pub fn refused(&self, target: Option<Target>, status: StatusCode, code: Option<Code>) {
        self.note(|facts| facts.parts.push((target, status, code)));
    }

    /// One command among several had nothing to do.
    pub fn was_already_so(&self, target: Target) {
        self.note(|facts| facts.parts.push((Some(target), StatusCode::OK, None)));
    }

    pub(super) fn take(&self) -> Facts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note<T>(&self, note: impl FnOnce(&mut Facts) -> T) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<S: Sync> FromRequestParts<S> for Trail {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
