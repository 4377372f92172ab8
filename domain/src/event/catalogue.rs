//! Enums of events: variant, payload, stored type and version in one line.

use serde::{Deserialize, Serialize};

/// The value before and the value after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Change<T> {
    /// Before.
    pub from: T,
    /// After.
    pub to: T,
}

/// The payload of an event that says all by its type: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Nothing {}

/// Makes an enum of events, each line `Variant(Payload) = "type" v "version"`.
macro_rules! events {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident($payload:ty) = $event_type:literal v $version:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $event_type)] $variant($payload)),+
        }

        impl $name {
            /// Every type with the version in which it is written today.
            pub const TYPES: &'static [(&'static str, &'static str)] = &[$(($event_type, $version)),+];

            /// Type and version, as the log's columns hold them.
            pub fn stored_type(&self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$variant(_) => ($event_type, $version)),+
                }
            }
        }

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                self.stored_type().0.into()
            }

            fn event_version(&self) -> String {
                self.stored_type().1.into()
            }
        }
    };
}

pub(crate) use events;
