//! One file per question.

mod burst;
mod latency;
mod load;
mod reads;
mod rebuild;
mod sustained;

pub(crate) use self::{
    burst::burst, latency::latency, load::load, reads::reads, rebuild::rebuild, sustained::sustained,
};
