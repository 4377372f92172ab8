//! Python with nats-py: a client of NATS that is not ours, hashes pinned.
//!
//! `nats_py.lock` is what `uv pip compile --universal --generate-hashes` makes of `nats-py==2.16.0`.

use std::process::Command;

use super::python::Pinned;

const NATS_PY: Pinned = Pinned {
    name: "nats-py",
    version: "2.16.0",
    lock: include_str!("nats_py.lock"),
    inside: "nats/__init__.py",
};

/// Python that finds it, installed first if it is not; the caller adds what it is to run.
pub fn python_with_nats() -> Command {
    NATS_PY.install().unwrap_or_else(|error| panic!("{error}")).command()
}
