//! Whether an actor may ask a task for something: the policy table, applied to this task.

use super::{Task, TaskCommand, TaskError, TaskFact};
use crate::{
    actor::Actor,
    ids::UserId,
    policy::{Action, Decision, Relation, Role},
};

impl TaskCommand {
    /// The row of the policy table.
    pub fn action(&self) -> Action {
        match self {
            Self::Create(_) => Action::TaskCreate,
            Self::Edit(_) | Self::AddRelation(_) | Self::RemoveRelation(_) => Action::TaskEdit,
            Self::Transition { .. } => Action::TaskTransition,
            Self::Assign { .. } | Self::Unassign { .. } => Action::TaskAssign,
            Self::SetProgress { .. } => Action::TaskProgress,
            Self::Watch { .. } | Self::Unwatch { .. } => Action::TaskWatch,
            Self::AddComment { .. } => Action::TaskComment,
            Self::EditComment { .. } => Action::CommentEdit,
            Self::DeleteComment { .. } => Action::CommentDelete,
            Self::AddChecklistItem { .. }
            | Self::EditChecklistItem { .. }
            | Self::RemoveChecklistItem { .. } => Action::TaskChecklist,
            Self::Delete => Action::TaskDelete,
            Self::Undelete => Action::TaskUndelete,
            Self::RollBack { .. } => Action::TaskRollback,
        }
    }

    /// Checks that the actor may ask for this; `decide` does so too.
    pub fn authorise(&self, task: &Task, actor: &Actor) -> Result<(), TaskError> {
        let relation = match self {
            Self::Create(_) => return authorise_create(actor),
            Self::EditComment { comment, .. } | Self::DeleteComment { comment } => {
                task.authorise(Action::TaskRead, actor, task.relation(actor))?;
                let comment = task.comments.get(comment).ok_or(TaskError::CommentNotFound)?;
                Relation { author: actor.id() == Some(comment.author), ..task.relation(actor) }
            }
            Self::Assign { assignees: users }
            | Self::Unassign { assignees: users }
            | Self::Watch { watchers: users }
            | Self::Unwatch { watchers: users } => {
                Relation { self_: only(users, actor), ..task.relation(actor) }
            }
            Self::Edit(_)
            | Self::Transition { .. }
            | Self::SetProgress { .. }
            | Self::AddComment { .. }
            | Self::AddChecklistItem { .. }
            | Self::EditChecklistItem { .. }
            | Self::RemoveChecklistItem { .. }
            | Self::AddRelation(_)
            | Self::RemoveRelation(_)
            | Self::Delete
            | Self::Undelete
            | Self::RollBack { .. } => task.relation(actor),
        };
        task.authorise(self.action(), actor, relation)
    }
}

impl Task {
    /// What the actor is to this task; `author` and `self_` depend on the command and are false.
    pub fn relation(&self, actor: &Actor) -> Relation {
        let Some(id) = actor.id() else { return Relation::default() };
        Relation {
            creator: self.creator == Some(id),
            assignee: self.assignees.contains(&id),
            watcher: self.watchers.contains(&id),
            author: false,
            self_: false,
        }
    }

    /// Judges an action on this task. Before the body is read, ask with `author` and `self_` set: what is refused then is
    /// refused for any body.
    pub fn authorise(&self, action: Action, actor: &Actor, relation: Relation) -> Result<(), TaskError> {
        if !self.exists() {
            return Err(TaskError::NotFound);
        }
        let decision = match actor {
            Actor::System => Decision::Allow,
            Actor::Import { roles, .. } if roles.has(Role::Admin) => Decision::Allow,
            Actor::Import { .. } => Decision::Forbidden,
            Actor::Anonymous | Actor::User { .. } | Actor::Key { .. } => {
                actor.decide(action, Some(self.visibility), relation)
            }
        };
        if decision == Decision::Hidden || self.deleted && action != Action::TaskUndelete {
            return Err(TaskError::NotFound);
        }
        if decision == Decision::Allow { Ok(()) } else { Err(TaskError::Forbidden) }
    }

    /// What other tasks' decisions ask about this one; none if it was never created.
    pub fn fact(&self, actor: &Actor) -> Option<TaskFact> {
        let visible = self.authorise(Action::TaskRead, actor, self.relation(actor)).is_ok();
        self.exists().then(|| TaskFact { visible, parent: self.parent, relations: self.relations.clone() })
    }
}

fn authorise_create(actor: &Actor) -> Result<(), TaskError> {
    let decision = match actor {
        Actor::System | Actor::Anonymous => Decision::Forbidden,
        Actor::User { .. } | Actor::Key { .. } => actor.decide(Action::TaskCreate, None, Relation::default()),
        Actor::Import { .. } => actor.decide(Action::Import, None, Relation::default()),
    };
    if decision == Decision::Allow { Ok(()) } else { Err(TaskError::Forbidden) }
}

fn only(users: &[UserId], actor: &Actor) -> bool {
    actor.id().is_some_and(|id| users.iter().all(|user| *user == id))
}
