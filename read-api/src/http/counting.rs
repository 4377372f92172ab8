//! `count=exact|estimate`

use service::query::Query;

use super::task_query::one_of;
use crate::queries::Counting;

/// Whether and how the size of the whole list is asked for.
pub(super) fn counting(query: &mut Query) -> Option<Counting> {
    query.one("count", |word| one_of(&Counting::WORDS, word))
}
