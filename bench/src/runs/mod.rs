//! One file per question.

mod burst;
mod latency;
mod reads;
mod rebuild;
mod sustained;

pub(crate) use self::{burst::burst, latency::latency, reads::reads, rebuild::rebuild, sustained::sustained};
