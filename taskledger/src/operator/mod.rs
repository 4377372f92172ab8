//! Commands of the operator, beside a running product.

mod erase_again;
mod first_admin;
mod import;
mod keys;
pub(crate) mod migrate;
mod rebuild;
mod replay;
mod reseed;
mod target;
mod verify;

pub(crate) use erase_again::{EraseAgain, erase_again};
pub(crate) use first_admin::{MakeFirstAdmin, first_admin};
pub(crate) use import::{Import, import};
pub(crate) use keys::{Keys, keys};
pub(crate) use migrate::Migrate;
pub(crate) use rebuild::{Rebuild, rebuild};
pub(crate) use replay::{Replay, replay};
pub(crate) use reseed::{Reseed, reseed};
pub(crate) use verify::{Verify, verify};
