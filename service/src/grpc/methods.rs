//! The methods of the API, as its descriptors have them.

use std::sync::LazyLock;

use axum::http;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};

use super::rule::Rule;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(proto::DESCRIPTORS).expect("descriptors are whole once built"));

/// A unary method, and the HTTP request that it is.
#[derive(Clone, Debug)]
pub struct Method {
    service: String,
    path: String,
    input: MessageDescriptor,
    output: MessageDescriptor,
    rule: Rule,
}

impl Method {
    fn read(method: &MethodDescriptor) -> Option<Self> {
        let http = POOL.get_extension_by_name("google.api.http")?;
        let options = method.options();
        let rule = Rule::read(options.get_extension(&http).as_message()?)?;
        let service = method.parent_service().full_name().to_owned();
        Some(Self {
            path: format!("/{service}/{}", method.name()),
            service,
            input: method.input(),
            output: method.output(),
            rule,
        })
    }

    /// The service's full name, `taskledger.v1.Tasks`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Where it is called, `/taskledger.v1.Tasks/Create`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it takes.
    pub fn input(&self) -> &MessageDescriptor {
        &self.input
    }

    /// What it answers.
    pub fn output(&self) -> &MessageDescriptor {
        &self.output
    }

    /// The method of its HTTP request.
    pub fn verb(&self) -> &http::Method {
        self.rule.verb()
    }

    /// The path of its HTTP request, `/v1/tasks/{id}`; each variable is a field of the input.
    pub fn template(&self) -> &str {
        self.rule.template()
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }
}

/// All unary methods that say which HTTP request they are.
pub fn methods() -> impl Iterator<Item = Method> {
    let methods = POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.filter_map(|method| Method::read(&method))
}
