//! One file per question.

mod as_of;
mod audit;
mod burst;
mod deliveries;
mod latency;
mod load;
mod logins;
mod reads;
mod rebuild;
mod seals;
mod subscribers;
mod sustained;

pub(crate) use self::{
    as_of::as_of, audit::audit, burst::burst, deliveries::deliveries, latency::latency, load::load,
    logins::logins, reads::reads, rebuild::rebuild, seals::seals, subscribers::subscribers,
    sustained::sustained,
};
