//! The table itself.

use super::{Action, Role, RoleSet, Scope, ScopeSet};
use crate::task::values::Visibility;

/// What the caller is to the object. For users `self_` means his own record, for assignments that he names only himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// Created the task.
    pub creator: bool,
    /// Is assigned to the task.
    pub assignee: bool,
    /// Watches the task.
    pub watcher: bool,
    /// Wrote the comment.
    pub author: bool,
    /// Is himself the one acted upon.
    pub self_: bool,
}

/// The answer of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// The object may be seen, but not this: 403.
    Forbidden,
    /// The object may not even be seen: 404.
    Hidden,
}

const STEWARDS: RoleSet = RoleSet::of(&[Role::Manager, Role::Admin]);
const CHRONICLERS: RoleSet = RoleSet::of(&[Role::Auditor, Role::Admin]);
const OBSERVERS: RoleSet = RoleSet::of(&[Role::Operator, Role::Auditor]);
const ANNOUNCERS: RoleSet = RoleSet::of(&[Role::Announcer, Role::Admin]);
const CONTROLLERS: RoleSet = RoleSet::of(&[Role::Integrator, Role::Operator]);
const STREAMERS: RoleSet = RoleSet::of(&[Role::Integrator, Role::Member]);

/// Whether a task can be seen: by members (private ones by those concerned), and read by auditors.
pub fn sees(roles: RoleSet, visibility: Visibility, relation: Relation) -> bool {
    takes_part(roles, visibility, relation) || roles.has(Role::Auditor)
}

/// Judges one action. `task` is the visibility of the task that is acted upon, none for everything else.
pub fn decide(action: Action, roles: RoleSet, task: Option<Visibility>, relation: Relation) -> Decision {
    let Some(visibility) = task else {
        return if permits(action, roles, Visibility::Team, relation) {
            Decision::Allow
        } else {
            Decision::Forbidden
        };
    };
    if !sees(roles, visibility, relation) {
        return Decision::Hidden;
    }
    let reads = action == Action::TaskRead;
    let allowed =
        reads || takes_part(roles, visibility, relation) && permits(action, roles, visibility, relation);
    if allowed { Decision::Allow } else { Decision::Forbidden }
}

/// Judges one action of a caller whose rights count only within scopes (an API key); none = without such bounds.
pub fn decide_within(
    scopes: Option<ScopeSet>,
    action: Action,
    roles: RoleSet,
    task: Option<Visibility>,
    relation: Relation,
) -> Decision {
    let decision = decide(action, roles, task, relation);
    let Some(scopes) = scopes.filter(|_| decision == Decision::Allow) else { return decision };
    let within = action.scope().is_some_and(|scope| scopes.has(scope));
    match task {
        _ if within => Decision::Allow,
        Some(_) if !scopes.has(Scope::TasksRead) => Decision::Hidden,
        Some(_) | None => Decision::Forbidden,
    }
}

/// Whether the caller may act on a task that he sees (auditors only read).
fn takes_part(roles: RoleSet, visibility: Visibility, relation: Relation) -> bool {
    let concerned = match visibility {
        Visibility::Team => true,
        Visibility::Private => relation.creator || relation.assignee || relation.watcher,
    };
    roles.has(Role::Member) && concerned
}

fn permits(action: Action, roles: RoleSet, visibility: Visibility, relation: Relation) -> bool {
    let steward = relation.creator || roles.has_any(STEWARDS);
    let himself = relation.self_ && roles.has(Role::Member);
    match action {
        Action::TaskCreate | Action::TaskComment => roles.has(Role::Member),
        Action::TaskRead => roles.has_any(RoleSet::of(&[Role::Member, Role::Auditor])),
        Action::TaskWatch => himself || steward,
        Action::TaskEdit | Action::TaskDelete | Action::TaskUndelete | Action::TaskRollback => steward,
        Action::TaskTransition | Action::TaskChecklist => steward || relation.assignee,
        Action::TaskProgress => relation.assignee,
        Action::TaskAssign => steward || himself && visibility == Visibility::Team,
        Action::CommentEdit => relation.author,
        Action::CommentDelete => relation.author || roles.has_any(STEWARDS),
        Action::UserRead => true,
        Action::UserReadPrivate | Action::DeviceRemove => relation.self_ || roles.has(Role::Admin),
        Action::UserHistory => relation.self_ || roles.has_any(CHRONICLERS),
        Action::UserEdit => relation.self_,
        Action::ApiKeyManage => himself || roles.has(Role::Admin),
        Action::UserInvite
        | Action::UserVerify
        | Action::UserDeactivate
        | Action::UserRoles
        | Action::UserLogout
        | Action::UserErase
        | Action::ServiceAccountManage
        | Action::NotificationRuleManage
        | Action::Import => roles.has(Role::Admin),
        Action::AnnouncementManage => roles.has_any(ANNOUNCERS),
        Action::AnnouncementSend => false,
        Action::AuditRead => roles.has(Role::Auditor),
        Action::DeliveryRead => roles.has_any(OBSERVERS),
        Action::Operate => roles.has(Role::Operator),
        Action::WebhookControl => roles.has_any(CONTROLLERS),
        Action::WebhookManage | Action::InterfaceCallback => roles.has(Role::Integrator),
        Action::EventStream => roles.has_any(STREAMERS),
    }
}
