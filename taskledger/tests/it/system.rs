//! The three services as processes of their own, beside servers of their own that may be killed.

use std::collections::HashSet;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitStatus, Stdio};
use std::sync::{Mutex, Once, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use command_api::auth::{NewPerson, Password};
use command_api::commands::{Caller, UserUnit, Who};
use command_api::{CommandApi, Config};
use domain::policy::Role;
use domain::time::TimeZone;
use domain::user::UserCommand;
use domain::user::values::{Email, Locale, PersonName};
use event_store::Pressure;
use servers::testing::{self, OwnNats, OwnPostgres, Template};
use service::config::{self, HttpArgs};
use service::process::Surroundings;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::client::{Client, PASSWORD};
use crate::process::{program, taskledger};

/// Anything takes long on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(20);

/// An administrator who also operates; all others whom tests need are like it.
pub(crate) const ADMIN: &str = "admin@example.org";

/// An installation of separate processes.
pub(crate) struct System {
    pub(crate) postgres: OwnPostgres,
    pub(crate) nats: OwnNats,
    pub(crate) command_api: Service,
    pub(crate) projections: Service,
    pub(crate) read_api: Service,
    home: TempDir,
}

/// One process; killed when dropped.
pub(crate) struct Service {
    name: &'static str,
    pub(crate) url: String,
    settings: Vec<(&'static str, String)>,
    log: PathBuf,
    child: Option<Child>,
}

#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    http: HttpArgs,
}

impl System {
    /// Everything runs and is ready.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more settings.
    pub(crate) async fn start_with(more: &[(&'static str, String)]) -> Self {
        Self::start_at(free_port(), more).await
    }

    /// The same with the write side at this port, which is free.
    pub(crate) async fn start_at(port: u16, more: &[(&'static str, String)]) -> Self {
        let mut system = Self::prepare(port, more).await;
        for service in [&mut system.command_api, &mut system.projections, &mut system.read_api] {
            service.start();
        }
        for service in [&system.command_api, &system.projections, &system.read_api] {
            service.ready().await;
        }
        system
    }

    async fn prepare(port: u16, more: &[(&'static str, String)]) -> Self {
        let home = tempfile::tempdir().expect("a directory for temporary files");
        let secret = home.path().join("secret.key");
        std::fs::write(&secret, "5a".repeat(32)).expect("the directory is writable");
        let (postgres, nats) = tokio::join!(own_postgres(), testing::own_nats());
        first_admin(&postgres.url(), &secret).await;
        let mut settings = vec![
            ("EVENT_STORE_URL", postgres.url()),
            ("READ_MODEL_URL", postgres.url()),
            ("NATS_URL", nats.url()),
            ("TASKLEDGER_SECRET_KEY_FILE", secret.display().to_string()),
            ("SEAL_FILE", home.path().join("seals.ndjson").display().to_string()),
            ("SEAL_AFTER", "200ms".to_owned()),
            // The others find the keys for tokens below it.
            ("PUBLIC_URL", format!("http://127.0.0.1:{port}")),
            ("RATE_LIMITS", "off".to_owned()),
            ("RUST_LOG", "info".to_owned()),
        ];
        settings.extend_from_slice(more);
        let service = |name, port| Service::new(name, port, &settings, home.path());
        Self {
            command_api: service("command-api", port),
            projections: service("projections", free_port()),
            read_api: service("read-api", free_port()),
            postgres,
            nats,
            home,
        }
    }

    /// Another process of the write side beside the first.
    pub(crate) async fn second_command_api(&self) -> Service {
        self.beside(&self.command_api).await
    }

    /// Another process of the read side beside the first.
    pub(crate) async fn second_read_api(&self) -> Service {
        self.beside(&self.read_api).await
    }

    async fn beside(&self, first: &Service) -> Service {
        let mut service = Service::new(first.name, free_port(), &first.settings, self.home.path());
        service.start();
        service.ready().await;
        service
    }

    /// Where the services write what they log and seal.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// SIGTERM to all that run; each ends in order.
    pub(crate) async fn end(&mut self) {
        for service in [&mut self.read_api, &mut self.projections, &mut self.command_api] {
            let status = service.end().await;
            assert!(status.success(), "{} ended with {status}: {}", service.name, service.words());
        }
    }

    /// A client of the command-api, logged in as the admin.
    pub(crate) async fn admin(&self) -> Client {
        let mut client = Client::new(&self.command_api.url);
        let mut last = Ok(());
        let logged_in = within(PATIENCE, async || {
            last = client.log_in(ADMIN).await;
            last.is_ok()
        });
        assert!(logged_in.await, "the admin may log in: {last:?}");
        client
    }

    /// A command of the operator with the installation's settings.
    pub(crate) async fn operator(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = taskledger();
        command.args(arguments).envs(self.command_api.settings.iter().map(|(name, value)| (name, value)));
        Command::from(command).output().await.expect("the program runs")
    }
}

async fn own_postgres() -> OwnPostgres {
    let template = Template::new("taskledger", async |url: String| {
        event_store::migrate(&url).await?;
        projections::migrate(&url).await?;
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    });
    testing::own_postgres(&template).await
}

/// Makes the first admin as the all-in-one does it, and an operator of him.
async fn first_admin(url: &str, secret: &Path) {
    let secret = secret.to_str().expect("a path in UTF-8");
    let arguments = ["first-admin", "--event-store-url", url, "--secret-key-file", secret];
    let arguments: Arguments = config::load_from(arguments).expect("the settings are complete");
    let surroundings = Surroundings::default();
    let starting =
        CommandApi::start(&arguments.config, &arguments.http, &surroundings, &Pressure::default()).await;
    let api = starting.expect("it starts");
    let email = Email::parse(ADMIN).expect("an address");
    let person = NewPerson {
        email: email.clone(),
        name: PersonName::parse("Ada").expect("a name"),
        locale: Locale::default(),
        time_zone: TimeZone::UTC,
    };
    let password = Password::chosen(PASSWORD).expect("a good password");
    api.auth.ensure_first_admin(&person, password).await.expect("there is an admin");
    let id = api.commands.find_email(&email).await.expect("the log answers").expect("the admin is there");
    let unit = UserUnit::new(id, UserCommand::GrantRole { role: Role::Operator });
    api.commands.user(&Caller::internal(Who::System, "system"), &unit).await.expect("the system may grant");
    surroundings.shutdown.begin();
    surroundings.shutdown.wait().await;
}

impl Service {
    fn new(name: &'static str, port: u16, settings: &[(&'static str, String)], home: &Path) -> Self {
        let mut settings = settings.to_vec();
        settings.retain(|(name, _)| *name != "LISTEN");
        settings.push(("LISTEN", format!("127.0.0.1:{port}")));
        let log = home.join(format!("{name}-{port}.log"));
        Self { name, url: format!("http://127.0.0.1:{port}"), settings, log, child: None }
    }

    /// Starts the process, again after a kill, on the same port; see [`Self::ready`].
    pub(crate) fn start(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).expect("a log can be written");
        let mut command = program(&binary(self.name));
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        self.child = Some(Command::from(command).kill_on_drop(true).spawn().expect("the program runs"));
    }

    /// Waits until it says that it can do its work.
    pub(crate) async fn ready(&self) {
        let client = Client::new(&self.url);
        let reached =
            within(PATIENCE, async || client.get("/readyz").await.is_ok_and(|answer| answer.status == 200))
                .await;
        assert!(reached, "{} is not ready: {}", self.name, self.words());
    }

    /// SIGKILL, by the handle of the child.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("it can be killed");
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        self.signal("TERM");
        let mut child = self.child.take().expect("it runs");
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        ended.unwrap_or_else(|_| panic!("{} does not end: {}", self.name, self.words())).expect("our child")
    }

    /// Any other signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().and_then(Child::id).expect("it runs").to_string();
        let sent = Program::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status();
        assert!(sent.expect("sh runs").success());
    }

    /// What it has logged.
    pub(crate) fn words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// Looks again and again; false when the limit has passed.
pub(crate) async fn within(limit: Duration, mut reached: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !reached().await {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

/// A port that is free now and that nobody else takes while its service is down: below those of outgoing connections
/// and of the servers that other tests start, and given once.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().expect("nobody panics with it");
    let given = given.get_or_insert_default();
    let mut tried = (0..1000).map(|_| rand::random_range(10_000..16_000_u16));
    let free = |port: &u16| given.insert(*port) && TcpListener::bind(("127.0.0.1", *port)).is_ok();
    tried.find(free).expect("some port is free")
}

/// The service's program beside our own, built if it is missing or older than its sources. `cargo test --workspace` has
/// built it already; to have cargo look costs minutes, since without the tests' features nearly all is built anew.
fn binary(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let ours = Path::new(env!("CARGO_BIN_EXE_taskledger"));
        ours.parent().expect("programs are in a directory").to_owned()
    });
    BUILT.call_once(|| {
        let services = ["command-api", "projections", "read-api"];
        let made = services.iter().map(|name| changed(&directory.join(name))).min().flatten();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate is in it");
        if made < last_change(repository) {
            build(&services);
        }
    });
    directory.join(name)
}

fn build(services: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Program::new(cargo);
    command.args(["build", "--quiet", "--bins"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    for service in services {
        command.args(["-p", service]);
    }
    let status = command.stdin(Stdio::null()).status().expect("cargo runs");
    assert!(status.success(), "the services cannot be built");
}

/// When a file was last changed, if it is there.
fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|data| data.modified()).ok()
}

/// When anything below it was last changed that may be part of a service.
fn last_change(directory: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(directory)
        .expect("the repository can be read")
        .map(|entry| entry.expect("an entry"));
    let parts = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let others = ["target", "taskledger", "bench", "tests"];
        !others.contains(&&*name) && !name.starts_with('.') && !name.ends_with(".md")
    });
    let paths = parts.map(|entry| entry.path());
    paths.map(|path| if path.is_dir() { last_change(&path) } else { changed(&path) }).max().flatten()
}
