//! People are reminded by a clock that the tests move.

use chrono::TimeDelta;
use domain::{
    event::Change,
    ids::TaskId,
    task::{
        WatcherEntry,
        values::{Due, Relation, RelationType},
    },
    time::TimeZone,
};
use projections::reactors::notices::reminders::Reminding;

use super::*;

const SOON: &str = "2099-01-04T12:00:00Z";
const DUE: &str = "2099-01-05T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn due(text: &str) -> Option<Due> {
    Some(Due::At { at: at(text), zone: TimeZone::UTC })
}

fn moved(from: &str, to: &str) -> TaskEvent {
    TaskEvent::DueChanged(Change { from: due(from), to: due(to) })
}

fn completed() -> TaskEvent {
    TaskEvent::Completed(StatusChange { from: Status::Waiting, to: Status::Done, reason: None })
}

impl World {
    fn reminding(&self) -> Reminding {
        let channels = [Channel::Email, Channel::Inbox].into_iter().collect();
        Reminding {
            delivery: self.delivery(),
            log: self.log.clone(),
            channels,
            escalate_after: TimeDelta::days(3),
        }
    }

    async fn remind(&self, now: &str) -> usize {
        self.reminding().remind_due(at(now)).await.unwrap()
    }

    /// What somebody was reminded of, in order.
    async fn reminded(&self, user: UserId) -> Vec<String> {
        let sql = "SELECT template FROM delivery.notices
            WHERE user_id = $1 AND happening ->> 'trigger' LIKE 'reminder.%' ORDER BY happening ->> 'occurred_at'";
        sqlx::query_scalar(sql).bind(user.0).fetch_all(&self.owner).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_before_and_when_it_is_over() {
    let world = World::new().await;
    let (ann, bob, kim) =
        (world.member("Ann", "en").await, world.member("Bob", "en").await, world.member("Kim", "ko").await);
    let new = Created { due: due(DUE), ..created(ann, &[bob]) };
    let mut task = world.has_task(ann, new).await;
    let position = world.act(&mut task, kim, TaskEvent::Watched(WatcherEntry { user: kim })).await;
    let _telling = world.tell();
    world.told(position).await;
    assert_eq!(world.remind("2099-01-04T11:59:59Z").await, 0);
    assert_eq!(world.remind(SOON).await, 1);
    assert_eq!(world.remind("2099-01-05T11:59:59Z").await, 0);
    assert_eq!(world.reminded(bob).await, ["due_soon"]);
    assert_eq!((world.reminded(kim).await.len(), world.reminded(ann).await.len()), (1, 0));
    // Two processes look at the same time.
    let (one, two) = tokio::join!(world.remind(DUE), world.remind(DUE));
    assert_eq!(one + two, 1);
    assert_eq!(world.reminded(bob).await, ["due_soon", "overdue"]);
    assert_eq!((world.reminded(kim).await.len(), world.reminded(ann).await.len()), (1, 1));
    world.told(position).await;
    let mails = world.mailbox().await.into_iter().filter(|mail| mail.to == "bob@example.com");
    let texts: Vec<_> = mails.map(|mail| mail.text).collect();
    let say = |words: &str| texts.iter().filter(|text| text.contains(words)).count();
    assert_eq!(texts.len(), 3);
    assert_eq!((say("This task is due within a day."), say("This task is overdue.")), (1, 1));
    // The assignment says so too.
    assert_eq!(say("Due: 2099-01-05"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_made_up_for_once() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let new = Created { due: due(DUE), ..created(ann, &[bob]) };
    let mut task = world.has_task(ann, new).await;
    let position = world.act(&mut task, ann, started()).await;
    let _telling = world.tell();
    world.told(position).await;
    assert_eq!(world.remind("2099-03-01T00:00:00Z").await, 1);
    assert_eq!(world.remind("2099-03-02T00:00:00Z").await, 0);
    assert_eq!(world.reminded(bob).await, ["overdue"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_done_nobody_is_reminded_and_of_each_time_once() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let new = Created { due: due(DUE), ..created(ann, &[bob]) };
    let mut task = world.has_task(ann, new.clone()).await;
    let mut done = world.has_task(ann, new).await;
    let position = world.act(&mut done, bob, completed()).await;
    let _telling = world.tell();
    world.told(position).await;
    assert_eq!(world.remind(SOON).await, 1);
    let later = "2099-02-05T12:00:00Z";
    let position = world.act(&mut task, ann, moved(DUE, later)).await;
    world.told(position).await;
    assert_eq!(world.remind("2099-01-06T00:00:00Z").await, 0);
    assert_eq!(world.remind("2099-02-04T12:00:00Z").await, 1);
    // Back to the time of before: of that it was said that it is due soon.
    let position = world.act(&mut task, ann, moved(later, DUE)).await;
    world.told(position).await;
    world.remind("2099-01-05T00:00:00Z").await;
    assert_eq!(world.reminded(bob).await, ["due_soon", "due_soon"]);
    assert_eq!(world.remind("2099-01-05T12:00:01Z").await, 1);
    assert_eq!(world.reminded(bob).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_reminds_nobody() {
    let world = World::new().await;
    let ann = world.member("Ann", "en").await;
    let mut task =
        world.has_task(ann, Created { due: due("2020-01-01T00:00:00Z"), ..created(ann, &[]) }).await;
    let past = world.act(&mut task, ann, started()).await;
    world
        .run(&format!(
            "INSERT INTO delivery.checkpoints (consumer, log_epoch, decides_after)
             SELECT 'notices', epoch, {past} FROM event_store.log_head"
        ))
        .await;
    let _telling = world.tell();
    world.told(past).await;
    assert_eq!(world.remind("2026-12-01T00:00:00Z").await, 0);
    let position = world.act(&mut task, ann, moved("2020-01-01T00:00:00Z", DUE)).await;
    world.told(position).await;
    assert_eq!(world.remind(DUE).await, 1);
    assert_eq!(world.reminded(ann).await, ["overdue"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_are_told_once_what_has_been_overdue_for_long() {
    let world = World::new().await;
    let (ann, max) = (world.member("Ann", "en").await, world.member("Max", "en").await);
    world.happens(max.0, 3, &[UserEvent::RoleGranted(RoleEntry { role: Role::Manager })]).await;
    let mut task = world.has_task(ann, Created { due: due(DUE), ..created(ann, &[]) }).await;
    let position = world.act(&mut task, ann, started()).await;
    let _telling = world.tell();
    world.told(position).await;
    assert_eq!(world.remind(DUE).await, 1);
    assert_eq!(world.remind("2099-01-08T11:59:59Z").await, 0);
    assert_eq!(world.reminded(max).await, [""; 0]);
    assert_eq!(world.remind("2099-01-08T12:00:00Z").await, 1);
    assert_eq!(world.remind("2099-02-08T12:00:00Z").await, 0);
    assert_eq!(
        (world.reminded(max).await, world.reminded(ann).await.len()),
        (vec!["escalated".to_owned()], 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_task_nothing_blocks_any_more_is_told_so() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let blocked = world.has_task(ann, created(ann, &[])).await;
    let blocks =
        || TaskEvent::RelationAdded(Relation { kind: RelationType::Blocks, task: TaskId(blocked.id) });
    let (mut one, mut two) =
        (world.has_task(bob, created(bob, &[])).await, world.has_task(bob, created(bob, &[])).await);
    world.act(&mut one, bob, blocks()).await;
    world.act(&mut two, bob, blocks()).await;
    let position = world.act(&mut one, bob, completed()).await;
    let _telling = world.tell();
    world.told(position).await;
    assert_eq!(world.reminded(ann).await, [""; 0]);
    let position = world.act(&mut two, bob, completed()).await;
    world.told(position).await;
    assert_eq!(world.reminded(ann).await, ["unblocked"]);
    // Open again, and blocking again.
    let reopened = StatusChange { from: Status::Done, to: Status::Waiting, reason: None };
    world.act(&mut two, bob, TaskEvent::Reopened(reopened)).await;
    let position = world.act(&mut two, ann, completed()).await;
    world.told(position).await;
    // It was her own act.
    assert_eq!(world.reminded(ann).await, ["unblocked"]);
    assert_eq!(world.number("SELECT count(*) FROM delivery.task_blocks WHERE open").await, 0);
}
