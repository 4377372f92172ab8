//! Ending well: one signal begins it, a deadline bounds it, a second signal cuts it short.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Seconds that work may take to end.
const DEADLINE: Duration = Duration::from_secs(20);
/// What a shell reports for a process that ctrl-c ended.
const KILLED: i32 = 130;

/// The end of a process: who must stop, who is still running, how long they may take. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    token: CancellationToken,
    tracker: TaskTracker,
    deadline: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new(DEADLINE)
    }
}

impl Shutdown {
    /// An end that may take as long as `deadline`.
    pub fn new(deadline: Duration) -> Self {
        Self { token: CancellationToken::new(), tracker: TaskTracker::new(), deadline }
    }

    /// Cancelled when the end begins.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// How long work may go on after the end has begun.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Runs a background task that [`Self::wait`] waits for; it watches [`Self::token`] itself.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tracker.spawn(task)
    }

    /// Begins the end.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Whether the end has begun.
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the end begins.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Waits until the end has begun and all tasks are done; false if the deadline passed first.
    pub async fn wait(&self) -> bool {
        self.begun().await;
        self.tracker.close();
        tokio::time::timeout(self.deadline, self.tracker.wait()).await.is_ok()
    }

    /// Begins the end at SIGINT or SIGTERM; the second signal ends the process at once.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if shutdown.has_begun() {
                    std::process::exit(KILLED);
                }
                shutdown.begin();
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_for_tasks_up_to_the_deadline() {
        let shutdown = Shutdown::default();
        let token = shutdown.token().clone();
        shutdown.spawn(async move { token.cancelled().await });
        shutdown.begin();
        assert!(shutdown.wait().await);

        let stuck = Shutdown::default();
        stuck.spawn(std::future::pending::<()>());
        stuck.begin();
        assert!(!stuck.wait().await);
    }
}
