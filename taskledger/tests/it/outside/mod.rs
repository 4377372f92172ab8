//! Receivers fail, hang, drip and lie while the process that calls them is killed: nothing is lost, nothing is meant twice,
//! and what happens to a task arrives in its order.

pub(crate) mod receiver;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use servers::testing::{SmtpTls, smtp_server};
use sqlx::PgPool;

use crate::{
    client::{Client, PASSWORD},
    process::directory,
    pushes::account,
    revocations::{log_in, member},
    system::{PATIENCE, System, within},
};
use receiver::{Mood, Receiver, Sort};

const TASKS: usize = 4;

/// An installation whose deliveries are looked at.
struct Place {
    system: System,
    admin: Client,
    pool: PgPool,
    tasks: Vec<String>,
}

impl Place {
    async fn new(settings: &[(&'static str, String)]) -> Self {
        let system = System::start_with(settings).await;
        let admin = system.admin().await;
        let pool = PgPool::connect(&system.postgres.url()).await.unwrap();
        Self { system, admin, pool, tasks: Vec::new() }
    }

    async fn create_tasks(&mut self) {
        for number in 0..TASKS {
            let new = json!({"title": format!("number {number}")});
            let made = self.admin.post("/v1/tasks", &new).await.unwrap().expect(201).json();
            self.tasks.push(made["id"].as_str().unwrap().to_owned());
        }
    }

    /// The same is said about every task.
    async fn comment(&self, text: &str) {
        for task in &self.tasks {
            let path = format!("/v1/tasks/{task}/comments");
            self.admin.post(&path, &json!({ "text": text })).await.unwrap().expect(200);
        }
    }

    /// SIGKILL; something happens while nobody is there, and so much time passes that nobody waits for who is dead.
    async fn die(&mut self, round: usize) {
        self.system.projections.kill().await;
        self.comment(&format!("while away {round}")).await;
        for leases in ["delivery.deliveries", "delivery.checkpoints", "read_model.checkpoints"] {
            let sql = format!("UPDATE {leases} SET lease_until = '-infinity' WHERE lease_until < 'infinity'");
            sqlx::query(&sql).execute(&self.pool).await.unwrap();
        }
        self.system.projections.start();
    }

    /// Each mood in turn, and the end of the process in the middle of it.
    async fn live_through(&mut self, receiver: &Receiver) {
        let moods = [Mood::Fails, Mood::Hangs, Mood::Drips, Mood::TakesAndHangs, Mood::Lies, Mood::Takes];
        for (round, mood) in moods.into_iter().enumerate() {
            let before = receiver.met(mood);
            receiver.is(mood);
            self.comment(&format!("round {round}")).await;
            let met = within(PATIENCE, async || {
                self.retries_are_due().await;
                receiver.met(mood) > before
            });
            assert!(met.await, "{mood:?}");
            self.die(round).await;
        }
        receiver.is(Mood::Takes);
    }

    async fn retries_are_due(&self) {
        let due = "UPDATE delivery.deliveries SET due_at = now() WHERE state = 'failed' AND due_at > now()";
        sqlx::query(due).execute(&self.pool).await.unwrap();
    }

    /// Waits until every event of a task has arrived, of which there is one delivery each on this channel.
    async fn all_arrive(&self, channel: &str, recipient: &str) {
        let sql = "SELECT count(*) FILTER (WHERE d.state = 'delivered') = count(*) AND count(*) = count(DISTINCT e.event_id)
            FROM event_store.events AS e LEFT JOIN delivery.deliveries AS d
                ON d.event_id = e.event_id AND d.channel = $1 AND d.recipient = $2
            WHERE e.aggregate_type = 'task'";
        let arrived = within(PATIENCE, async || {
            self.retries_are_due().await;
            let query = sqlx::query_scalar(sql).bind(channel).bind(recipient);
            query.fetch_one(&self.pool).await.unwrap_or(false)
        });
        assert!(arrived.await, "{}: {}", self.states(channel).await, self.system.projections.words());
    }

    async fn states(&self, channel: &str) -> String {
        let sql = "SELECT coalesce(string_agg(state || ' ' || count, ', '), '') FROM (
            SELECT state, count(*) FROM delivery.deliveries WHERE channel = $1 GROUP BY state) AS s";
        sqlx::query_scalar(sql).bind(channel).fetch_one(&self.pool).await.unwrap()
    }

    /// What the log says of each task came there, in order, and whatever came twice came as the same.
    async fn holds(&self, receiver: &Receiver) {
        let taken = receiver.taken();
        for task in &self.tasks {
            let sql = "SELECT event_id, sequence FROM event_store.events
                WHERE aggregate_type = 'task' AND aggregate_id = $1 ORDER BY sequence";
            let log: Vec<(uuid::Uuid, i64)> =
                sqlx::query_as(sql).bind(task).fetch_all(&self.pool).await.unwrap();
            assert_eq!(taken[task], log, "{task}");
        }
        told_again_as_the_same(receiver);
    }
}

fn told_again_as_the_same(receiver: &Receiver) {
    let calls = receiver.calls();
    for call in &calls {
        let first = calls.iter().find(|other| other.key == call.key).unwrap();
        assert_eq!(call.body, first.body);
    }
    let taken = receiver.taken().values().map(Vec::len).sum();
    assert!(calls.len() > taken, "something was told again");
}

/// A webhook of a program; its id.
async fn hook(admin: &Client, key: &str, url: &str) -> String {
    let new = json!({"url": url, "event_types": ["task.*"]});
    let made = admin.showing(key).call("POST", "/v1/webhooks", Some(&new), Some(url)).await;
    made.unwrap().expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn program(admin: &Client) -> String {
    let scopes = json!(["webhooks:manage", "events:read", "tasks:read"]);
    let account = json!({"name": "robot", "scopes": scopes});
    let account = admin.post("/v1/service-accounts", &account).await.unwrap().expect(201).json();
    let key: Value = json!({"name": "robot", "scopes": scopes, "service_account": account["id"],
        "expire_time": Utc::now() + TimeDelta::days(1)});
    let key = admin.post("/v1/api-keys", &key).await.unwrap().expect(201).json();
    key["key"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_arrive_whatever_their_receiver_does_and_whatever_dies() {
    let allowed = ("OUTBOUND_ALLOW", "127.0.0.1:1024-65535".to_owned());
    let mut place = Place::new(&[allowed]).await;
    let (moody, well) = (Receiver::start(Sort::Webhook).await, Receiver::start(Sort::Webhook).await);
    let key = program(&place.admin).await;
    let hooks = [hook(&place.admin, &key, &moody.url).await, hook(&place.admin, &key, &well.url).await];
    place.create_tasks().await;
    place.live_through(&moody).await;
    for hook in &hooks {
        place.all_arrive("webhook", hook).await;
    }
    place.holds(&moody).await;
    let taken = well.taken();
    let versions = |task: &String| taken[task].iter().map(|(_, version)| *version).collect::<Vec<_>>();
    for task in &place.tasks {
        let expected: Vec<_> = (1..=i64::try_from(taken[task].len()).unwrap()).collect();
        assert_eq!((versions(task), expected.len()), (expected.clone(), moody.taken()[task].len()));
    }
    place.system.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_core_system_is_told_whatever_it_does_and_whatever_dies() {
    let core = Receiver::start(Sort::CoreSystem).await;
    let mut place = Place::new(&[("INTERFACE_API_URL", core.url.clone())]).await;
    place.create_tasks().await;
    place.live_through(&core).await;
    place.all_arrive("interface", "core").await;
    place.holds(&core).await;
    place.system.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_are_told_whatever_google_does_and_whatever_dies() {
    let (home, google) = (directory(), Receiver::start(Sort::Phones).await);
    let mut place = Place::new(&account(home.path(), &google.url)).await;
    let kim = member(&place.system, &place.admin).await;
    let kims = log_in(&place.system).await;
    let phone = json!({"platform": "android", "token": "kims-phone"});
    kims.post("/v1/users/me/devices", &phone).await.unwrap().expect(201);
    let wishes = json!({"channels": {"comment": {"push": "now"}}});
    kims.call("PUT", "/v1/notification-preferences", Some(&wishes), None).await.unwrap().expect(200);
    place.create_tasks().await;
    for task in &place.tasks {
        let path = format!("/v1/tasks/{task}/assign");
        place.admin.post(&path, &json!({ "assignees": [kim] })).await.unwrap().expect(200);
    }
    place.live_through(&google).await;
    let sql = "SELECT count(*) FILTER (WHERE d.state = 'delivered') = count(*) AND count(*) = count(DISTINCT e.event_id)
        FROM event_store.events AS e LEFT JOIN delivery.deliveries AS d ON d.event_id = e.event_id AND d.channel = 'push'
        WHERE e.event_type IN ('task.assigned', 'task.commented')";
    let arrived = within(PATIENCE, async || {
        place.retries_are_due().await;
        sqlx::query_scalar(sql).fetch_one(&place.pool).await.unwrap_or(false)
    });
    assert!(arrived.await, "{}: {}", place.states("push").await, place.system.projections.words());
    let sql =
        "SELECT event_id FROM event_store.events WHERE event_type IN ('task.assigned', 'task.commented')";
    let told: Vec<uuid::Uuid> = sqlx::query_scalar(sql).fetch_all(&place.pool).await.unwrap();
    let taken = google.taken();
    assert!(told.iter().all(|event| taken.values().flatten().any(|(key, _)| key == event)));
    told_again_as_the_same(&google);
    // Whatever was answered, nobody said that the app is gone.
    let devices = kims.get("/v1/users/me/devices").await.unwrap().expect(200).json();
    assert_eq!(devices["items"].as_array().unwrap().len(), 1);
    place.system.end().await;
}

/// How the mail server meets each of them at first.
const RECIPIENTS: [&str; 6] = [
    "well@example.org",
    "451x1+ann@example.org",
    "hangx1+ben@example.org",
    "dripx1+cat@example.org",
    "closex1+dan@example.org",
    "losex1+eve@example.org",
];

#[tokio::test(flavor = "multi_thread")]
async fn mails_arrive_whatever_their_server_does_and_whatever_dies() {
    let server = smtp_server(SmtpTls::None).await;
    let sending = [("SMTP_URL", server.url()), ("MAIL_FROM", "tasks@example.com".to_owned())];
    let mut place = Place::new(&sending).await;
    let register = async |place: &Place, email: &str| {
        let new = json!({"email": email, "name": "Somebody", "password": PASSWORD});
        place.admin.post("/v1/auth/register", &new).await.unwrap().expect(202);
    };
    for email in RECIPIENTS {
        register(&place, email).await;
    }
    let begun = "SELECT count(*) >= 4 FROM delivery.attempts WHERE outcome = 'unknown' OR outcome = 'failed'";
    let begun = within(PATIENCE, async || sqlx::query_scalar(begun).fetch_one(&place.pool).await.unwrap());
    assert!(begun.await, "{}", place.states("email").await);
    place.die(0).await;
    register(&place, "late@example.org").await;
    let sql = "SELECT count(*) = 7 FROM delivery.deliveries WHERE channel = 'email' AND state = 'delivered'";
    let arrived = within(PATIENCE, async || {
        place.retries_are_due().await;
        sqlx::query_scalar(sql).fetch_one(&place.pool).await.unwrap()
    });
    assert!(arrived.await, "{}", place.states("email").await);
    let mails = server.mails();
    let ids = |email: &str| {
        let to = mails.iter().filter(|mail| mail.to.iter().any(|to| to == email));
        let id = |content: &str| {
            let found = content.lines().find_map(|line| line.strip_prefix("Message-ID: "));
            found.map(str::to_owned)
        };
        let mut ids: Vec<_> = to.map(|mail| id(&mail.content).unwrap()).collect();
        ids.dedup();
        ids
    };
    for email in RECIPIENTS.into_iter().chain(["late@example.org"]) {
        assert_eq!(ids(email).len(), 1, "{email}: what comes twice is the same mail");
    }
    place.system.end().await;
}
