//! What does not answer as it should is disabled.

use axum::http::StatusCode;
use domain::{
    time::TimeZone,
    user::{Invited, values::Locale},
    webhook::{WebhookDisabled, WebhookEvent, values::DisabledReason},
};
use serde_json::{Value, json};

use super::*;

async fn asked(commands: &Receiver) -> (String, Value) {
    let asked = async {
        loop {
            if let Some(got) = commands.got().first() {
                return (got.path.clone(), serde_json::from_slice(&got.body).unwrap());
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_is_gone_until_somebody_resumes_it() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::GONE]).await);
    let commands = Receiver::start([StatusCode::OK]).await;
    let mut hook = world.hook(definition(receiver.url())).await;
    let (task, _) = world.new_task("0").await;
    let _sending = world.hooks_asking(commands.url());
    let path = format!("/v1/webhooks/{}/disable", hook.id);
    assert_eq!(asked(&commands).await, (path, json!({"reason": "gone"})));
    world.deliveries_are("failed", 1).await;
    let disabled = WebhookDisabled { reason: DisabledReason::Gone };
    world.on_hook(&mut hook, WebhookEvent::Disabled(disabled)).await;
    let position = world.retitled(task, 1, 1).await;
    world.decided(position).await;
    assert_eq!(receiver.got().len(), 1);
    world.resume(&mut hook).await;
    world.hooks_delivered(2).await;
    assert_eq!(titles(&receiver), ["0", "0", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_days_without_success_are_enough() {
    let bad = [StatusCode::BAD_GATEWAY, StatusCode::BAD_GATEWAY, StatusCode::OK, StatusCode::BAD_GATEWAY];
    let (world, receiver) = (World::new().await, Receiver::start(bad).await);
    let commands = Receiver::start([StatusCode::OK]).await;
    let hook = world.hook(definition(receiver.url())).await;
    world.new_task("0").await;
    let _sending = world.hooks_asking(commands.url());
    world.deliveries_are("failed", 1).await;
    let days = "UPDATE delivery.webhooks SET failing_since = failing_since - interval '5 days'";
    world.run(days).await;
    world.retries_are_due().await;
    let path = format!("/v1/webhooks/{}/disable", hook.id);
    assert_eq!(asked(&commands).await, (path, json!({"reason": "failing"})));
    // One success, and all is well.
    world.deliveries_are("failed", 1).await;
    world.retries_are_due().await;
    world.hooks_delivered(1).await;
    world.new_task("1").await;
    world.deliveries_are("failed", 1).await;
    let young =
        "SELECT count(*) FROM delivery.webhooks WHERE failing_since > clock_timestamp() - interval '1 day'";
    assert_eq!((world.number(young).await, commands.got().len()), (1, 1));
}

impl World {
    /// People as the log and the read model have them; the first one owns an endpoint.
    async fn readers(&self) -> (UserId, i64) {
        let mut people = Vec::new();
        for (name, locale, roles) in [
            ("kim", "ko", &[Role::Integrator, Role::Member][..]),
            ("ops", "en", &[Role::Operator]),
            ("ann", "en", &[Role::Member]),
        ] {
            people.push(self.reader(name, locale, RoleSet::of(roles)).await);
        }
        (UserId(people[0].0), people[2].1)
    }

    async fn reader(&self, name: &str, locale: &str, roles: RoleSet) -> (Uuid, i64) {
        let (id, locale) = (Uuid::now_v7(), Locale::parse(locale).unwrap());
        let email = self.sealer.seal(id, &format!("{name}@example.com")).await.unwrap();
        let name = self.sealer.seal(id, name).await.unwrap();
        let invited = Invited { email, name, locale, time_zone: TimeZone::UTC, roles };
        self.user(id, 0, UserEvent::Invited(invited)).await;
        let position = self.user(id, 1, UserEvent::Verified(Nothing {})).await;
        self.all_reached(position).await;
        (id, position)
    }

    async fn knows_people(&self, position: i64) {
        let sql = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "account_mails", position).await;
    }

    /// `address: subject` of all mails, once there are so many.
    async fn letters(&self, count: i64) -> String {
        let sql = "SELECT count(*) = $2 AND $1 = '' FROM delivery.mails";
        self.becomes_true(sql, "", count).await;
        let sql = "SELECT string_agg(address || ': ' || subject, ', ' ORDER BY id) FROM delivery.mails";
        self.text(sql).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_owns_a_webhook_is_written_to_once_after_an_hour_and_when_it_is_disabled() {
    let (world, receiver) = (World::new().await, Receiver::start(vec![StatusCode::BAD_GATEWAY; 9]).await);
    let _projecting = world.start();
    let (owner, people) = world.readers().await;
    let url: Url = format!("{}hook?token=hush", receiver.url()).parse().unwrap();
    let mut hook = world.hook_of(owner, definition(&url), Start::Now).await;
    world.new_task("0").await;
    let _sending = world.hooks().and(world.email(&[]));
    world.knows_people(people).await;
    world.deliveries_are("failed", 1).await;
    world.run("UPDATE delivery.webhooks SET failing_since = failing_since - interval '1 hour'").await;
    for attempts in [2, 3] {
        world.retries_are_due().await;
        let tried = "SELECT attempts = $2 AND state = $1 AND lease_until IS NULL FROM delivery.deliveries WHERE channel = 'webhook'";
        world.becomes_true(tried, "failed", attempts).await;
    }
    assert_eq!(world.letters(1).await, "kim@example.com: 웹훅으로 아무것도 전송되지 않습니다");
    let disabled = WebhookDisabled { reason: DisabledReason::Failing };
    let position = world.on_hook(&mut hook, WebhookEvent::Disabled(disabled)).await;
    world.decided(position).await;
    let both =
        "kim@example.com: 웹훅으로 아무것도 전송되지 않습니다, kim@example.com: 웹훅이 비활성화되었습니다";
    assert_eq!(world.letters(2).await, both);
    let told = "SELECT count(*) FROM delivery.mails WHERE text LIKE '%/hook%' AND text NOT LIKE '%hush%'";
    assert_eq!(world.number(told).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_programs_webhook_the_operators_hear() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::GONE]).await);
    let _projecting = world.start();
    let (_, people) = world.readers().await;
    let mut hook = world.hook(definition(receiver.url())).await;
    let _sending = world.hooks().and(world.email(&[]));
    world.knows_people(people).await;
    let gone = WebhookDisabled { reason: DisabledReason::Gone };
    world.on_hook(&mut hook, WebhookEvent::Disabled(gone)).await;
    assert_eq!(world.letters(1).await, "ops@example.com: A webhook was disabled");
    let why = "SELECT count(*) FROM delivery.mails WHERE text LIKE '%it answered that it is gone (410)%'";
    assert_eq!(world.number(why).await, 1);
}
