//! Servers of a test's own, to be killed and started again.

use std::path::{Path, PathBuf};

use crate::keeper::Kept;
use crate::nats::{self, Nats};
use crate::postgres::{self, Postgres, ensure_database};

use super::Template;
use super::run::{nats_instance, next_port, postgres_instance, temporary};

const DATABASE: &str = "own";
const USER: &str = "own";

/// As the all-in-one has it: what is committed survives a SIGKILL.
const DURABLE: &[(&str, &str)] = &[("max_connections", "200"), ("shared_buffers", "128MB")];

/// A durable Postgres of its own for a test, with one database; it ends when dropped.
#[derive(Debug)]
pub struct OwnPostgres {
    instance: postgres::Instance,
    server: Postgres,
}

/// Starts a Postgres and migrates one database in it.
pub async fn own_postgres(template: &Template) -> OwnPostgres {
    let instance = postgres_instance(own_home(), DURABLE, std::process::id()).await;
    let started = instance.start(Some(next_port()), None, Some(&instance.home)).await;
    let server = started.unwrap_or_else(|error| panic!("{error}"));
    ensure_database(&server, DATABASE).await.unwrap_or_else(|error| panic!("{error}"));
    template.migrate(server.url(DATABASE)).await;
    OwnPostgres { instance, server }
}

impl OwnPostgres {
    /// The owner's URL; stays the same over restarts.
    pub fn url(&self) -> String {
        self.server.url(DATABASE)
    }

    /// Process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.server.kept.pid().expect("the server runs")
    }

    /// SIGKILL; returns when the postmaster is gone. The data stay.
    pub async fn kill(&mut self) {
        self.server.kept.kill().await;
    }

    /// Immediate shutdown: connections break at once, the next start recovers from the log. The data stay.
    pub async fn stop(&mut self) {
        self.server.kept.stop().await;
    }

    /// Starts again after [`kill`](Self::kill) or [`stop`](Self::stop), on the same port and data.
    pub async fn start(&mut self) {
        let started = self.instance.start(Some(self.server.port), None, Some(&self.instance.home)).await;
        self.server = started.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// A nats-server of its own for a test; it ends when dropped.
#[derive(Debug)]
pub struct OwnNats {
    instance: nats::Instance,
    server: Nats,
    user: String,
    password: String,
}

/// Starts a nats-server with JetStream.
pub async fn own_nats() -> OwnNats {
    let password = postgres::password();
    let users = format!("authorization {{ user: {USER}, password: \"{password}\" }}");
    own_nats_of(users, USER, &password).await
}

/// The same with these users, in nats-server's own language, one of whom is the one that the URL names.
pub async fn own_nats_of(users: String, user: &str, password: &str) -> OwnNats {
    let instance = nats_instance(own_home(), users, std::process::id()).await;
    let started = instance.start(Some(next_port()), None, Some(&instance.home)).await;
    let server = started.unwrap_or_else(|error| panic!("{error}"));
    OwnNats { instance, server, user: user.to_owned(), password: password.to_owned() }
}

impl OwnNats {
    /// URL with user and password; stays the same over restarts.
    pub fn url(&self) -> String {
        self.server.url(&self.user, &self.password)
    }

    /// Process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.kept.pid().expect("the server runs")
    }

    /// SIGKILL; returns when the server is gone. The data stay.
    pub async fn kill(&mut self) {
        self.server.kept.kill().await;
    }

    /// Orderly shutdown. The data stay.
    pub async fn stop(&mut self) {
        self.server.kept.stop().await;
    }

    /// Removes all streams; only while it is not running.
    pub fn wipe(&mut self) {
        assert!(self.server.kept.has_ended(), "kill or stop it first");
        let store = self.instance.home.join("jetstream");
        std::fs::remove_dir_all(&store).expect("the store can be removed");
    }

    /// Starts again after [`kill`](Self::kill) or [`stop`](Self::stop), on the same port and data.
    pub async fn start(&mut self) {
        let started = self.instance.start(Some(self.server.port), None, Some(&self.instance.home)).await;
        self.server = started.unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        discard(&self.server.kept, &self.instance.home);
    }
}

impl Drop for OwnNats {
    fn drop(&mut self) {
        discard(&self.server.kept, &self.instance.home);
    }
}

pub(super) fn discard(kept: &Kept, home: &Path) {
    if kept.has_ended() {
        drop(std::fs::remove_dir_all(home));
    } else {
        kept.discard();
    }
}

pub(super) fn own_home() -> PathBuf {
    let name = format!("taskledger-tests-{}-{:08x}", std::process::id(), rand::random::<u32>());
    temporary().join(name)
}
