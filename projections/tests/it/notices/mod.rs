//! Notices about tasks: who is told, by what ways and when, whatever dies meanwhile.

mod digests;
mod mails;
mod pushes;
mod rules;
mod told;

use std::time::Duration;

use domain::{
    event::{ActorType, Metadata, Nothing, to_stored},
    ids::{CommentId, TaskKey, UserId},
    notification::{Category, Channel, Mode, Preferences},
    policy::Role,
    task::{
        Commented, Created, StatusChange, TaskEvent,
        values::{Markdown, Priority, Status, Title, Visibility},
    },
    time::Timestamp,
    user::{RoleEntry, UserEvent},
};
use event_store::NewEvent;
use uuid::Uuid;

use crate::{
    sending::Sending,
    world::{World, stored},
};

const LEASE: Duration = Duration::from_secs(2);

/// By whom a task was changed, and how often before.
struct Task {
    id: Uuid,
    version: i64,
}

/// What a task begins with.
fn created(creator: UserId, assignees: &[UserId]) -> Created {
    Created {
        key: TaskKey(12),
        title: Title::parse("Mend the roof").unwrap(),
        description: None,
        priority: Priority::default(),
        due: None,
        labels: Vec::new(),
        assignees: assignees.to_vec(),
        creator,
        parent: None,
        external_ref: None,
        visibility: Visibility::Team,
    }
}

fn started() -> TaskEvent {
    TaskEvent::Started(StatusChange { from: Status::Waiting, to: Status::InProgress, reason: None })
}

fn commented(author: UserId, text: &str) -> TaskEvent {
    let text = Markdown::parse(text).unwrap();
    TaskEvent::Commented(Commented { comment: CommentId(Uuid::now_v7()), author, text })
}

fn wishes(category: Category, channel: Channel, mode: Mode) -> Preferences {
    let mut wishes = Preferences::default();
    wishes.modes.entry(category).or_default().insert(channel, mode);
    wishes
}

/// An event as it is stored when this user acts.
fn acted(event: &TaskEvent, actor: UserId) -> NewEvent {
    let (event_type, version) = event.stored_type();
    let at: Timestamp = "2026-11-21T09:30:00Z".parse().unwrap();
    let new = stored(event_type, version, to_stored(event).unwrap(), at);
    let metadata: Metadata = serde_json::from_str(&new.metadata).unwrap();
    let metadata = Metadata { actor_type: ActorType::User, actor_id: Some(actor), ..metadata };
    NewEvent { metadata: serde_json::to_string(&metadata).unwrap().into(), ..new }
}

impl World {
    /// A member who is called so, with an address of that name.
    async fn member(&self, name: &str, language: &str) -> UserId {
        let user = Uuid::now_v7();
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        let registered = self.registered_at(user, &email, name, language).await;
        let member = UserEvent::RoleGranted(RoleEntry { role: Role::Member });
        self.happens(user, 0, &[registered, UserEvent::Verified(Nothing {}), member]).await;
        UserId(user)
    }

    /// A member's fourth event.
    async fn wishes(&self, user: UserId, to: Preferences) -> i64 {
        let change = domain::event::Change { from: Preferences::default(), to };
        self.happens(user.0, 3, &[UserEvent::NotificationPreferencesChanged(change)]).await
    }

    async fn has_task(&self, actor: UserId, created: Created) -> Task {
        let mut task = Task { id: Uuid::now_v7(), version: 0 };
        self.act(&mut task, actor, TaskEvent::Created(created)).await;
        task
    }

    /// Somebody does something; gives its position.
    async fn act(&self, task: &mut Task, actor: UserId, event: TaskEvent) -> i64 {
        let position = self.append("task", task.id, task.version, vec![acted(&event, actor)]).await;
        task.version += 1;
        position
    }

    fn tell(&self) -> Sending {
        self.react(LEASE).and(self.email(&["--smtp-connections=1"]))
    }

    /// Waits until everything up to there is decided, and carried out but for what waits for its day and steps of processes.
    async fn told(&self, position: i64) {
        let sql = "SELECT position >= $2 AND NOT EXISTS (
                SELECT FROM delivery.deliveries WHERE end_time IS NULL AND channel NOT IN ('digest', 'command')
                    AND due_at < clock_timestamp() + interval '1 day')
            FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "notices", position).await;
    }

    /// What stands in somebody's inbox, in order: `assignment task.created`.
    async fn inbox(&self, user: UserId) -> Vec<String> {
        let sql = "SELECT template || ' ' || (happening ->> 'trigger') FROM delivery.notices
            WHERE user_id = $1 ORDER BY position";
        sqlx::query_scalar(sql).bind(user.0).fetch_all(&self.owner).await.unwrap()
    }

    /// Deliveries to somebody, in order: `email delivered`.
    async fn sent(&self, user: UserId) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', channel, state, reason) FROM delivery.deliveries
            WHERE recipient = $1 ORDER BY position, channel";
        sqlx::query_scalar(sql).bind(user.to_string()).fetch_all(&self.owner).await.unwrap()
    }
}
