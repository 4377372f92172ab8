//! Starts real servers and tries to leave some behind.

mod errors;
mod external;
mod parent;
mod start;
mod testing;
