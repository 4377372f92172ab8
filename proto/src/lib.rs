//! The gRPC API as it is written down in `taskledger/v1`, and what is generated from it: all messages, and client and server
//! of `Events`. Unary methods need no server of their own: they are the HTTP API in another encoding.

#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[expect(
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    clippy::large_enum_variant,
    reason = "generated"
)]
mod generated {
    tonic::include_proto!("taskledger.v1");
}

/// Package `taskledger.v1`.
pub mod v1 {
    pub use super::generated::*;
}

/// All files and what they import, as an encoded `FileDescriptorSet` with the options of each method.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
