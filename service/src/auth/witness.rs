//! Who was found to be calling, for layers around the handlers.

use std::sync::{Arc, OnceLock};

use axum::http::request::Parts;

use super::Principal;

/// A layer puts one among the extensions of a request and looks at it when the answer is there. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<OnceLock<Principal>>);

impl Witness {
    /// Whose token was found good.
    pub fn principal(&self) -> Option<&Principal> {
        self.0.get()
    }

    pub(super) fn note(parts: &Parts, principal: &Principal) {
        if let Some(Self(seen)) = parts.extensions.get() {
            // Several extractors of one request find the same.
            let _known = seen.set(principal.clone());
        }
    }
}
