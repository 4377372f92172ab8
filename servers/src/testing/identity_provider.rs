//! A real OpenID provider for tests: nanoidp, which comes from the Python index with its hashes pinned.
//!
//! `nanoidp.lock` is what `uv pip compile --universal --generate-hashes` makes of `nanoidp==3.4.0`, without the packages that
//! only its server for agents needs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{Error, error::at, keeper::Kept, start::blocking};

use super::{
    own::{discard, own_home},
    python::{Pinned, Program},
    run::next_port,
};

const NAME: &str = "nanoidp";
const NANOIDP: Pinned = Pinned {
    name: NAME,
    version: "3.4.0",
    lock: include_str!("nanoidp.lock"),
    inside: "nanoidp/__main__.py",
};

/// A client that the provider knows.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Its name there.
    pub id: &'static str,
    /// How it proves who it is: `client_secret_basic`, `client_secret_post`, or `none` for a public one, which must use PKCE.
    pub method: &'static str,
    /// None for a public one.
    pub secret: Option<&'static str>,
    /// Where it has browsers sent back to.
    pub redirect_uri: &'static str,
}

/// An OpenID provider of a test's own; it ends when dropped.
///
/// Users are made with `POST /api/runtime/users`, keys are replaced with `POST /api/keys/rotate`.
#[derive(Debug)]
pub struct IdentityProvider {
    program: Program,
    home: PathBuf,
    port: u16,
    kept: Kept,
}

/// Starts a provider that knows these clients.
pub async fn identity_provider(clients: &[Client]) -> IdentityProvider {
    let program = blocking(|| NANOIDP.install()).await.unwrap_or_else(|error| panic!("{error}"));
    let (home, port) = (own_home(), next_port());
    configure(&home, port, clients).unwrap_or_else(|error| panic!("{error}"));
    let kept = run(&program, &home, port).await;
    IdentityProvider { program, home, port, kept }
}

impl IdentityProvider {
    /// Its name for itself, and where it is.
    pub fn issuer(&self) -> String {
        issuer(self.port)
    }

    /// Ends it; keys and configuration stay.
    pub async fn stop(&mut self) {
        self.kept.stop().await;
    }

    /// Starts it again at the same place. Users made at run time are gone.
    pub async fn start(&mut self) {
        self.kept = run(&self.program, &self.home, self.port).await;
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        discard(&self.kept, &self.home);
    }
}

fn issuer(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn configure(home: &Path, port: u16, clients: &[Client]) -> Result<(), Error> {
    std::fs::create_dir_all(home).map_err(at(home))?;
    let clients = clients.iter().map(|Client { id, method, secret, redirect_uri }| {
        let secret = secret.map(|secret| format!("      client_secret: \"{secret}\"\n"));
        format!(
            "    - client_id: \"{id}\"\n{}      token_endpoint_auth_method: \"{method}\"\n      \
             redirect_uris: [\"{redirect_uri}\"]\n",
            secret.unwrap_or_default()
        )
    });
    let settings = format!(
        "config_version: 1\nserver:\n  host: \"127.0.0.1\"\n  port: {port}\noauth:\n  issuer: \"{}\"\n  \
         audience: \"api\"\n  clients:\n{}",
        issuer(port),
        clients.collect::<String>()
    );
    for (name, text) in
        [("settings.yaml", settings.as_str()), ("users.yaml", "config_version: 1\nusers: {}\n")]
    {
        let path = home.join(name);
        std::fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}

async fn run(program: &Program, home: &Path, port: u16) -> Kept {
    let arguments = ["-m", NAME, "--config", &home.to_string_lossy()];
    let started = program.start(home, &arguments, || answers(port)).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

async fn answers(port: u16) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer.lines().next()?.contains(" 200 "))
    };
    matches!(timeout(Duration::from_secs(5), asked).await, Ok(Some(true)))
}
