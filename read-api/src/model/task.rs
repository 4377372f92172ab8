//! A task as clients see it.

use domain::{
    ids::TaskKey,
    policy::Relation as RelationTo,
    task::values::{Due, ExternalRef, Priority, Relation, Status, Transition, Visibility},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema;

/// A user by name; the name is null once the person is erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PersonRef)]
pub struct Person {
    /// The user.
    pub id: Uuid,
    /// Name in clear.
    #[schema(required)]
    pub name: Option<String>,
}

/// One line of a checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChecklistItem {
    /// The item.
    pub id: Uuid,
    /// What is to be done.
    pub text: String,
    /// Whether it is.
    pub done: bool,
}

/// A task.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Task {
    /// UUIDv7.
    pub id: Uuid,
    /// Short name; works wherever the id does.
    #[schema(value_type = String, example = "T-123")]
    pub key: TaskKey,
    /// Sequence of the last event that the fields show; the ETag.
    pub version: i64,
    /// One line.
    pub title: String,
    /// Markdown.
    #[schema(required)]
    pub description: Option<String>,
    /// Where it stands.
    #[schema(schema_with = schema::status)]
    pub status: Status,
    /// The transitions that the status allows.
    #[schema(schema_with = schema::transitions)]
    pub allowed: &'static [Transition],
    /// How pressing it is.
    #[schema(schema_with = schema::priority)]
    pub priority: Priority,
    /// When it should be done.
    #[schema(schema_with = schema::due, required)]
    pub due: Option<Due>,
    /// Labels in the order in which they were added.
    pub labels: Vec<String>,
    /// Who works on it.
    pub assignees: Vec<Person>,
    /// Ids of those who watch it.
    pub watchers: Vec<Uuid>,
    /// Who created it.
    pub creator: Person,
    /// The task that this one is a part of.
    #[schema(required)]
    pub parent: Option<Uuid>,
    /// Relations that start at this task.
    #[schema(schema_with = schema::relations)]
    pub relations: Vec<Relation>,
    /// The checklist in order.
    pub checklist: Vec<ChecklistItem>,
    /// Percent.
    #[schema(minimum = 0, maximum = 100)]
    pub progress: i16,
    /// Its name in another system.
    #[schema(schema_with = schema::external_ref, required)]
    pub external_ref: Option<ExternalRef>,
    /// Who may see it.
    #[schema(schema_with = schema::visibility)]
    pub visibility: Visibility,
    /// Comments that stand.
    pub comment_count: i32,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
    /// When it was deleted.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub delete_time: Option<Timestamp>,
    /// When a deleted task is gone for good.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub purge_time: Option<Timestamp>,
}

impl Task {
    /// What this user is to the task.
    pub fn relation_to(&self, user: Uuid) -> RelationTo {
        RelationTo {
            creator: self.creator.id == user,
            assignee: self.assignees.iter().any(|person| person.id == user),
            watcher: self.watchers.contains(&user),
            ..RelationTo::default()
        }
    }
}
