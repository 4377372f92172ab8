//! `/control`: how the core system behaves from now on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CoreSystem;

/// How a change is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// It is taken.
    #[default]
    Ok,
    /// Nobody is there: 503.
    Down,
    /// Not now.
    Retryable,
    /// Never.
    Reject,
    /// It is taken, but the answer comes after everybody has stopped waiting.
    Slow,
    /// Something else answers.
    Lie,
}

/// What it was told last.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    mode: Mode,
    /// Of changes of this task only.
    #[serde(default)]
    task: Option<Uuid>,
}

/// The wish in force; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Control(Arc<Mutex<Wish>>);

impl Control {
    pub(super) fn mode(&self, task: Uuid) -> Mode {
        let wish = *self.wish();
        if wish.task.is_none_or(|meant| meant == task) { wish.mode } else { Mode::Ok }
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is in force.
pub(super) async fn show(State(core): State<CoreSystem>) -> Json<Wish> {
    Json(*core.control.wish())
}

/// Puts it in force.
pub(super) async fn set(State(core): State<CoreSystem>, Json(wish): Json<Wish>) -> Json<Wish> {
    *core.control.wish() = wish;
    Json(wish)
}
