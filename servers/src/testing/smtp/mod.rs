//! A real mail server for tests: aiosmtpd, which comes from the Python index with its hashes pinned.
//!
//! `server.pem` is a certificate for `localhost`, signed by `ca.pem`, whose key nobody has; they are good for a hundred years and
//! for nothing else.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;

use crate::{error::at, keeper::Kept, start::blocking};

use super::{
    own::{discard, own_home},
    python::{Pinned, Program},
    run::next_port,
};

const AIOSMTPD: Pinned = Pinned {
    name: "aiosmtpd",
    version: "1.4.6",
    lock: include_str!("aiosmtpd.lock"),
    inside: "aiosmtpd/smtp.py",
};
const FILES: [(&str, &str); 4] = [
    ("server.py", include_str!("server.py")),
    ("ca.pem", include_str!("ca.pem")),
    ("server.pem", include_str!("server.pem")),
    ("server.key", include_str!("server.key")),
];
const USER: &str = "tests@example.com";
const PASSWORD: &str = "p@ss/word";

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Never; the server knows no users.
    None,
    /// By STARTTLS, and users log in.
    Starttls,
    /// With the connection, and users log in.
    Wrapped,
}

/// A mail that the server has taken.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReceivedMail {
    /// To these addresses.
    pub to: Vec<String>,
    /// Over TLS.
    pub encrypted: bool,
    /// By somebody who has logged in.
    pub authenticated: bool,
    /// Head and body as they came.
    pub content: String,
}

/// A mail server of a test's own; it ends when dropped.
///
/// What it does with a mail depends on the recipient: `451x2+ann@example.com` is refused with 451 twice; see `server.py`.
#[derive(Debug)]
pub struct SmtpServer {
    program: Program,
    home: PathBuf,
    port: u16,
    tls: SmtpTls,
    kept: Kept,
}

/// Starts a mail server.
pub async fn smtp_server(tls: SmtpTls) -> SmtpServer {
    let program = blocking(|| AIOSMTPD.install()).await.unwrap_or_else(|error| panic!("{error}"));
    let (home, port) = (own_home(), next_port());
    configure(&home, port, tls).unwrap_or_else(|error| panic!("{error}"));
    let kept = run(&program, &home, port).await;
    SmtpServer { program, home, port, tls, kept }
}

impl SmtpServer {
    /// Where it is, with user and password where it knows users.
    pub fn url(&self) -> String {
        let (port, login) = (self.port, format!("{}:{}", encoded(USER), encoded(PASSWORD)));
        match self.tls {
            SmtpTls::None => format!("smtp://localhost:{port}"),
            SmtpTls::Starttls => format!("smtp://{login}@localhost:{port}?tls=required"),
            SmtpTls::Wrapped => format!("smtps://{login}@localhost:{port}"),
        }
    }

    /// The certificate to trust.
    pub fn ca_file(&self) -> PathBuf {
        self.home.join("ca.pem")
    }

    /// What it has taken so far, the oldest first.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        let text = std::fs::read_to_string(self.home.join("mails.jsonl")).unwrap_or_default();
        // The last line may be half written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).expect("a mail is JSON")).collect()
    }

    /// How often it was tried with an address that asks for a failure.
    pub fn tries(&self) -> usize {
        std::fs::read_to_string(self.home.join("tries")).unwrap_or_default().matches('\n').count()
    }

    /// Ends it; what it has taken stays.
    pub async fn stop(&mut self) {
        self.kept.stop().await;
    }

    /// Starts it again at the same place; it has forgotten how often it was tried.
    pub async fn start(&mut self) {
        self.kept = run(&self.program, &self.home, self.port).await;
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        discard(&self.kept, &self.home);
    }
}

fn encoded(text: &str) -> String {
    text.replace('@', "%40").replace('/', "%2F")
}

fn configure(home: &Path, port: u16, tls: SmtpTls) -> Result<(), crate::Error> {
    let tls = match tls {
        SmtpTls::None => "none",
        SmtpTls::Starttls => "starttls",
        SmtpTls::Wrapped => "wrapped",
    };
    let settings = json!({
        "port": port, "tls": tls, "certificate": "server.pem", "key": "server.key",
        "user": USER, "password": PASSWORD,
    });
    std::fs::create_dir_all(home).map_err(at(home))?;
    for (name, text) in FILES.into_iter().chain([("settings.json", settings.to_string().as_str())]) {
        let path = home.join(name);
        std::fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}

async fn run(program: &Program, home: &Path, port: u16) -> Kept {
    let ready = async || TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    let started = program.start(home, &["server.py", "settings.json"], ready).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}
