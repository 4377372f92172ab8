//! Brings another tracker's history in through commands: `docs/import.md`.

mod case;
mod mapping;
mod people;
mod report;
mod run;
mod source;

pub(crate) use self::{
    mapping::{Mapping, MappingError},
    report::Report,
    run::{ImportError, Importer},
    source::{Source, SourceError},
};
