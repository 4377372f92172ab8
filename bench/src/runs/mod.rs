//! One file per question.

mod burst;
mod deliveries;
mod latency;
mod load;
mod logins;
mod reads;
mod rebuild;
mod seals;
mod sustained;

pub(crate) use self::{
    burst::burst, deliveries::deliveries, latency::latency, load::load, logins::logins, reads::reads,
    rebuild::rebuild, seals::seals, sustained::sustained,
};
