//! Who is told.

use domain::{
    event::Change,
    notification::{Category, Channel, ClockTime, Mode, Preferences, QuietHours},
    task::{AssigneeEntry, TaskEvent, WatcherEntry, values::Visibility},
    user::{StateChange, UserEvent},
};
use futures_util::StreamExt;

use super::{LEASE, commented, created, started, wishes};
use crate::world::{DEADLINE, World};

#[tokio::test(flavor = "multi_thread")]
async fn those_concerned_are_told_of_each_event_once_and_nobody_of_their_own_acts() {
    let world = World::new().await;
    let (ann, bob, kim) = (
        world.member("Ann", "en").await,
        world.member("Bob", "en").await,
        world.member("김하늘", "ko").await,
    );
    let mut task = world.has_task(ann, created(ann, &[bob, ann])).await;
    world.act(&mut task, kim, TaskEvent::Watched(WatcherEntry { user: kim })).await;
    world.act(&mut task, bob, started()).await;
    world.act(&mut task, ann, commented(ann, "@김하늘에게 물어보세요")).await;
    let position = world.act(&mut task, bob, TaskEvent::Unassigned(AssigneeEntry { assignee: ann })).await;
    let _telling = world.tell();
    world.told(position).await;
    assert_eq!(world.inbox(ann).await, ["status task.started", "assignment task.unassigned"]);
    assert_eq!(world.inbox(bob).await, ["assignment task.created", "comment task.commented"]);
    assert_eq!(world.inbox(kim).await, ["status task.started", "mention task.commented"]);
    assert_eq!(world.sent(ann).await, ["digest pending", "email delivered"]);
    assert_eq!(world.sent(bob).await, ["email delivered", "digest pending"]);
    assert_eq!(world.sent(kim).await, ["digest pending", "email delivered"]);
    let mails = world.mailbox().await;
    let to: Vec<_> = mails.iter().map(|mail| (&*mail.to, &*mail.subject)).collect();
    let subject = "[T-12] Mend the roof";
    let expected =
        [("bob@example.com", subject), ("김하늘@example.com", subject), ("ann@example.com", subject)];
    assert_eq!(to, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_task_is_told_to_those_who_see_it_then_and_still() {
    let world = World::new().await;
    let (ann, bob, eve) =
        (world.member("Ann", "en").await, world.member("Bob", "en").await, world.member("Eve", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let hidden = Change { from: Visibility::Team, to: Visibility::Private };
    world.act(&mut task, ann, TaskEvent::VisibilityChanged(hidden)).await;
    let position = world.act(&mut task, ann, commented(ann, "@eve @bob look")).await;
    let reacting = world.react(LEASE);
    world
        .becomes_true(
            "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1",
            "notices",
            position,
        )
        .await;
    assert_eq!(world.inbox(eve).await, [""; 0]);
    assert_eq!(world.inbox(bob).await, ["assignment task.created", "mention task.commented"]);
    // Before the mails have gone out, it is not Bob's any more.
    let position = world.act(&mut task, ann, TaskEvent::Unassigned(AssigneeEntry { assignee: bob })).await;
    world
        .becomes_true(
            "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1",
            "notices",
            position,
        )
        .await;
    let _sending = reacting.and(world.email(&[]));
    world.told(position).await;
    let skipped = "email skipped the person does not see the task";
    assert_eq!(world.sent(bob).await, [skipped, skipped]);
    assert_eq!(world.mailbox().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_are_granted_as_of_the_event() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    world.wishes(bob, wishes(Category::Status, Channel::Inbox, Mode::Off)).await;
    let position = world.act(&mut task, ann, started()).await;
    let telling = world.tell();
    world.told(position).await;
    assert_eq!(world.inbox(bob).await, ["assignment task.created"]);
    let locked = UserEvent::Deactivated(StateChange { reason: None });
    world.happens(bob.0, 4, &[locked]).await;
    let position = world.act(&mut task, ann, commented(ann, "@bob")).await;
    world.told(position).await;
    assert_eq!(world.inbox(bob).await, ["assignment task.created"]);
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_for_the_end_of_quiet_hours_and_the_inbox_does_not() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let time = |text| ClockTime::parse(text).unwrap();
    let quiet = Some(QuietHours { from: time("22:00"), to: time("07:30") });
    world.wishes(bob, Preferences { quiet_hours: quiet, ..Preferences::default() }).await;
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let position = world.act(&mut task, ann, commented(ann, "hello")).await;
    let _telling = world.react_at(LEASE, || "2099-01-05T23:00:00Z".parse().unwrap()).and(world.email(&[]));
    world.told(position).await;
    assert_eq!(world.inbox(bob).await.len(), 2);
    let due = "SELECT string_agg(channel || ' ' || to_char(due_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), ', ' ORDER BY channel DESC)
        FROM delivery.deliveries WHERE state = 'pending'";
    assert_eq!(world.text(due).await.as_deref(), Some("email 01-06 07:30, digest 01-06 08:00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_told_once_however_often_who_tells_dies() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let (mut one, _two) = (world.tell(), world.tell());
    let mut position = 0;
    for index in 0..40 {
        position = world.act(&mut task, ann, commented(ann, "@bob again")).await;
        if index % 6 == 5 {
            // Somewhere in its work; the other one takes over, and it comes back.
            let crashed = std::mem::replace(&mut one, world.tell());
            crashed.crash().await;
            world.leases_of_attempts_run_out().await;
        }
    }
    world.told(position).await;
    assert_eq!((world.inbox(bob).await.len(), world.mailbox().await.len()), (41, 41));
    assert_eq!(world.number("SELECT count(*) FROM delivery.deliveries").await, 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_inbox_has_changed_is_told_on_nats() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let client = world.sources.jetstream.client();
    let mut told = client.subscribe("notices.*").await.unwrap();
    client.flush().await.unwrap();
    world.has_task(ann, created(ann, &[bob])).await;
    let _reacting = world.react(LEASE);
    let message = tokio::time::timeout(DEADLINE, told.next()).await.unwrap().unwrap();
    assert_eq!(message.subject.as_str(), format!("notices.{bob}"));
    assert_eq!(world.inbox(bob).await, ["assignment task.created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_is_no_news() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let past = world.act(&mut task, ann, started()).await;
    world
        .run(&format!(
            "INSERT INTO delivery.checkpoints (consumer, log_epoch, decides_after)
             SELECT 'notices', epoch, {past} FROM event_store.log_head"
        ))
        .await;
    let position = world.act(&mut task, ann, commented(ann, "now")).await;
    let _telling = world.tell();
    world.told(position).await;
    assert_eq!(world.inbox(bob).await, ["comment task.commented"]);
    assert_eq!(world.sent(bob).await, ["digest pending"]);
    // It was taken in all the same.
    let states = "SELECT count(*) FROM delivery.states WHERE consumer = 'notices'";
    assert_eq!(world.number(states).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_which_only_the_beginning_is_known_is_told_by_the_log() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let telling = world.tell();
    world.told(world.number("SELECT max(position) FROM event_store.events").await).await;
    let kept =
        "SELECT coalesce(max(version), 0) FROM delivery.states WHERE consumer = 'notices' AND kind = 'task'";
    assert_eq!(world.number(kept).await, 0);
    telling.end().await;
    let _telling = world.tell();
    let position = world.act(&mut task, ann, started()).await;
    world.told(position).await;
    assert_eq!(world.inbox(bob).await, ["assignment task.created", "status task.started"]);
    assert_eq!(world.number(kept).await, 2);
}
