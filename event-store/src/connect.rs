//! How to connect: with which rights and with plans that stay good.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// The rights that a connection takes on, whoever logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// command-api: appends through the function, writes the write side's other tables.
    Command,
    /// projections: reads the log.
    Projections,
    /// read-api: reads the log.
    Read,
}

impl Role {
    /// The role's name in Postgres.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "taskledger_command",
            Self::Projections => "taskledger_projections",
            Self::Read => "taskledger_read",
        }
    }
}

/// Connection options for the log: `role` set at start, so that its rights hold even for the owner's login; the schema
/// in `search_path`; no sequential scans, because a plan cached while the log was empty would keep them for good.
pub fn connect_options(url: &str, role: Role) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?.options([
        ("role", role.as_str()),
        ("search_path", "event_store"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
    ]))
}
