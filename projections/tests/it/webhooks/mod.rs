//! Webhooks from an event to a receiver.

mod erased;
mod health;
mod order;
mod places;
mod rights;
mod sent;
mod throttle;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    event::{EventPattern, Nothing, to_stored},
    filter::{Filter, FilterOver},
    ids::{SecretId, TaskKey, UserId},
    policy::{Role, RoleSet, Scope, ScopeSet},
    task::{
        Created, TaskEvent,
        values::{Priority, Title, Visibility},
    },
    time::Timestamp,
    user::{ServiceAccountCreated, UserEvent},
    webhook::{
        UrlRules, WebhookCreated, WebhookDefinition, WebhookEvent, WebhookPaused, WebhookUrl,
        values::{Ordering, PayloadMode, Signature, Start, Throttle},
    },
};
use event_store::{MasterKey, NewEvent, Pressure, Sealer};
use projections::{
    channels::webhook::{Parts, Webhooks},
    commands::{CommandArgs, Commands},
    reactors::webhooks,
};
use service::{
    outbound::{Client, Limits, Options, Outside, Reach, Url},
    secrets::SecretKey,
    webhook_secrets::WebhookSecrets,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    channels::receiver::{Got, Receiver},
    sending::Sending,
    world::{DEADLINE, World, stored, task_event},
};

const LOCAL: UrlRules<'static> = UrlRules { local: true, ports: &[] };

fn now() -> Timestamp {
    Utc::now().into()
}

fn long_ago() -> Timestamp {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap().into()
}

fn secrets() -> WebhookSecrets {
    WebhookSecrets::new(&SecretKey::from_bytes([9; 32]))
}

/// An endpoint as its owner has it.
struct Hook {
    id: Uuid,
    owner: UserId,
    secret: SecretId,
    version: i64,
}

fn definition(url: &Url) -> WebhookDefinition {
    WebhookDefinition {
        url: WebhookUrl::parse(url.as_str(), LOCAL).unwrap(),
        description: None,
        event_types: vec![EventPattern::parse("task.*").unwrap()],
        filter: None,
        mode: PayloadMode::Full,
        ordering: Ordering::PerAggregate,
        throttle_per_second: None,
        headers: BTreeMap::new(),
    }
}

fn filter(text: &str) -> Option<Filter> {
    Some(Filter::parse(text, FilterOver::Events).unwrap())
}

fn created(title: &str, creator: UserId, visibility: Visibility) -> Created {
    Created {
        key: TaskKey(1),
        title: Title::parse(title).unwrap(),
        description: None,
        priority: Priority::Normal,
        due: None,
        labels: Vec::new(),
        assignees: Vec::new(),
        creator,
        parent: None,
        external_ref: None,
        visibility,
    }
}

fn team_task(title: &str) -> TaskEvent {
    TaskEvent::Created(created(title, UserId(Uuid::now_v7()), Visibility::Team))
}

/// What a receiver got, as titles.
fn titles(receiver: &Receiver) -> Vec<String> {
    receiver.got().iter().map(title).collect()
}

fn title(got: &Got) -> String {
    let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
    let data = &body["data"];
    data["title"].as_str().or(data["to"].as_str()).unwrap_or_default().to_owned()
}

impl World {
    /// A program that may read tasks and events.
    async fn integrator(&self) -> UserId {
        let scopes = ScopeSet::of(&[Scope::EventsRead, Scope::TasksRead, Scope::WebhooksManage]);
        let id = Uuid::now_v7();
        let name = self.sealer.seal(id, "robot").await.unwrap();
        let roles = RoleSet::of(&[Role::Integrator, Role::Member]);
        self.user(id, 0, UserEvent::ServiceAccountCreated(ServiceAccountCreated { name, roles, scopes }))
            .await;
        UserId(id)
    }

    async fn user(&self, id: Uuid, expected: i64, event: UserEvent) -> i64 {
        let (event_type, version) = event.stored_type();
        let event = stored(event_type, version, to_stored(&event).unwrap(), long_ago());
        self.append("user", id, expected, vec![event]).await
    }

    async fn hook(&self, definition: WebhookDefinition) -> Hook {
        let owner = self.integrator().await;
        self.hook_of(owner, definition, Start::Now).await
    }

    async fn hook_of(&self, owner: UserId, definition: WebhookDefinition, start: Start) -> Hook {
        let secret = SecretId(Uuid::now_v7());
        let mut hook = Hook { id: Uuid::now_v7(), owner, secret, version: 0 };
        let created = WebhookCreated { owner, definition, start, secret, signature: Signature::V1 };
        self.on_hook(&mut hook, WebhookEvent::Created(created)).await;
        hook
    }

    async fn on_hook(&self, hook: &mut Hook, event: WebhookEvent) -> i64 {
        let (event_type, version) = event.stored_type();
        let event = stored(event_type, version, to_stored(&event).unwrap(), now());
        hook.version += 1;
        self.append("webhook", hook.id, hook.version - 1, vec![event]).await
    }

    async fn pause(&self, hook: &mut Hook) -> i64 {
        self.on_hook(hook, WebhookEvent::Paused(WebhookPaused { reason: None })).await
    }

    async fn resume(&self, hook: &mut Hook) -> i64 {
        self.on_hook(hook, WebhookEvent::Resumed(Nothing {})).await
    }

    async fn task(&self, id: Uuid, expected: i64, event: &TaskEvent) -> i64 {
        self.append("task", id, expected, vec![task_event(event, long_ago())]).await
    }

    async fn new_task(&self, title: &str) -> (Uuid, i64) {
        let id = Uuid::now_v7();
        (id, self.task(id, 0, &team_task(title)).await)
    }

    /// So many changes of a task's title, `1`, `2` and so on.
    async fn retitled(&self, id: Uuid, expected: i64, count: usize) -> i64 {
        let events: Vec<NewEvent> = (1..=count)
            .map(|n| {
                let [from, to] = [n - 1, n].map(|n| Title::parse(&n.to_string()).unwrap());
                task_event(&TaskEvent::TitleChanged(domain::event::Change { from, to }), long_ago())
            })
            .collect();
        self.append("task", id, expected, events).await
    }

    /// Reactors, readers and the channel, as one process has them; commands are taken there.
    fn hooks_asking(&self, commands: &Url) -> Sending {
        let outside = Outside {
            plain_http: true,
            ports: vec![443.into()],
            allow: vec!["127.0.0.1:1024-65535".parse().unwrap()],
        };
        let limits = Limits { connect: DEADLINE, whole: DEADLINE, ..Limits::default() };
        let client = Client::new(Options { reach: Reach::Outside(outside), limits, ..Options::default() });
        let command_api_url = Some(commands.as_str().parse().unwrap());
        let secret = SecretKey::from_bytes([9; 32]);
        let url = "http://localhost:8080".parse().unwrap();
        let parts = Parts {
            client: client.unwrap(),
            log: self.log.clone(),
            sealer: Arc::new(Sealer::new(self.log.pool().clone(), &MasterKey([7; 32]))),
            secrets: secrets(),
            commands: Commands::new(&CommandArgs { command_api_url }, &url, &secret).unwrap(),
        };
        let carrying = self.carry(Arc::new(Webhooks::new(parts, &self.delivery())));
        let stop = CancellationToken::new();
        let behind = Arc::new(webhooks::Webhooks::new(&self.log));
        let reading = webhooks::read(behind, self.delivery(), Pressure::default(), stop.clone());
        self.react(Duration::from_secs(2)).and(carrying).and(Sending::one(reading, stop))
    }

    fn hooks(&self) -> Sending {
        self.hooks_asking(&"http://127.0.0.1:9/".parse().unwrap())
    }

    /// Waits until the reactor has decided on everything up to there.
    async fn decided(&self, position: i64) {
        let sql = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "webhooks", position).await;
    }

    /// Waits until so many calls to webhooks have succeeded.
    async fn hooks_delivered(&self, count: i64) {
        let sql = "SELECT count(*) >= $2 FROM delivery.deliveries WHERE channel = $1 AND state = 'delivered'";
        self.becomes_true(sql, "webhook", count).await;
    }

    async fn hook_states(&self) -> String {
        let sql = "SELECT coalesce(string_agg(concat_ws(' ', state, reason), ', ' ORDER BY position), '')
            FROM delivery.deliveries WHERE channel = 'webhook'";
        self.text(sql).await.unwrap()
    }
}
