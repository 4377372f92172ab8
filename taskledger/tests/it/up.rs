//! Starting, stopping, and what stands in the way.

use std::net::TcpListener;
use std::os::unix::fs::symlink;

use serde_json::Value;
use servers::testing::{self, Template};
use sqlx::{Connection, PgConnection};

use crate::process::{
    Up, directory, fails, get, get_as, get_when_there, post, runs, servers_of, taskledger, until,
};

#[test]
fn a_fresh_directory_becomes_a_product() {
    let data = directory();
    let up = Up::start(data.path());
    let (status, body) = get_when_there(&up.url, "/readyz", None);
    assert_eq!(status, 200, "{body}");
    assert_eq!(get(&up.url, "/v1/tasks").0, 401);
    assert_eq!(get(&up.url, "/docs/").0, 200);
    let mut found = String::new();
    // On a busy machine the list may be refused with a request to come back.
    until(|| {
        found = run_what_the_banner_proposes(&up.banner);
        !found.contains("PROJECTION_BEHIND")
    });
    assert!(found.contains("\"title\":\"Try Taskledger\""), "{found}");
    assert!(up.end("INT").success());
}

/// Logs in, creates a task and reads it back, exactly as a user would by copying the lines.
fn run_what_the_banner_proposes(banner: &str) -> String {
    let (_, lines) = banner.split_once("Try:\n").expect("the banner proposes something");
    let (script, _) = lines.split_once("\nctrl-c").expect("the last line says how to stop");
    let output = std::process::Command::new("sh").args(["-c", script]).output().expect("sh runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn ctrl_c_stops_everything_and_the_next_start_goes_on() {
    let data = directory();
    let up = Up::start(data.path());
    let servers = servers_of(data.path());
    assert_eq!(servers.len(), 2);
    assert!(up.banner.contains("curl "), "{}", up.banner);
    assert!(up.end("INT").success());
    assert!(!servers.iter().any(|pid| runs(pid)));
    assert!(Up::start(data.path()).end("TERM").success());
}

#[test]
fn after_sigkill_no_server_is_left_and_the_next_start_goes_on() {
    let data = directory();
    let up = Up::start(data.path());
    let servers = servers_of(data.path());
    assert_eq!(servers.len(), 2);
    up.end("KILL");
    until(|| !servers.iter().any(|pid| runs(pid)));
    assert!(Up::start(data.path()).end("INT").success());
}

#[test]
fn a_data_directory_belongs_to_one_process() {
    let data = directory();
    let up = Up::start(data.path());
    let (code, words) = fails(taskledger().arg("--data-dir").arg(data.path()).args(["--port", "0"]));
    assert_eq!(code, 69);
    assert!(words.contains("is in use by process"), "{words}");
    assert!(up.end("INT").success());
}

#[test]
fn a_taken_port_is_named() {
    let data = directory();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, words) = fails(taskledger().arg("--data-dir").arg(data.path()).args(["--port", &port]));
    assert_eq!(code, 69);
    assert_eq!(
        words,
        format!("error: 127.0.0.1:{port} is taken by another process: choose another with --port")
    );
}

#[test]
fn a_bad_setting_is_one_line_and_exit_code_64() {
    for (name, value) in [
        ("TASKLEDGER_SERVERS", "docker"),
        ("EVENT_STORE_URL", "mysql://x"),
        ("RUST_LOG", "a=b=c"),
        ("OIDC_PROVIDERS", "/nowhere"),
    ] {
        let (code, words) = fails(taskledger().env(name, value).args(["--port", "0"]));
        assert_eq!(code, 64, "{name}: {words}");
    }
}

#[test]
fn no_pip_and_no_servers() {
    let data = directory();
    let bin = data.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for program in ["sh", "id"] {
        let path = ["/bin", "/usr/bin"].map(|place| format!("{place}/{program}"));
        let path = path.iter().find(|path| std::path::Path::new(path).exists()).unwrap();
        symlink(path, bin.join(program)).unwrap();
    }
    let mut command = taskledger();
    command.env("PATH", &bin).env("XDG_CACHE_HOME", data.path()).env("TASKLEDGER_SERVERS", "bundled");
    let (code, words) = fails(command.arg("--data-dir").arg(data.path()).args(["--port", "0"]));
    assert_eq!(code, 69);
    assert!(words.contains("no pip to install one"), "{words}");
}

#[tokio::test]
async fn a_database_without_utf8_ctype_is_refused() {
    let database = testing::database(&Template::empty()).await;
    let name = format!("plain_{}", std::process::id());
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let sql =
        format!("CREATE DATABASE {name} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    sqlx::raw_sql(&sql).execute(&mut connection).await.unwrap();
    let (server, _) = database.url().rsplit_once('/').unwrap();
    let url = format!("{server}/{name}");
    let data = directory();
    let mut command = taskledger();
    command.env("EVENT_STORE_URL", &url).env("READ_MODEL_URL", &url);
    let (code, words) = fails(command.arg("--data-dir").arg(data.path()).args(["--port", "0"]));
    assert_eq!(code, 69);
    assert!(words.contains("ctype C, UTF-8 is needed"), "{words}");
}

#[test]
fn clients_that_hurry_are_told_to_wait() {
    let data = directory();
    let up = Up::start_with(data.path(), |command| {
        let limits = "read=2/h,login=2/h";
        command.args(["--rate-limits", limits]).env("TASKLEDGER_ADMIN_PASSWORD", "correct horse battery 7");
    });
    assert!(up.banner.contains("read=2/h,write=120/min,login=2/h,refresh=60/min"), "{}", up.banner);
    let login = r#"{"email": "admin@localhost", "password": "correct horse battery 7"}"#;
    let (status, session) = post(&up.url, "/v1/auth/login", None, login);
    assert_eq!(status, 200, "{session}");
    let session: Value = serde_json::from_str(&session).expect("JSON");
    let token = session["access_token"].as_str().expect("a token");
    // Both halves of the API count in the same buckets, and each request once.
    let paths = ["/v1/auth/sessions", "/v1/labels", "/v1/labels", "/v1/auth/sessions"];
    assert_eq!(paths.map(|path| get_as(&up.url, path, Some(token)).0 == 429), [false, false, true, true]);
    assert_eq!(post(&up.url, "/v1/tasks", Some(token), r#"{"title": "t"}"#).0, 201);
    assert_eq!(post(&up.url, "/v1/auth/login", None, login).0, 200);
    assert_eq!(post(&up.url, "/v1/auth/login", None, login).0, 429);
}
