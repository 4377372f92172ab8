//! Real servers for tests, quick to have: one Postgres and one nats-server per `cargo test`, shared by all its test
//! binaries, ended and removed when cargo is gone.
//!
//! A test takes a [`database`] of its own, cloned from a [`Template`] that is migrated once per run, and an account
//! of its own on [`nats`], so that streams of the same name never meet. Tests that kill or restart a server take
//! [`own_postgres`] and [`own_nats`] instead. Those that log in by an outside provider take an [`identity_provider`], and
//! those that send mails an [`smtp_server`], which are always theirs alone. A [`checker`] says what strangers make of what
//! we send. Everything here panics when it fails: it is for tests only.
//!
//! ```no_run
//! use servers::testing::{self, Template};
//!
//! # async fn migrate(url: &str) -> Result<(), std::io::Error> { Ok(()) }
//! /// Name a template by what is migrated: equal names share one template in a run.
//! fn template() -> Template {
//!     Template::new("event_store", |url| async move { migrate(&url).await })
//! }
//!
//! #[tokio::test]
//! async fn appends_survive_a_restart() {
//!     let database = testing::database(&template()).await; // dropped when it goes out of scope
//!     let nats = testing::nats().await;
//!     println!("{} {}", database.url(), nats.url());
//!
//!     let mut postgres = testing::own_postgres(&template()).await; // durable, this test's alone
//!     postgres.kill().await; // SIGKILL
//!     postgres.start().await; // same port, same data
//!     println!("{}", postgres.url());
//! }
//! ```
//!
//! In `Cargo.toml`: `[dev-dependencies] servers = { workspace = true, features = ["testing"] }`.

mod checker;
mod databases;
mod grpc_tools;
mod identity_provider;
mod nats_py;
mod own;
mod python;
mod run;
mod smtp;
mod template;

pub use checker::{Checker, checker};
pub use databases::{TestDatabase, database};
pub use grpc_tools::python_with_grpc;
pub use identity_provider::{Client, IdentityProvider, identity_provider};
pub use nats_py::python_with_nats;
pub use own::{OwnNats, OwnPostgres, own_nats, own_nats_of, own_postgres};
pub use run::{TestNats, nats};
pub use smtp::{ReceivedMail, SmtpServer, SmtpTls, smtp_server};
pub use template::Template;
