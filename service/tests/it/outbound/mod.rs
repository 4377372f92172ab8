//! Calls to receivers that lie, hang, and send people elsewhere.

mod hostile;
mod reach;
mod receiver;
mod tls;

use std::time::Duration;

use service::outbound::{Client, Limits, Options, Outside, Reach, Url};

/// Long enough for any machine: nothing that is expected to come waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// May call this machine, by its first address only.
fn options() -> Options {
    let outside = Outside {
        plain_http: true,
        ports: vec!["1024-65535".parse().unwrap()],
        allow: vec!["127.0.0.1:1024-65535".parse().unwrap()],
    };
    let limits = Limits { connect: PATIENCE, whole: PATIENCE, body: 64 * 1024 };
    Options { reach: Reach::Outside(outside), limits, ..Options::default() }
}

fn client(options: Options) -> Client {
    Client::new(options).unwrap()
}

fn url(host: &str, port: u16) -> Url {
    format!("http://{host}:{port}/hook").parse().unwrap()
}
