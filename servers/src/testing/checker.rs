//! Python with published libraries that judge what we send: the CloudEvents SDK, and a validator of JSON Schema.
//!
//! `cloudevents.lock` is what `uv pip compile --universal --generate-hashes --python-version 3.10` makes of `cloudevents==2.2.0` and
//! `jsonschema==4.26.0`.

use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use crate::{error::at, start::blocking};

use super::python::{Pinned, Program};

const CLOUDEVENTS: Pinned = Pinned {
    name: "cloudevents",
    version: "2.2.0-jsonschema-4.26.0",
    lock: include_str!("cloudevents.lock"),
    inside: "cloudevents/core/v1/event.py",
};

/// Runs scripts that judge.
#[derive(Debug)]
pub struct Checker(Program);

/// Python that knows `cloudevents` and `jsonschema`.
pub async fn checker() -> Checker {
    Checker(blocking(|| CLOUDEVENTS.install()).await.unwrap_or_else(|error| panic!("{error}")))
}

impl Checker {
    /// Runs a script to its end, with this as its standard input.
    pub async fn run(&self, script: &Path, input: String) -> Output {
        let mut command = self.0.command();
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = move || {
            let mut child = command.spawn().map_err(at(Path::new("python3")))?;
            let mut stdin = child.stdin.take();
            let writing =
                std::thread::spawn(move || stdin.as_mut().map(|pipe| pipe.write_all(input.as_bytes())));
            let output = child.wait_with_output().map_err(at(Path::new("python3")));
            // A script that ends before it has read everything says why itself.
            drop(writing.join());
            output
        };
        blocking(run).await.unwrap_or_else(|error| panic!("{error}"))
    }
}
