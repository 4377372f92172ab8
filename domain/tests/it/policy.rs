//! The policy table against the code: action x role x relation x visibility.

use domain::{
    policy::{Action, Decision, Relation, Role, RoleSet, Scope, ScopeSet, decide, decide_within},
    task::values::Visibility,
};

use Role::{Admin, Announcer, Auditor, Integrator, Manager, Member, Operator};

const NOBODY: Relation =
    Relation { creator: false, assignee: false, watcher: false, author: false, self_: false };
const CREATOR: Relation = Relation { creator: true, ..NOBODY };
const ASSIGNEE: Relation = Relation { assignee: true, ..NOBODY };
const WATCHER: Relation = Relation { watcher: true, ..NOBODY };
const AUTHOR: Relation = Relation { author: true, ..NOBODY };
const HIMSELF: Relation = Relation { self_: true, ..NOBODY };
const RELATIONS: [Relation; 6] = [NOBODY, CREATOR, ASSIGNEE, WATCHER, AUTHOR, HIMSELF];

/// Who may do what to a team task that he sees as a member: by role, or by relation.
const ON_TASKS: &[(Action, &[Role], &[Relation])] = &[
    (Action::TaskRead, &[Member], &[]),
    (Action::TaskComment, &[Member], &[]),
    (Action::TaskWatch, &[Manager, Admin], &[HIMSELF, CREATOR]),
    (Action::TaskEdit, &[Manager, Admin], &[CREATOR]),
    (Action::TaskDelete, &[Manager, Admin], &[CREATOR]),
    (Action::TaskUndelete, &[Manager, Admin], &[CREATOR]),
    (Action::TaskRollback, &[Manager, Admin], &[CREATOR]),
    (Action::TaskTransition, &[Manager, Admin], &[CREATOR, ASSIGNEE]),
    (Action::TaskChecklist, &[Manager, Admin], &[CREATOR, ASSIGNEE]),
    (Action::TaskProgress, &[], &[ASSIGNEE]),
    (Action::TaskAssign, &[Manager, Admin], &[CREATOR, HIMSELF]),
    (Action::CommentEdit, &[], &[AUTHOR]),
    (Action::CommentDelete, &[Manager, Admin], &[AUTHOR]),
];

/// Who may do what elsewhere: by role, or by relation.
const ELSEWHERE: &[(Action, &[Role], &[Relation])] = &[
    (Action::TaskCreate, &[Member], &[]),
    (Action::UserRead, Role::ALL, &RELATIONS),
    (Action::UserReadPrivate, &[Admin], &[HIMSELF]),
    (Action::UserHistory, &[Admin, Auditor], &[HIMSELF]),
    (Action::UserEdit, &[], &[HIMSELF]),
    (Action::DeviceRemove, &[Admin], &[HIMSELF]),
    (Action::UserInvite, &[Admin], &[]),
    (Action::UserVerify, &[Admin], &[]),
    (Action::UserDeactivate, &[Admin], &[]),
    (Action::UserRoles, &[Admin], &[]),
    (Action::UserLogout, &[Admin], &[]),
    (Action::UserErase, &[Admin], &[]),
    (Action::ServiceAccountManage, &[Admin], &[]),
    (Action::AnnouncementManage, &[Announcer, Admin], &[]),
    (Action::AnnouncementSend, &[], &[]),
    (Action::NotificationRuleManage, &[Admin], &[]),
    (Action::AuditRead, &[Auditor], &[]),
    (Action::DeliveryRead, &[Operator, Auditor], &[]),
    (Action::Operate, &[Operator], &[]),
    (Action::WebhookManage, &[Integrator], &[]),
    (Action::WebhookControl, &[Integrator, Operator], &[]),
    (Action::EventStream, &[Integrator, Member], &[]),
    (Action::InterfaceCallback, &[Integrator], &[]),
    (Action::Import, &[Admin], &[]),
];

/// Every combination of roles.
fn all_roles() -> impl Iterator<Item = RoleSet> {
    (0..1u32 << Role::ALL.len()).map(|bits| {
        let held = Role::ALL.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0);
        held.map(|(_, role)| *role).collect()
    })
}

fn listed(roles: RoleSet, relation: Relation, by_role: &[Role], by_relation: &[Relation]) -> bool {
    by_role.iter().any(|role| roles.has(*role)) || by_relation.contains(&relation)
}

#[test]
fn every_action_stands_in_exactly_one_table() {
    let listed = ON_TASKS.iter().chain(ELSEWHERE).map(|(action, ..)| *action);
    let mut listed: Vec<_> = listed.chain([Action::ApiKeyManage]).collect();
    listed.sort();
    let mut all = Action::ALL.to_vec();
    all.sort();
    assert_eq!(listed, all);
}

#[test]
fn team_tasks() {
    for (action, by_role, by_relation) in ON_TASKS {
        for (roles, relation) in all_roles().flat_map(|roles| RELATIONS.map(|relation| (roles, relation))) {
            let expected = match (roles.has(Member), roles.has(Auditor)) {
                (true, _) if listed(roles, relation, by_role, by_relation) => Decision::Allow,
                (_, true) if *action == Action::TaskRead => Decision::Allow,
                (false, false) => Decision::Hidden,
                _ => Decision::Forbidden,
            };
            let decision = decide(*action, roles, Some(Visibility::Team), relation);
            assert_eq!(decision, expected, "{action} {roles:?} {relation:?}");
        }
    }
}

#[test]
fn private_tasks() {
    for (action, by_role, by_relation) in ON_TASKS {
        for (roles, relation) in all_roles().flat_map(|roles| RELATIONS.map(|relation| (roles, relation))) {
            let concerned = roles.has(Member) && [CREATOR, ASSIGNEE, WATCHER].contains(&relation);
            let expected = match (concerned, roles.has(Auditor)) {
                (true, _) if listed(roles, relation, by_role, by_relation) => Decision::Allow,
                (_, true) if *action == Action::TaskRead => Decision::Allow,
                (false, false) => Decision::Hidden,
                _ => Decision::Forbidden,
            };
            let decision = decide(*action, roles, Some(Visibility::Private), relation);
            assert_eq!(decision, expected, "{action} {roles:?} {relation:?}");
        }
    }
}

#[test]
fn elsewhere() {
    for (action, by_role, by_relation) in ELSEWHERE {
        for (roles, relation) in all_roles().flat_map(|roles| RELATIONS.map(|relation| (roles, relation))) {
            let allowed = listed(roles, relation, by_role, by_relation);
            let expected = if allowed { Decision::Allow } else { Decision::Forbidden };
            assert_eq!(decide(*action, roles, None, relation), expected, "{action} {roles:?} {relation:?}");
        }
    }
}

#[test]
fn members_manage_their_own_keys_and_admins_those_of_programs() {
    for (roles, relation) in all_roles().flat_map(|roles| RELATIONS.map(|relation| (roles, relation))) {
        let allowed = roles.has(Admin) || roles.has(Member) && relation == HIMSELF;
        let expected = if allowed { Decision::Allow } else { Decision::Forbidden };
        let decision = decide(Action::ApiKeyManage, roles, None, relation);
        assert_eq!(decision, expected, "{roles:?} {relation:?}");
    }
}

#[test]
fn a_key_opens_what_its_scopes_say_and_its_user_may() {
    let own = Relation { creator: true, assignee: true, watcher: true, author: true, self_: true };
    let tasks = [None, Some(Visibility::Team), Some(Visibility::Private)];
    for (action, roles) in Action::ALL.iter().flat_map(|action| all_roles().map(|roles| (*action, roles))) {
        for (scopes, task) in all_scopes().flat_map(|scopes| tasks.map(|task| (scopes, task))) {
            let without = decide(action, roles, task, own);
            let opened = action.scope().is_some_and(|scope| scopes.has(scope));
            let expected = match (without, opened) {
                (Decision::Allow, true) => Decision::Allow,
                (Decision::Allow, false) if task.is_none() => Decision::Forbidden,
                (Decision::Allow, false) if scopes.has(Scope::TasksRead) => Decision::Forbidden,
                (Decision::Allow, false) => Decision::Hidden,
                (refused, _) => refused,
            };
            let decision = decide_within(Some(scopes), action, roles, task, own);
            assert_eq!(decision, expected, "{action} {roles:?} {scopes:?} {task:?}");
        }
        assert_eq!(decide_within(None, action, roles, None, own), decide(action, roles, None, own));
    }
}

/// None, each alone, all.
fn all_scopes() -> impl Iterator<Item = ScopeSet> {
    let alone = Scope::ALL.iter().map(|scope| ScopeSet::of(&[*scope]));
    [ScopeSet::EMPTY, ScopeSet::ALL].into_iter().chain(alone)
}

#[test]
fn no_key_makes_keys_or_changes_who_one_is_or_what_one_may() {
    let closed = [
        Action::ApiKeyManage,
        Action::ServiceAccountManage,
        Action::UserEdit,
        Action::DeviceRemove,
        Action::UserInvite,
        Action::UserVerify,
        Action::UserDeactivate,
        Action::UserRoles,
        Action::UserLogout,
        Action::UserErase,
        Action::Operate,
        Action::DeliveryRead,
        Action::AuditRead,
        Action::Import,
    ];
    for action in closed {
        assert_eq!(action.scope(), None, "{action}");
    }
}

#[test]
fn nobody_takes_himself_onto_a_private_task() {
    let watching = Relation { watcher: true, self_: true, ..NOBODY };
    let roles = RoleSet::of(&[Member]);
    assert_eq!(decide(Action::TaskAssign, roles, Some(Visibility::Private), watching), Decision::Forbidden);
    assert_eq!(decide(Action::TaskWatch, roles, Some(Visibility::Private), watching), Decision::Allow);
}

#[test]
fn actions_have_words() {
    for action in Action::ALL {
        assert_eq!(action.as_str().parse(), Ok(*action));
    }
}
