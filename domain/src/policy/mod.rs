//! Who may do what: the policy table of the contract as one pure function.

mod action;
mod role;
mod scope;
mod streams;
mod table;

pub use action::Action;
pub use role::{Role, RoleSet};
pub use scope::{Scope, ScopeSet};
pub use streams::{Streamed, is_streamed, may_stream};
pub use table::{Decision, Relation, decide, decide_within, sees};
