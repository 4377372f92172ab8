//! Pages of the documentation whose commands are run as they stand there, against a fresh installation with the demo's data.
//!
//! Every block that begins with ` ```sh ` is run, one after the other in one bash, in the repository's folder. `URL` (and `BASE`)
//! names the installation, `TOKEN` is the admin's, `RECEIVER` an address that webhooks may call.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::PASSWORD;
use crate::process::{Up, directory, post};
use crate::system::free_port;

macro_rules! pages {
    ($($name:ident),+ $(,)?) => {$(
        #[test]
        fn $name() {
            works(concat!(stringify!($name), ".md"));
        }
    )+};
}

pages! {
    auditors,
    integrators,
}

/// Longest time for the commands of one page.
const A_PAGE: Duration = Duration::from_secs(600);
/// What a page may need beside bash.
const TOOLS: [&str; 4] = ["curl", "jq", "python3", "openssl"];

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[track_caller]
fn works(page: &str) {
    let text = std::fs::read_to_string(repository().join("docs").join(page)).expect("the page is there");
    let (data, receiver) = (directory(), format!("127.0.0.1:{}", free_port()));
    let up = Up::start_with(data.path(), |command| {
        command.arg("--demo").env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD).env("OUTBOUND_ALLOW", &receiver);
    });
    let login = json!({"email": "admin@localhost", "password": PASSWORD}).to_string();
    let session: Value =
        serde_json::from_str(&post(&up.url, "/v1/auth/login", None, &login).1).expect("JSON");
    let token = session["access_token"].as_str().expect("a token");
    let settings = [("URL", up.url.as_str()), ("BASE", &up.url), ("TOKEN", token), ("RECEIVER", &receiver)];
    run(&script(page, &text), &settings).unwrap_or_else(|said| panic!("{said}"));
    assert!(up.end("INT").success());
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
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        match (inside, line) {
            (false, "```sh") => {
                inside = true;
                script += &format!("BLOCK={number}\n");
            }
            (true, "```") => inside = false,
            (true, command) => script += &format!("{command}\n"),
            (false, _) => {}
        }
    }
    script
}

/// Runs it to its end; what it has said if it fails.
fn run(script: &str, settings: &[(&str, &str)]) -> Result<(), String> {
    let home = directory();
    let (commands, said) = (home.path().join("commands.sh"), home.path().join("said.txt"));
    std::fs::write(&commands, script).expect("a file can be written");
    let output = File::create(&said).expect("a file can be written");
    let mut command = Command::new("bash");
    command.arg(&commands).current_dir(repository()).envs(settings.iter().copied());
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
    let page = "# Page\n\n```sh\nFIRST=1\n```\n\n```\nnot run\n```\n\n```sh\ntest \"$FIRST\" = 1\nfalse | cat\necho not reached\n```\n";
    let said = run(&script("page.md", page), &[]).expect_err("it fails");
    assert_eq!(said, "docs/page.md: the commands from line 11 on fail\n");
    assert!(run(&script("page.md", "```sh\ntest \"$URL\" = x\n```\n"), &[("URL", "x")]).is_ok());
    let said = run(&script("page.md", "```sh\necho \"$UNKNOWN\"\n```\n"), &[]).expect_err("it fails");
    assert!(said.contains("UNKNOWN"), "{said}");
}
