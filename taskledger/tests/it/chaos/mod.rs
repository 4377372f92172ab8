//! Everything dies under load, and nothing is lost, doubled, reordered or wrong.
//!
//! `CHAOS_SEEDS=n` runs each test with n seeds, `CHAOS_SEED=s` begins with seed s, `CHAOS_SECONDS=t` repeats the faults
//! of a run for that long. Faults strike by counts of answers, so a slow machine has the same run.

mod aftermath;
mod faults;
mod history;
mod load;
mod negative;
mod poison;

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::system::System;
use aftermath::Aftermath;
use faults::{Fault, Plan};
use history::Summary;
use load::Load;

/// Plans of one test, a seed each.
fn seeds() -> impl Iterator<Item = u64> {
    let first = setting("CHAOS_SEED").unwrap_or(20_261_121);
    first..first + setting("CHAOS_SEEDS").unwrap_or(1)
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// Runs the faults under load, once or for as long as is wished, and looks at what is left.
async fn survives(faults: &[Fault]) {
    for seed in seeds() {
        let mut system = System::start().await;
        let mut second = None;
        let mut writers = vec![system.admin().await];
        if faults.contains(&Fault::KillSecond) {
            let service = system.second_command_api().await;
            writers.push(writers[0].at(&service.url));
            second = Some(service);
        }
        let reader = writers[0].at(&system.read_api.url);
        let load = Load::start(&writers, &reader, seed);
        let until = Instant::now() + Duration::from_secs(setting("CHAOS_SECONDS").unwrap_or(0));
        for round in 0.. {
            let plan = Plan::new(seed.wrapping_add(round << 32), faults);
            say(&plan);
            plan.carry_out(&mut system, second.as_mut(), &load).await;
            if Instant::now() >= until {
                break;
            }
        }
        let clients = load.finish().await;
        say(&Summary(&clients));
        Aftermath::of(&system).await.holds(&clients).await;
        system.end().await;
    }
}

#[expect(clippy::print_stdout, reason = "a run that failed can be repeated by its seed")]
fn say(words: &impl Display) {
    println!("{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_killed() {
    survives(&[Fault::KillCommandApi, Fault::KillProjections, Fault::KillReadApi, Fault::KillCommandApi])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_is_killed_and_its_disk_is_wiped() {
    survives(&[Fault::KillNats, Fault::WipeNats, Fault::WipeNats]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_stopped_and_killed() {
    survives(&[Fault::StopPostgres, Fault::KillPostgres]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_write_and_relay() {
    survives(&[Fault::KillSecond, Fault::KillCommandApi, Fault::WipeNats]).await;
}
