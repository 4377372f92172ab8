//! Aggregates that a projection has stopped following.

use std::collections::HashMap;

use uuid::Uuid;

use super::Projection;

/// Which aggregates are parked, and since which position.
#[derive(Debug, Default)]
pub struct Parked(HashMap<(Projection, Uuid), i64>);

impl Parked {
    /// Since which position this aggregate is parked in one of these projections.
    pub fn since(&self, projections: &[Projection], aggregate: Uuid) -> Option<i64> {
        if self.0.is_empty() {
            return None;
        }
        projections.iter().filter_map(|one| self.0.get(&(*one, aggregate))).min().copied()
    }

    /// Whether anything at all is parked in one of these projections.
    pub fn any(&self, projections: &[Projection]) -> bool {
        self.0.keys().any(|(projection, _)| projections.contains(projection))
    }
}

impl FromIterator<(Projection, Uuid, i64)> for Parked {
    fn from_iter<I: IntoIterator<Item = (Projection, Uuid, i64)>>(parked: I) -> Self {
        Self(
            parked
                .into_iter()
                .map(|(projection, aggregate, position)| ((projection, aggregate), position))
                .collect(),
        )
    }
}
