//! Every event's stored form is a contract, kept as a file per version in `tests/contract`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use cqrs_es::Aggregate;
use domain::{
    announcement::AnnouncementEvent,
    event::{Change, Nothing, from_stored, to_stored},
    ids::{CredentialId, DeviceId, IdentityId, LinkId, TaskKey},
    inbox::InboxEvent,
    notification::Preferences,
    notification_rule::{DefaultRule, NotificationRuleEvent},
    operation::{OperationEvent, OperationKind, Requested},
    personal::Sealed,
    policy::{Role, RoleSet, Scope, ScopeSet},
    task::{
        AssigneeEntry, ChecklistItemEntry, ChecklistItemRenamed, ChecklistItemText, CommentEdited,
        CommentEntry, Commented, Created, DescriptionChanged, LabelEntry, RolledBack, StatusChange,
        TaskEvent, WatcherEntry,
        values::{
            ChecklistText, Due, ExternalRef, Priority, Progress, Reason, Relation, RelationType, Status,
            Title, Visibility,
        },
    },
    time::TimeZone,
    upcasters::{current_version, known_types},
    user::{
        ApiKeyCreated, ApiKeyEntry, DeviceRegistered, DeviceRemoved, IdentityLinked, IdentityUnlinked,
        Imported, Invited, LinkProof, Locked, LoginsFailed, PasswordChanged, PasswordProof,
        PasswordResetRequested, Platform, RecoveryCodeUsed, RecoveryCodesRenewed, RefreshTokenReused,
        Registered, Removal, ResetOccasion, RoleEntry, ServiceAccountCreated, StateChange, TotpEnabled, User,
        UserEvent, VerificationRequested,
        values::{Locale, RatePerMinute},
    },
    webhook::WebhookEvent,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::notification_rules;

use crate::given::{after, assignee, at, comment, creator, item, label, markdown, task, title, user};

fn status(from: Status, to: Status, reason: Option<&str>) -> StatusChange {
    StatusChange { from, to, reason: reason.map(|text| Reason::parse(text).unwrap()) }
}

fn due_at() -> Due {
    Due::At { at: at("2026-12-24T08:30:00Z"), zone: TimeZone::parse("Asia/Seoul").unwrap() }
}

fn due_date() -> Due {
    Due::Date { date: Due::parse_date("2026-12-24").unwrap() }
}

fn external_ref() -> ExternalRef {
    ExternalRef::new("desk".into(), "ticket-42".into())
}

fn item_text(text: &str) -> ChecklistText {
    ChecklistText::parse(text).unwrap()
}

fn full_creation() -> Created {
    Created {
        key: TaskKey(123),
        title: Title::parse("지붕 고치기").unwrap(),
        description: Some(markdown("Slates are in the *yard*.\n")),
        priority: Priority::High,
        due: Some(due_at()),
        labels: vec![label("roof"), label("집")],
        assignees: vec![assignee()],
        creator: creator(),
        parent: Some(task(2)),
        external_ref: Some(external_ref()),
        visibility: Visibility::Private,
    }
}

/// One of each, in the order of the variants.
pub(crate) fn task_events() -> Vec<TaskEvent> {
    use Status::{Cancelled, Done, InProgress, OnHold, Waiting};
    let blocks = Relation { kind: RelationType::Blocks, task: task(3) };
    vec![
        TaskEvent::Created(full_creation()),
        TaskEvent::TitleChanged(Change { from: title("Fix the roof"), to: title("Mend the roof") }),
        TaskEvent::DescriptionChanged(DescriptionChanged { from: Some(1), to: None }),
        TaskEvent::PriorityChanged(Change { from: Priority::High, to: Priority::Urgent }),
        TaskEvent::DueChanged(Change { from: Some(due_date()), to: Some(due_at()) }),
        TaskEvent::LabelAdded(LabelEntry { label: label("winter") }),
        TaskEvent::LabelRemoved(LabelEntry { label: label("roof") }),
        TaskEvent::ParentChanged(Change { from: Some(task(2)), to: None }),
        TaskEvent::VisibilityChanged(Change { from: Visibility::Private, to: Visibility::Team }),
        TaskEvent::ExternalRefChanged(Change { from: None, to: Some(external_ref()) }),
        TaskEvent::Assigned(AssigneeEntry { assignee: user(3) }),
        TaskEvent::Unassigned(AssigneeEntry { assignee: assignee() }),
        TaskEvent::Watched(WatcherEntry { user: user(4) }),
        TaskEvent::Unwatched(WatcherEntry { user: user(4) }),
        TaskEvent::Started(status(Waiting, InProgress, None)),
        TaskEvent::Held(status(InProgress, OnHold, Some("no slates left"))),
        TaskEvent::Resumed(status(OnHold, InProgress, None)),
        TaskEvent::Completed(status(InProgress, Done, None)),
        TaskEvent::Cancelled(status(Waiting, Cancelled, Some("sold the house"))),
        TaskEvent::Reopened(status(Done, Waiting, None)),
        TaskEvent::ProgressChanged(Change { from: Progress::default(), to: Progress::parse(40).unwrap() }),
        TaskEvent::Commented(Commented { comment: comment(1), author: creator(), text: markdown("Hello") }),
        TaskEvent::CommentEdited(CommentEdited { comment: comment(1), from: 22, to: markdown("Hello all") }),
        TaskEvent::CommentDeleted(CommentEntry { comment: comment(1) }),
        TaskEvent::ChecklistItemAdded(ChecklistItemText { item: item(1), text: item_text("ladder") }),
        TaskEvent::ChecklistItemRenamed(ChecklistItemRenamed {
            item: item(1),
            from: item_text("ladder"),
            to: item_text("long ladder"),
        }),
        TaskEvent::ChecklistItemChecked(ChecklistItemEntry { item: item(1) }),
        TaskEvent::ChecklistItemUnchecked(ChecklistItemEntry { item: item(1) }),
        TaskEvent::ChecklistItemRemoved(ChecklistItemText { item: item(1), text: item_text("long ladder") }),
        TaskEvent::RelationAdded(blocks),
        TaskEvent::RelationRemoved(blocks),
        TaskEvent::Deleted(Nothing {}),
        TaskEvent::Undeleted(Nothing {}),
        TaskEvent::RolledBack(RolledBack { to: 3 }),
    ]
}

/// One of each, in the order of the variants.
fn user_events() -> Vec<UserEvent> {
    let sealed = |text: &str| Sealed(format!("s1.{}.{text}", creator()));
    let (english, korean) = (Locale::default(), Locale::parse("ko-KR").unwrap());
    let seoul = TimeZone::parse("Asia/Seoul").unwrap();
    let reason = Some(Reason::parse("left the company").unwrap());
    vec![
        UserEvent::Registered(Registered {
            email: sealed("bWFpbA"),
            name: sealed("bmFtZQ"),
            locale: korean.clone(),
            time_zone: seoul,
        }),
        UserEvent::Invited(Invited {
            email: sealed("bWFpbA"),
            name: sealed("bmFtZQ"),
            locale: english.clone(),
            time_zone: TimeZone::UTC,
            roles: RoleSet::of(&[Role::Admin, Role::Member]),
        }),
        UserEvent::Imported(Imported { name: sealed("bmFtZQ"), source: external_ref() }),
        UserEvent::Verified(Nothing {}),
        UserEvent::NameChanged(Change { from: sealed("bmFtZQ"), to: sealed("b3RoZXI") }),
        UserEvent::LocaleChanged(Change { from: None, to: Some(korean) }),
        UserEvent::TimeZoneChanged(Change { from: Some(TimeZone::UTC), to: Some(seoul) }),
        UserEvent::RoleGranted(RoleEntry { role: Role::Manager }),
        UserEvent::RoleRevoked(RoleEntry { role: Role::Manager }),
        UserEvent::Deactivated(StateChange { reason }),
        UserEvent::Reactivated(StateChange { reason: None }),
        UserEvent::LoggedOut(StateChange { reason: Some(Reason::parse("lost the phone").unwrap()) }),
        UserEvent::RefreshTokenReused(RefreshTokenReused {
            session: Uuid::from_u128(7),
            used_from: sealed("dXNlZA"),
            reused_from: sealed("cmV1c2Vk"),
        }),
        UserEvent::LoginsFailed(LoginsFailed { count: 3, tried_from: sealed("dHJpZWQ") }),
        UserEvent::Locked(Locked { until: at("2026-11-21T12:01:00Z") }),
        UserEvent::VerificationRequested(VerificationRequested {
            link: LinkId(Uuid::from_u128(8)),
            expires_at: at("2026-12-25T12:00:00Z"),
            credential: CredentialId(Uuid::from_u128(9)),
        }),
        UserEvent::SignUpRepeated(Nothing {}),
        UserEvent::PasswordResetRequested(PasswordResetRequested {
            link: LinkId(Uuid::from_u128(8)),
            expires_at: at("2026-12-24T12:30:00Z"),
            occasion: ResetOccasion::Forgotten,
        }),
        UserEvent::PasswordChanged(PasswordChanged {
            by: PasswordProof::Reset,
            credential: CredentialId(Uuid::from_u128(9)),
        }),
        UserEvent::ServiceAccountCreated(ServiceAccountCreated {
            name: sealed("bmFtZQ"),
            roles: RoleSet::of(&[Role::Integrator, Role::Member]),
            scopes: ScopeSet::of(&[Scope::TasksRead, Scope::EventsRead]),
        }),
        UserEvent::ApiKeyCreated(ApiKeyCreated {
            key: Uuid::from_u128(11),
            scopes: ScopeSet::of(&[Scope::TasksRead]),
            expires_at: at("2027-03-01T00:00:00Z"),
            rate_per_minute: Some(RatePerMinute::parse(3000).unwrap()),
        }),
        UserEvent::ApiKeyRevoked(ApiKeyEntry { key: Uuid::from_u128(11) }),
        UserEvent::TotpEnabled(TotpEnabled {
            secret: Uuid::from_u128(8),
            recovery_codes: Uuid::from_u128(9),
        }),
        UserEvent::TotpDisabled(Nothing {}),
        UserEvent::RecoveryCodesRenewed(RecoveryCodesRenewed { recovery_codes: Uuid::from_u128(10) }),
        UserEvent::RecoveryCodeUsed(RecoveryCodeUsed { number: 3, left: 9 }),
        UserEvent::IdentityLinked(IdentityLinked {
            identity: IdentityId(Uuid::from_u128(11)),
            provider: "corp".to_owned(),
            issuer: "https://login.example.com".to_owned(),
            subject: sealed("c3ViamVjdA"),
            by: LinkProof::VerifiedEmail,
        }),
        UserEvent::IdentityUnlinked(IdentityUnlinked { identity: IdentityId(Uuid::from_u128(11)) }),
        UserEvent::NotificationPreferencesChanged(Change {
            from: Preferences::default(),
            to: crate::notifications::wishes(),
        }),
        UserEvent::DeviceRegistered(DeviceRegistered {
            device: DeviceId(Uuid::from_u128(12)),
            platform: Platform::Android,
            token: sealed("dG9rZW4"),
        }),
        UserEvent::DeviceRemoved(DeviceRemoved {
            device: DeviceId(Uuid::from_u128(12)),
            why: Removal::Unregistered,
        }),
        UserEvent::Erased(Nothing {}),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/contract")
}

fn assert_contract(name: &str, value: &Value) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_json_snapshot!(name, value));
}

/// The files of the contract: stored type, version, payload. States are no events.
pub(crate) fn stored_files() -> Vec<(String, String, String)> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let events = files.filter(|path| !path.to_string_lossy().ends_with(".state.snap"));
    events
        .filter(|path| path.extension().is_some_and(|extension| extension == "snap"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let (event_type, version) = name.rsplit_once(".v").unwrap();
            let payload = fs::read_to_string(&path).unwrap().splitn(3, "---\n").nth(2).unwrap().to_owned();
            (event_type.to_owned(), version.to_owned(), payload)
        })
        .collect()
}

/// An event as it is stored, and what reads it back the same.
struct Sample {
    stored_type: (&'static str, &'static str),
    payload: String,
    read_back: Option<bool>,
}

fn samples<E>(events: &[E], stored_type: fn(&E) -> (&'static str, &'static str)) -> Vec<Sample>
where
    E: Serialize + DeserializeOwned + PartialEq,
{
    let sample = |event: &E| {
        let ((name, version), payload) = (stored_type(event), to_stored(event).unwrap());
        let read_back = from_stored::<E>(name, version, &payload).ok().map(|read| read == *event);
        Sample { stored_type: (name, version), payload, read_back }
    };
    events.iter().map(sample).collect()
}

/// One of each event there is, in the order of the catalogue.
fn all_samples() -> Vec<Sample> {
    [
        samples(&task_events(), TaskEvent::stored_type),
        samples(&user_events(), UserEvent::stored_type),
        samples(&operation_events(), OperationEvent::stored_type),
        samples(&rule_events(), NotificationRuleEvent::stored_type),
        samples(&crate::webhooks::events(), WebhookEvent::stored_type),
        samples(&crate::announcements::events(), AnnouncementEvent::stored_type),
        samples(&crate::inboxes::events(), InboxEvent::stored_type),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn rule_events() -> Vec<NotificationRuleEvent> {
    let (from, to) = (DefaultRule::Commented.definition(), notification_rules::definition());
    vec![
        NotificationRuleEvent::Created(to.clone()),
        NotificationRuleEvent::Changed(Change { from, to }),
        NotificationRuleEvent::Deleted(Nothing {}),
    ]
}

#[test]
fn stored_events_keep_their_shape() {
    for Sample { stored_type: (event_type, version), payload, .. } in all_samples() {
        assert_contract(&format!("{event_type}.v{version}"), &serde_json::from_str(&payload).unwrap());
    }
}

fn operation_events() -> Vec<OperationEvent> {
    let subject = "projections/tasks".to_owned();
    vec![
        OperationEvent::Requested(Requested::new(OperationKind::Rebuild, subject)),
        OperationEvent::CancelRequested(Nothing {}),
    ]
}

#[test]
fn no_event_is_without_a_sample() {
    let types: Vec<_> = known_types().map(|name| (name, current_version(name).unwrap())).collect();
    let sampled: Vec<_> = all_samples().iter().map(|sample| sample.stored_type).collect();
    assert_eq!(sampled, types);
    let files: BTreeSet<_> = stored_files().into_iter().map(|(name, version, _)| (name, version)).collect();
    for (name, version) in types {
        assert!(files.contains(&(name.to_owned(), version.to_owned())), "{name} version {version}");
    }
}

#[test]
fn what_was_stored_is_read_back() {
    for sample in all_samples() {
        assert_eq!(sample.read_back, Some(true), "{:?}: {}", sample.stored_type, sample.payload);
    }
}

/// Verifiers count these events: what the fold does and what the list says must be the same.
#[test]
fn the_types_that_raise_the_epoch_are_listed() {
    for event in user_events() {
        let mut user = User::default();
        user.apply(event.clone());
        assert_eq!(user.epoch, i64::from(event.raises_epoch()), "{:?}", event.stored_type());
    }
    let known = |name: &&str| UserEvent::TYPES.iter().any(|(event_type, _)| event_type == name);
    assert!(UserEvent::RAISE_EPOCH.iter().all(known));
}

/// A change here needs a higher `Task::SHAPE`, or snapshots of before are misread.
#[test]
fn the_state_keeps_its_shape() {
    let mut events = task_events();
    events.truncate(11);
    events.push(TaskEvent::Watched(WatcherEntry { user: user(4) }));
    events.push(TaskEvent::Commented(Commented {
        comment: comment(1),
        author: creator(),
        text: markdown("Hello"),
    }));
    events
        .push(TaskEvent::ChecklistItemAdded(ChecklistItemText { item: item(1), text: item_text("ladder") }));
    events.push(TaskEvent::RelationAdded(Relation { kind: RelationType::Blocks, task: task(3) }));
    let state = serde_json::to_value(after(&events)).unwrap();
    assert_contract(&format!("task.v{}.state", domain::task::Task::SHAPE), &state);
}
