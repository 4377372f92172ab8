//! Faults and when they strike: planned from a seed, counted in answers, never in seconds.

use std::fmt;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::load::{Load, Shared};
use crate::system::{Service, System};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    KillCommandApi,
    KillProjections,
    KillReadApi,
    KillNats,
    WipeNats,
    StopPostgres,
    KillPostgres,
    /// The second process of the write side.
    KillSecond,
}

/// One fault of a plan.
#[derive(Clone, Copy, Debug)]
struct Strike {
    fault: Fault,
    /// Answers that clients get before it strikes.
    after: u64,
    /// What clients see of it before it is mended: refused attempts where commands cannot go on, else answers.
    lasts: u64,
}

/// Faults in order.
#[derive(Debug)]
pub(super) struct Plan {
    seed: u64,
    strikes: Vec<Strike>,
}

impl Plan {
    /// Every one of these faults, in an order and at moments that the seed tells.
    pub(super) fn new(seed: u64, faults: &[Fault]) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let order: Vec<_> = faults.sample(&mut random, faults.len()).copied().collect();
        let strike =
            |fault| Strike { fault, after: random.random_range(20..120), lasts: random.random_range(1..40) };
        Self { seed, strikes: order.into_iter().map(strike).collect() }
    }

    /// Carries the plan out under load.
    pub(super) async fn carry_out(&self, system: &mut System, mut second: Option<&mut Service>, load: &Load) {
        for strike in &self.strikes {
            load.reached(Shared::answered, load.shared.answered() + strike.after).await;
            let victims = &mut Victims { system, second: second.as_deref_mut() };
            victims.strike(strike.fault).await;
            if strike.fault.stops_commands() {
                load.reached(Shared::unanswered, load.shared.unanswered() + strike.lasts).await;
            } else {
                load.reached(Shared::answered, load.shared.answered() + strike.lasts).await;
            }
            victims.mend(strike.fault).await;
        }
        load.reached(Shared::answered, load.shared.answered() + 50).await;
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}:", self.seed)?;
        self.strikes.iter().try_for_each(|Strike { fault, after, lasts }| {
            write!(f, " {fault:?} after {after} answers for {lasts};")
        })
    }
}

impl Fault {
    fn stops_commands(self) -> bool {
        matches!(self, Self::KillCommandApi | Self::StopPostgres | Self::KillPostgres)
    }
}

struct Victims<'a> {
    system: &'a mut System,
    second: Option<&'a mut Service>,
}

impl Victims<'_> {
    async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::KillNats => self.system.nats.kill().await,
            Fault::WipeNats => {
                self.system.nats.kill().await;
                self.system.nats.wipe();
            }
            Fault::StopPostgres => self.system.postgres.stop().await,
            Fault::KillPostgres => self.system.postgres.kill().await,
            _ => self.service(fault).kill().await,
        }
    }

    async fn mend(&mut self, fault: Fault) {
        match fault {
            Fault::KillNats | Fault::WipeNats => self.system.nats.start().await,
            Fault::StopPostgres | Fault::KillPostgres => self.system.postgres.start().await,
            _ => self.service(fault).start(),
        }
    }

    fn service(&mut self, fault: Fault) -> &mut Service {
        match fault {
            Fault::KillProjections => &mut self.system.projections,
            Fault::KillReadApi => &mut self.system.read_api,
            Fault::KillSecond => self.second.as_deref_mut().expect("there is a second"),
            _ => &mut self.system.command_api,
        }
    }
}
