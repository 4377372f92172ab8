//! The projectors: one file or folder each.

pub mod audit;
mod binary;
mod decode;
mod literal;
pub mod task_search;
pub mod tasks;
pub mod users;
