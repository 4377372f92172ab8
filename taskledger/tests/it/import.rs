//! Another tracker's history comes in beside the running product.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use sqlx::{PgPool, Postgres, Transaction};
use tempfile::TempDir;

use crate::client::{Client, PASSWORD};
use crate::process::{Up, directory, fails, taskledger};
use crate::system::{ADMIN, PATIENCE, within};

/// A running product and somebody who looks at it over HTTP.
struct Target {
    up: Up,
    data: TempDir,
    admin: Client,
}

impl Target {
    async fn start() -> Self {
        let data = directory();
        let up = Up::start_with(data.path(), |command| {
            command.env("TASKLEDGER_ADMIN_EMAIL", ADMIN).env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
        });
        let mut admin = Client::new(&up.url);
        admin.log_in(ADMIN).await.unwrap();
        Self { up, data, admin }
    }

    fn import(&self, file: &Path) -> std::process::Command {
        let mut command = taskledger();
        command.arg("import").arg(file).arg("--mapping").arg(path("mappings/helpdesk.toml"));
        command.arg("--data-dir").arg(self.data.path());
        command
    }

    /// What a run that succeeds says.
    fn imported(&self, file: &Path) -> String {
        let Output { status, stdout, stderr } = self.import(file).output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// Asks until the read model has everything that the log has.
    async fn get(&self, path: &str) -> Value {
        let head: i64 = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM event_store.events")
            .fetch_one(&self.owner().await)
            .await
            .unwrap();
        let path = format!("{path}{}min_position={head}", if path.contains('?') { '&' } else { '?' });
        self.admin.get_when_there(&path).await.expect(200).json()
    }

    /// The database of the private Postgres.
    async fn owner(&self) -> PgPool {
        let settings = std::fs::read_to_string(self.data.path().join("taskledger.env")).unwrap();
        let url = settings.lines().find_map(|line| line.strip_prefix("EVENT_STORE_URL=")).unwrap();
        PgPool::connect(url.trim_matches('\'')).await.unwrap()
    }

    /// How many events of each type there are.
    async fn events(&self) -> BTreeMap<String, i64> {
        let sql = "SELECT event_type, count(*) FROM event_store.events WHERE metadata ->> 'transport' = 'import' \
                   GROUP BY event_type";
        let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&self.owner().await).await.unwrap();
        rows.into_iter().collect()
    }
}

fn path(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_comes_in_once_with_its_people_and_times() {
    let target = Target::start().await;
    let sample = path("tests/data/helpdesk-sample.csv");
    only_admins_import(&target, &sample).await;
    let words = target.imported(&sample);
    let (rejected, total) = words.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(
        rejected.lines().collect::<Vec<_>>(),
        [
            "line 22, ticket-3, Wait: the time is not RFC 3339",
            "line 33, ticket-4, Wait: hold is not allowed while done",
            "line 59, ticket-12, Assign seriousness: seriousness is \"9\", which the mapping does not know",
        ]
    );
    let news = "58 rows: 55 imported, 0 known from an earlier run, 3 rejected; 12 new tasks, 4 new users.";
    assert_eq!(total, news);
    what_came_in_is_shown(&target).await;
    the_history_is_the_original(&target).await;

    let before = target.events().await;
    let again = target.imported(&sample);
    let nothing =
        "58 rows: 0 imported, 58 known from an earlier run, 0 rejected; 0 new tasks, 0 new users.\n";
    assert_eq!(again, nothing);
    assert_eq!(target.events().await, before);
    assert!(target.up.end("INT").success());
}

async fn only_admins_import(target: &Target, sample: &Path) {
    let invited = json!({"email": "bob@example.org", "name": "Bob", "roles": ["member", "manager"]});
    let bob = target.admin.post("/v1/users", &invited).await.unwrap().expect(201).json();
    let verify = format!("/v1/users/{}/verify", bob["id"].as_str().unwrap());
    target.admin.post(&verify, &json!({})).await.unwrap().expect(200);
    let (code, words) = fails(target.import(sample).args(["--as", "bob@example.org"]));
    assert_eq!((code, words.as_str()), (1, "error: only an active admin may import"));
    let (code, words) = fails(target.import(sample).args(["--as", "eve@example.org"]));
    assert_eq!(code, 64, "{words}");
    assert_eq!(target.events().await, BTreeMap::new());
}

async fn what_came_in_is_shown(target: &Target) {
    let count = async |filter: &str| {
        let answer = target.get(&format!("/v1/tasks?count=exact&{filter}")).await;
        answer["count"].as_i64().unwrap()
    };
    let by_status = [("done", 10), ("on_hold", 1), ("in_progress", 1), ("waiting", 0), ("cancelled", 0)];
    for (status, expected) in by_status {
        assert_eq!(count(&format!("status={status}")).await, expected, "{status}");
    }
    assert_eq!(count("label=closed").await, 9);
    for (priority, expected) in [("urgent", 3), ("high", 2), ("low", 3)] {
        assert_eq!(count(&format!("priority={priority}")).await, expected, "{priority}");
    }
    let users = target.get("/v1/users").await;
    let names = users["items"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap());
    let mut agents: Vec<_> = names.filter(|name| name.starts_with("agent-")).collect();
    agents.sort_unstable();
    assert_eq!(agents, ["agent-1", "agent-2", "agent-3", "agent-4"]);
}

async fn the_history_is_the_original(target: &Target) {
    let found = target.get("/v1/tasks?external_ref=helpdesk:ticket-3").await;
    let task = &found["items"][0];
    assert_eq!(task["title"], "ticket-3, product 1");
    assert_eq!(task["creator"]["name"], "agent-1");
    let path = format!("/v1/tasks/{}/history", task["id"].as_str().unwrap());
    let history = target.get(&path).await;
    let entries = history["items"].as_array().unwrap().iter().rev();
    let told = entries.map(|entry| {
        assert_eq!(entry["on_behalf_of"]["name"], "Admin");
        assert!(entry["recorded_at"].as_str().unwrap() > "2026");
        let of = |value: &Value| value.as_str().unwrap().to_owned();
        (of(&entry["type"]), of(&entry["actor"]["name"]), of(&entry["occurred_at"]))
    });
    let at = |kind: &str, agent: &str, time: &str| {
        (format!("task.{kind}.v1"), format!("agent-{agent}"), format!("2021-03-{time}.000000Z"))
    };
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            at("created", "1", "02T05:04:00"),
            at("priority_changed", "1", "02T05:04:00"),
            at("assigned", "2", "02T21:34:05"),
            at("started", "2", "02T21:34:05"),
            at("held", "3", "04T11:16:32"),
            at("assigned", "4", "04T15:24:24"),
            at("resumed", "4", "04T15:24:24"),
            at("completed", "1", "06T06:05:31"),
            at("label_added", "2", "06T21:25:11"),
        ]
    );
}

const CASES: i64 = 500;

/// Many cases of six rows each, the last of which is refused.
fn many() -> String {
    let mut text = "timestamp,ticket,step,activity,agent,product,seriousness\n".to_owned();
    let activities =
        ["Assign seriousness", "Take in charge ticket", "Wait", "Resolve ticket", "Closed", "Wait"];
    for (step, activity) in activities.iter().enumerate() {
        for case in 0..CASES {
            let (hour, minute, agent) = (case / 60, case % 60, case % 7);
            let time = format!("2021-03-{:02}T{hour:02}:{minute:02}:00Z", step + 1);
            writeln!(text, "{time},ticket-{case},{step},{activity},agent-{agent},1,3").unwrap();
        }
    }
    text
}

/// Holds a late row, so that an import cannot come to its end.
async fn stand_in_the_way(owner: &PgPool) -> Transaction<'static, Postgres> {
    let mut row = owner.begin().await.unwrap();
    let sql = "INSERT INTO event_store.unique_claims (scope, value, owner)
               VALUES ('import.row', 'helpdesk:5:ticket-250', gen_random_uuid())";
    sqlx::query(sql).execute(&mut *row).await.unwrap();
    row
}

const APPENDING: &str = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                         AND state = 'active' AND query LIKE '%event_store.append(%'";

/// Whether an append waits for something.
async fn is_held_up(owner: &PgPool) -> bool {
    let sql = format!("SELECT count(*) > 0 {APPENDING} AND wait_event_type = 'Lock'");
    sqlx::query_scalar(&sql).fetch_one(owner).await.unwrap()
}

/// Lets the row go once nothing is left of a killed import that would write after its end.
async fn get_out_of_the_way(owner: &PgPool, row: Transaction<'static, Postgres>) {
    let sql = format!("SELECT count(pg_terminate_backend(pid)) = 0 {APPENDING}");
    let gone = async || sqlx::query_scalar::<_, bool>(&sql).fetch_one(owner).await.unwrap();
    assert!(within(PATIENCE, gone).await);
    row.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on() {
    let target = Target::start().await;
    let file = target.data.path().join("many.csv");
    std::fs::write(&file, many()).unwrap();
    let owner = target.owner().await;
    let in_the_way = stand_in_the_way(&owner).await;
    let mut import = target.import(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let done = async || {
        let sql = "SELECT count(*) FROM event_store.unique_claims WHERE scope = 'import.row'";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&owner).await.unwrap()
    };
    let midway = async || is_held_up(&owner).await && done().await > CASES;
    assert!(within(PATIENCE, midway).await);
    import.kill().unwrap();
    assert_eq!(import.wait().unwrap().code(), None, "it was killed in the middle");
    get_out_of_the_way(&owner, in_the_way).await;

    let words = target.imported(&file);
    let total = words.lines().last().unwrap();
    let numbers: Vec<i64> = total.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [rows, imported, known, rejected, _tasks, _users] = numbers[..] else { panic!("{total}") };
    assert_eq!((rows, imported + known + rejected), (6 * CASES, 6 * CASES), "{total}");
    assert!(known > CASES && imported > 0, "{total}");
    let kinds = ["created", "priority_changed", "assigned", "started", "held", "completed", "label_added"];
    let expected = kinds.iter().map(|kind| (format!("task.{kind}"), CASES));
    let expected = expected.chain([("user.imported".to_owned(), 7), ("user.role_granted".to_owned(), 7)]);
    assert_eq!(target.events().await, expected.collect());
    assert_eq!(done().await, 6 * CASES);
    let tasks = target.get("/v1/tasks?count=exact&status=done&label=closed&priority=high").await;
    assert_eq!(tasks["count"], CASES);
    assert!(target.up.end("INT").success());
}
