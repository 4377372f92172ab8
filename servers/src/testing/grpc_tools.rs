//! Python with grpcio and grpcio-tools: an implementation of gRPC that is not ours, hashes pinned.
//!
//! `grpc_tools.lock` is what `uv pip compile --universal --generate-hashes` makes of `grpcio-tools==1.85.1`.

use std::process::Command;

use super::python::Pinned;

const GRPC_TOOLS: Pinned = Pinned {
    name: "grpcio-tools",
    version: "1.85.1",
    lock: include_str!("grpc_tools.lock"),
    inside: "grpc_tools/protoc.py",
};

/// Python that finds them, installed first if they are not; the caller adds what it is to run.
pub fn python_with_grpc() -> Command {
    GRPC_TOOLS.install().unwrap_or_else(|error| panic!("{error}")).command()
}
