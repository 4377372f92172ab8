//! Pages of the documentation whose commands are run as they stand there, against a fresh installation with the demo's data.
//!
//! Every block that begins with ` ```sh ` is run, one after the other in one bash; one that begins with ` ```python NAME ` is a program
//! that later ones find under that name. The folder has `docs`, `proto` and the installation's `.taskledger` as the repository
//! has, and `cargo run --` is the program under test. `URL` (and `BASE`, and `TARGET` for gRPC) names the installation, `TOKEN` is
//! the admin's, `RECEIVER` an address that webhooks may call.

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::{ConnectOptions, Event};
use serde_json::{Value, json};
use servers::testing;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::client::PASSWORD;
use crate::process::{Up, directory, post};
use crate::system::{PATIENCE, free_port};

macro_rules! walks {
    ($($name:ident: $($page:ident),+;)+) => {$(
        #[test]
        fn $name() {
            work(&[$(concat!(stringify!($page), ".md")),+]);
        }
    )+};
}

walks! {
    auditors: auditors;
    integrators: integrators;
    integrity: integrity;
    exports: exports;
    following: events, grpc;
    time_travel_and_devices: history, sync, erasure;
}

/// Longest time for the commands of one page.
const A_PAGE: Duration = Duration::from_secs(600);
/// What a page may need beside bash.
const TOOLS: [&str; 4] = ["curl", "jq", "python3", "openssl"];

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}

fn read(page: &str) -> String {
    std::fs::read_to_string(repository().join("docs").join(page)).expect("the page is there")
}

/// Runs pages, one after the other.
#[track_caller]
fn work(pages: &[&str]) {
    let (data, receiver) = (directory(), format!("127.0.0.1:{}", free_port()));
    let up = Up::start_with(data.path(), |command| {
        command.arg("--demo").env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD).env("SEAL_AFTER", "1s");
        command.env("OUTBOUND_ALLOW", &receiver);
    });
    for page in pages {
        walk(&up, data.path(), page, &[("RECEIVER", &receiver)]);
    }
    assert!(up.end("INT").success());
}

/// Runs one page against an installation.
#[track_caller]
fn walk(up: &Up, data: &Path, page: &str, more: &[(&str, &str)]) {
    let login = json!({"email": "admin@localhost", "password": PASSWORD}).to_string();
    let session: Value =
        serde_json::from_str(&post(&up.url, "/v1/auth/login", None, &login).1).expect("JSON");
    let token = session["access_token"].as_str().expect("a token");
    let (text, home) = (read(page), place(data));
    let path = std::env::var("PATH").expect("there is a PATH");
    let path = format!("{}:{path}", home.path().join("bin").display());
    let (packages, folder) = (packages(&text), home.path().display().to_string());
    let target = up.url.strip_prefix("http://").expect("plain HTTP");
    let mut settings =
        vec![("URL", up.url.as_str()), ("BASE", &up.url), ("TARGET", target), ("TOKEN", token)];
    settings.extend([("TASKLEDGER_ADMIN_PASSWORD", PASSWORD), ("PATH", &path), ("PYTHONPATH", &packages)]);
    // A page that does not say so itself: whatever is refused is a failure.
    if !text.contains("--fail-with-body --retry") {
        settings.push(("CURL_HOME", &folder));
    }
    settings.extend(more);
    run(&script(page, &text), home.path(), &settings).unwrap_or_else(|said| panic!("{said}"));
}

/// A folder like the repository's beside the installation, for programs that may write there.
fn place(data: &Path) -> TempDir {
    let home = directory();
    let link = |to: &Path, name: &str| symlink(to, home.path().join(name)).expect("a link can be made");
    link(&repository().join("docs"), "docs");
    link(&repository().join("proto"), "proto");
    link(data, ".taskledger");
    let write =
        |name: &str, text: &str| std::fs::write(home.path().join(name), text).expect("it can be written");
    // The answer may go to a program that leaves nothing of it.
    let refused = r#"write-out = "%{onerror}%{stderr}%{http_code} from %{url_effective}\n""#;
    write(".curlrc", &format!("fail-with-body\nretry = 20\n{refused}\n"));
    std::fs::create_dir(home.path().join("bin")).expect("a directory can be made");
    let program = env!("CARGO_BIN_EXE_taskledger");
    write("bin/cargo", &format!("#!/bin/sh\n# cargo run -- …\nshift 2\nexec '{program}' \"$@\"\n"));
    let everybody = Permissions::from_mode(0o755);
    std::fs::set_permissions(home.path().join("bin/cargo"), everybody).expect("it is ours");
    home
}

/// Where Python finds what the page has the reader install.
fn packages(text: &str) -> String {
    let offered = [
        ("pip install grpcio-tools", testing::python_with_grpc as fn() -> Command),
        ("pip install nats-py", testing::python_with_nats),
    ];
    let named = offered.iter().filter(|(words, _)| text.contains(words)).map(|(_, python)| python());
    let paths = named.flat_map(|python| {
        let settings = python.get_envs().filter(|(name, _)| *name == "PYTHONPATH");
        settings.filter_map(|(_, path)| Some(path?.to_str()?.to_owned())).collect::<Vec<_>>()
    });
    paths.collect::<Vec<_>>().join(":")
}

/// The commands of a page as one script, which says where it has failed.
fn script(page: &str, text: &str) -> String {
    let mut script = String::from("set -Eeuo pipefail\n");
    for tool in TOOLS.iter().filter(|tool| text.contains(**tool)) {
        script += &format!(
            "command -v {tool} >/dev/null || {{ echo 'please install {tool}: docs/{page} needs it'; exit 1; }}\n"
        );
    }
    script += "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n";
    script += &format!("trap 'echo \"docs/{page}: the commands from line $BLOCK on fail\" >&2' ERR\n");
    let mut end = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (end, line, line.strip_prefix("```python ")) {
            (None, "```sh", _) => {
                end = Some("");
                script += &format!("BLOCK={number}\n");
            }
            (None, _, Some(name)) => {
                end = Some("END_OF_PROGRAM\n");
                script += &format!("cat >{name} <<'END_OF_PROGRAM'\n");
            }
            (Some(last), "```", _) => {
                end = None;
                script += last;
            }
            (Some(_), inside, _) => script += &format!("{inside}\n"),
            (None, _, None) => {}
        }
    }
    script
}

/// Runs it to its end; what it has said if it fails.
fn run(script: &str, home: &Path, settings: &[(&str, &str)]) -> Result<(), String> {
    let (commands, said) = (home.join("commands.sh"), home.join("said.txt"));
    std::fs::write(&commands, script).expect("a file can be written");
    let output = File::create(&said).expect("a file can be written");
    let mut command = Command::new("bash");
    command.arg(&commands).current_dir(home).envs(settings.iter().copied());
    command.stdin(Stdio::null()).stdout(output.try_clone().expect("a file can be shared")).stderr(output);
    let mut child = command.spawn().expect("bash runs");
    let deadline = Instant::now() + A_PAGE;
    let status = loop {
        match child.try_wait().expect("it is our child") {
            Some(status) => break status,
            None if Instant::now() < deadline => std::thread::park_timeout(Duration::from_millis(20)),
            None => break child.kill().and_then(|()| child.wait()).expect("it is our child"),
        }
    };
    let words = std::fs::read_to_string(&said).unwrap_or_default();
    if status.success() { Ok(()) } else { Err(words) }
}

#[test]
fn a_page_that_does_not_work_is_named_with_its_line() {
    let home = directory();
    let run = |page: &str, settings: &[(&str, &str)]| run(&script("page.md", page), home.path(), settings);
    let page = "# Page\n\n```sh\nFIRST=1\n```\n\n```\nnot run\n```\n\n```sh\ntest \"$FIRST\" = 1\nfalse | cat\necho not reached\n```\n";
    let said = run(page, &[]).expect_err("it fails");
    assert_eq!(said, "docs/page.md: the commands from line 11 on fail\n");
    assert!(run("```sh\ntest \"$URL\" = x\n```\n", &[("URL", "x")]).is_ok());
    let said = run("```sh\necho \"$UNKNOWN\"\n```\n", &[]).expect_err("it fails");
    assert!(said.contains("UNKNOWN"), "{said}");
    let program = "```python greet.py\nimport sys\nsys.exit(sys.argv[1] != '$X')\n```\n";
    assert!(run(&format!("{program}\n```sh\npython3 greet.py '$X'\n```\n"), &[]).is_ok());
    assert!(run(&format!("{program}\n```sh\npython3 greet.py x\n```\n"), &[]).is_err());
}

/// The users of the page: what it lets read reads all, and can do nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn nats() {
    let text = read("nats.md");
    let users = text.split("```").find(|block| block.starts_with("\nauthorization {")).expect("the users");
    let passwords = "TASKLEDGER_NATS_PASSWORD: writes\nREADER_NATS_PASSWORD: reads\n";
    let nats = testing::own_nats_of(format!("{passwords}{users}"), "taskledger", "writes").await;
    let reader = nats.url().replace("taskledger:writes", "reader:reads");
    let data = directory();
    let up = Up::start_with(data.path(), |command| {
        command.arg("--demo").env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD).env("NATS_URL", nats.url());
    });
    tokio::task::block_in_place(|| walk(&up, data.path(), "nats.md", &[("NATS_URL", &reader)]));

    let (told, mut refusals) = mpsc::channel(16);
    let options = ConnectOptions::with_user_and_password("reader".into(), "reads".into());
    let options = options.event_callback(move |event| {
        let told = told.clone();
        async move {
            if let Event::ServerError(error) = event {
                told.try_send(error.to_string()).unwrap();
            }
        }
    });
    let address: async_nats::ServerAddr = reader.parse().unwrap();
    let client = options.connect(&address).await.unwrap();
    for subject in [
        "events.task.created.x",
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.PURGE.EVENTS",
        "$JS.API.STREAM.UPDATE.EVENTS",
        "$JS.API.CONSUMER.NAMES.EVENTS",
        "revocations",
    ] {
        client.publish(subject, "".into()).await.unwrap();
        let refused = tokio::time::timeout(PATIENCE, refusals.recv()).await.unwrap().unwrap();
        let refused = refused.to_lowercase();
        assert!(
            refused.contains("permissions violation") && refused.contains(&subject.to_lowercase()),
            "{refused}"
        );
    }
    assert!(up.end("INT").success());
}
