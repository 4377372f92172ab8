//! The three services as processes of their own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use servers::testing::{self, Template};

use crate::process::{directory, get, get_when_there, post, taskledger, until};
use crate::system::free_port;

/// The binary of another package of the workspace; `cargo test --workspace` has made it.
fn binary(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_taskledger")).with_file_name(name);
    if !path.exists() {
        let build = Command::new(env!("CARGO")).args(["build", "--package", name, "--bin", name]).status();
        assert!(build.expect("cargo runs").success(), "{name} can be built");
    }
    path
}

/// A service that ends when dropped.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    fn start(name: &str, settings: &[(&str, String)]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(binary(name));
        command.env("LISTEN", &address).envs(settings.iter().map(|(name, value)| (name, value)));
        let child = command.env("RUST_LOG", "error").stdin(Stdio::null()).spawn().expect("the service runs");
        Self { child, url: format!("http://{address}") }
    }

    fn is_ready(&self) -> bool {
        std::net::TcpStream::connect(&self.url["http://".len()..]).is_ok()
            && get(&self.url, "/readyz").0 == 200
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn settings(database: &str, nats: &str, key: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("EVENT_STORE_URL", database.to_owned()),
        ("READ_MODEL_URL", database.to_owned()),
        ("NATS_URL", nats.to_owned()),
        ("TASKLEDGER_SECRET_KEY_FILE", key.to_string_lossy().into_owned()),
    ]
}

fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let (_, rest) = json.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {json}"));
    rest.trim_start_matches('"').split(['"', ',', '}']).next().expect("a field has a value")
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_do_what_the_one_does() {
    let database = testing::database(&Template::empty()).await;
    let nats = testing::nats().await;
    let data = directory();
    let key = data.path().join("secret.key");
    std::fs::write(&key, "7".repeat(64)).unwrap();
    let mut settings = settings(database.url(), nats.url(), &key);
    for (command, password) in [("migrate", ""), ("first-admin", "correct horse battery 7")] {
        let mut taskledger = taskledger();
        taskledger.arg(command).envs(settings.iter().map(|(name, value)| (name, value)));
        if !password.is_empty() {
            taskledger.env("TASKLEDGER_ADMIN_PASSWORD", password);
        }
        assert!(taskledger.stdout(Stdio::null()).status().unwrap().success(), "{command}");
    }

    let commands = Service::start("command-api", &settings);
    settings.push(("JWKS_URL", format!("{}/.well-known/jwks.json", commands.url)));
    let projections = Service::start("projections", &settings);
    let queries = Service::start("read-api", &settings);
    for service in [&commands, &projections, &queries] {
        until(|| service.is_ready());
    }

    let login = r#"{"email": "admin@localhost", "password": "correct horse battery 7"}"#;
    let (status, session) = post(&commands.url, "/v1/auth/login", None, login);
    assert_eq!(status, 200, "{session}");
    let token = field(&session, "access_token");
    let (status, created) = post(&commands.url, "/v1/tasks", Some(token), r#"{"title": "Work apart"}"#);
    assert_eq!(status, 201, "{created}");
    let path = format!("/v1/tasks/{}?min_position={}", field(&created, "id"), field(&created, "position"));
    let (status, found) = get_when_there(&queries.url, &path, Some(token));
    assert_eq!((status, field(&found, "title")), (200, "Work apart"), "{found}");
}
