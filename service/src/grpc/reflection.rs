//! `grpc.reflection`: what there is to call, for those who develop against it.

use std::collections::BTreeSet;

use axum::Router;
use tonic_reflection::server::{Builder, Error};

/// Questions are short (bytes).
const MAX_QUESTION: usize = 64 * 1024;

/// Adds reflection in both versions that clients ask for.
pub(super) fn add(router: Router, offered: &BTreeSet<&'static str>) -> Router {
    match services(router.clone(), offered) {
        Ok(router) => router,
        Err(error) => {
            tracing::error!(%error, "no reflection");
            router
        }
    }
}

fn services(router: Router, offered: &BTreeSet<&'static str>) -> Result<Router, Error> {
    let v1 = builder(offered).build_v1()?.max_decoding_message_size(MAX_QUESTION);
    let v1alpha = builder(offered).build_v1alpha()?.max_decoding_message_size(MAX_QUESTION);
    Ok(router
        .route_service("/grpc.reflection.v1.ServerReflection/{method}", v1)
        .route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", v1alpha))
}

fn builder(offered: &BTreeSet<&'static str>) -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    offered.iter().fold(builder, |builder, name| builder.with_service_name(*name))
}
