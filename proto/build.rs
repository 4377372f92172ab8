//! Compiles the .proto files without protoc.

use std::{env, error::Error, fs, path::Path};

use prost::Message;
use prost_types::FileDescriptorSet;

const FILES: [&str; 9] = [
    "announcement_queries.proto",
    "announcements.proto",
    "audit.proto",
    "auth.proto",
    "events.proto",
    "task_queries.proto",
    "tasks.proto",
    "user_queries.proto",
    "users.proto",
];
/// Only what streams has a server and a client of its own.
const STREAMING: &str = "Events";

fn main() -> Result<(), Box<dyn Error>> {
    for directory in ["taskledger", "google"] {
        println!("cargo:rerun-if-changed={directory}");
    }
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES.map(|file| format!("taskledger/v1/{file}")))?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let mut files = FileDescriptorSet::decode(&*compiler.encode_file_descriptor_set())?;
    for file in &mut files.file {
        file.service.retain(|service| service.name() == STREAMING);
    }
    tonic_prost_build::configure().build_transport(false).compile_fds(files)?;
    Ok(())
}
