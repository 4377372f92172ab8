use std::{collections::HashMap, sync::atomic::AtomicI64};

use event_store::seals::{Ledger, Standing};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};
use service::metrics::Metrics;

use super::Setback;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Log {
    log: &'static str,
}

impl From<Ledger> for Log {
    fn from(ledger: Ledger) -> Self {
        Self { log: ledger.as_str() }
    }
}

type PerLog = Family<Log, Gauge<i64, AtomicI64>>;

/// What is known of both logs, as gauges; what goes wrong is said once until it changes.
#[derive(Debug, Default)]
pub(super) struct StatusBoard {
    sealed: PerLog,
    unsealed: PerLog,
    alarm: PerLog,
    said: HashMap<Ledger, String>,
}

impl StatusBoard {
    pub(super) fn register(&self, metrics: &Metrics) {
        metrics.register(|registry| {
            registry.register("seals_position", "Last position that is sealed", self.sealed.clone());
            registry.register("seals_unsealed_events", "Events not yet sealed", self.unsealed.clone());
            let help = "The log is not what was sealed: run taskledger verify";
            registry.register("seals_alarm", help, self.alarm.clone());
        });
    }

    pub(super) fn stands(&self, ledger: Ledger, standing: &Standing) {
        self.sealed.get_or_create(&ledger.into()).set(standing.sealed());
        self.unsealed.get_or_create(&ledger.into()).set((standing.head - standing.sealed()).max(0));
    }

    pub(super) fn note(&mut self, ledger: Ledger, outcome: &Result<(), Setback>) {
        let alarm = outcome.as_ref().is_err_and(Setback::is_alarm);
        self.alarm.get_or_create(&ledger.into()).set(alarm.into());
        let words = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        if self.said.get(&ledger).map_or("", String::as_str) == words {
            return;
        }
        let log = ledger.as_str();
        match (alarm, words.is_empty()) {
            (_, true) => tracing::info!(log, "sealing goes on"),
            (true, false) => tracing::error!(log, "nothing more is sealed: {words}"),
            (false, false) => tracing::warn!(log, "nothing is sealed now: {words}"),
        }
        self.said.insert(ledger, words);
    }
}
