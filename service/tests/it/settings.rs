//! Settings from flags, environment and file.

use std::path::PathBuf;

use clap::Parser;
use service::config::{
    ConfigError, EventStoreArgs, HttpArgs, LogArgs, NatsArgs, SecretKeyArgs, Span, load_from,
};

/// The manual.
#[derive(Debug, Parser)]
#[command(name = "example", version)]
struct Example {
    #[command(flatten)]
    log: EventStoreArgs,
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    secret: SecretKeyArgs,
    #[command(flatten)]
    logs: LogArgs,
    /// How long to wait.
    #[arg(long, env = "EXAMPLE_WAIT", default_value = "10s")]
    wait: Span,
}

fn load(arguments: &[&str]) -> Result<Example, ConfigError> {
    load_from(["example"].iter().chain(arguments))
}

fn file(text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("settings-{}.toml", uuid::Uuid::now_v7()));
    std::fs::write(&path, text).unwrap();
    path
}

fn refusal(arguments: &[&str]) -> String {
    match load(arguments).unwrap_err() {
        ConfigError::Help(text) => panic!("{text}"),
        error => error.to_string(),
    }
}

#[test]
fn a_bad_value_is_one_line_that_names_it() {
    let line = refusal(&["--wait", "10 parsecs"]);
    assert_eq!(
        line,
        "invalid value '10 parsecs' for '--wait <WAIT>': expected a number with a unit, one of 250ms, 10s, 5m, 2h, 30d"
    );
    for arguments in [
        ["--trusted-proxies", "10.0.0.0/99"],
        ["--cors-origins", "https://a,null"],
        ["--public-url", "localhost"],
        ["--nats-url", "localhost"],
        ["--nonsense", "1"],
    ] {
        assert_eq!(refusal(&arguments).lines().count(), 1, "{arguments:?}");
    }
}

#[test]
fn a_missing_setting_is_named_as_the_environment_does() {
    let example = load(&[]).unwrap();
    assert_eq!(example.log.url().unwrap_err().to_string(), "EVENT_STORE_URL is not set");
    assert_eq!(example.secret.read().unwrap_err().to_string(), "TASKLEDGER_SECRET_KEY_FILE is not set");
    let missing = load(&["--secret-key-file", "/nonexistent/key"]).unwrap().secret.read().unwrap_err();
    assert!(missing.to_string().starts_with("secret key file /nonexistent/key: "));
}

#[test]
fn help_is_the_manual_and_shows_no_secrets() {
    let Err(ConfigError::Help(text)) = load(&["--help"]) else { panic!("no help") };
    assert!(text.contains("Postgres with the event store") && text.contains("[env: EVENT_STORE_URL"));
    let url = "postgres://me:hunter2@db/x";
    let example = load(&["--event-store-url", url]).unwrap();
    assert!(!format!("{example:?}").contains("hunter2"));
    assert_eq!(example.log.url().unwrap().expose(), url);
}

#[test]
fn the_file_gives_defaults_that_flags_override() {
    let path = file(
        "public_url = \"https://tasks.example\"\nmax_connections = 7\nrequest_timeout = \"1m\"\nexample_wait = \"1m\"\n",
    );
    let config = path.to_str().unwrap();
    let example = load(&["--config", config, "--wait", "2m"]).unwrap();
    assert_eq!(example.http.public_url.as_str(), "https://tasks.example");
    assert_eq!(example.http.limits().max_connections, 7);
    assert_eq!(example.http.request_timeout, "1m".parse().unwrap());
    assert_eq!(example.wait, "2m".parse().unwrap());
    assert_eq!(load(&[&format!("--config={config}")]).unwrap().wait, "1m".parse().unwrap());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_wrong_file_is_one_line_too() {
    for (text, expected) in [
        ("colour = 1", "unknown setting colour"),
        ("public_url = ", "TOML"),
        ("public_url = 1.5", "must be a text"),
        ("public_url = \"nonsense\"", "public"),
    ] {
        let path = file(text);
        let line = refusal(&["--config", path.to_str().unwrap()]);
        assert_eq!(line.lines().count(), 1, "{line}");
        std::fs::remove_file(path).unwrap();
        if expected != "TOML" {
            assert!(line.contains(expected), "{line}");
        }
    }
    assert!(refusal(&["--config", "/nonexistent.toml"]).starts_with("/nonexistent.toml: "));
}
