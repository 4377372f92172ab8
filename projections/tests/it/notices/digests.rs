//! What waits for its day comes in one mail.

use domain::{
    event::Change,
    ids::TaskKey,
    notification::{ClockTime, Mailing, Preferences},
    time::{TimeZone, Timestamp},
    user::UserEvent,
};
use projections::reactors::notices::digest::digest_due;

use super::{LEASE, commented, created, started};
use crate::world::World;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2099-01-05T12:00:00Z")
}

fn next_noon() -> Timestamp {
    at("2099-01-06T12:00:00Z")
}

impl World {
    async fn digests(&self, now: &str) -> usize {
        digest_due(&self.delivery(), at(now)).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_told_in_one_mail_task_by_task() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let seoul = Some(TimeZone::parse("Asia/Seoul").unwrap());
    world.wishes(bob, Preferences { time_zone: seoul, ..Preferences::default() }).await;
    let mut roof = world.has_task(ann, created(ann, &[bob])).await;
    let cellar = domain::task::Created { key: TaskKey(13), ..created(ann, &[bob]) };
    let mut cellar = world.has_task(ann, cellar).await;
    world.act(&mut roof, ann, started()).await;
    world.act(&mut cellar, ann, started()).await;
    let position = world.act(&mut roof, ann, commented(ann, "Mind <the> gap")).await;
    let telling = world.react_at(LEASE, noon).and(world.email(&[]));
    world.told(position).await;
    assert_eq!(world.digests("2099-01-05T22:59:59Z").await, 0);
    // Eight in the morning in Seoul.
    assert_eq!(world.digests("2099-01-05T23:00:00Z").await, 1);
    assert_eq!(world.digests("2099-01-05T23:00:01Z").await, 0);
    world.told(position).await;
    let mails = world.mailbox().await;
    let mail = mails.last().unwrap();
    assert_eq!((mails.len(), &*mail.to, &*mail.subject), (3, "bob@example.com", "Your tasks, 2099-01-06"));
    let (first, second) = (mail.text.find("[T-12]").unwrap(), mail.text.find("[T-13]").unwrap());
    let comment = mail.text.find("> Mind <the> gap").unwrap();
    assert!(first < comment && comment < second, "{}", mail.text);
    assert!(mail.html.contains("<blockquote>Mind &lt;the&gt; gap</blockquote>"), "{}", mail.html);
    assert!(mail.text.contains("There is news of 2 tasks."), "{}", mail.text);
    let lines = world.sent(bob).await.into_iter().filter(|one| one.starts_with("digest"));
    assert!(lines.clone().all(|one| one == "digest superseded told in the digest") && lines.count() == 3);
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_two_digests_a_day_and_nothing_is_lost() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let position = world.act(&mut task, ann, started()).await;
    let telling = world.react_at(LEASE, noon);
    world
        .becomes_true(
            "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1",
            "notices",
            position,
        )
        .await;
    telling.end().await;
    // Several at once, and again: one of them makes it.
    let all = futures_util::future::join_all((0..4).map(|_| world.digests("2099-01-06T08:00:00Z"))).await;
    assert_eq!(all.iter().sum::<usize>(), 1);
    // Later on the same day there is another time for digests.
    let evening =
        Preferences { digest_time: Some(ClockTime::parse("20:00").unwrap()), ..Preferences::default() };
    world.wishes(bob, evening).await;
    let position = world.act(&mut task, ann, commented(ann, "later")).await;
    let telling = world.react_at(LEASE, next_noon).and(world.email(&["--smtp-connections=1"]));
    world.told(position).await;
    assert_eq!(world.digests("2099-01-06T20:00:00Z").await, 0);
    assert_eq!(world.digests("2099-01-07T20:00:00Z").await, 1);
    world.told(position).await;
    let subjects: Vec<_> = world.mailbox().await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects[1..], ["Your tasks, 2099-01-06", "Your tasks, 2099-01-07"]);
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_no_digest_by_then_gets_none() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    world.act(&mut task, ann, started()).await;
    let change = Change { from: Preferences::default(), to: Preferences::default().without(Mailing::Digest) };
    let position = world.happens(bob.0, 3, &[UserEvent::NotificationPreferencesChanged(change)]).await;
    let _telling = world.react_at(LEASE, noon).and(world.email(&[]));
    world.told(position).await;
    assert_eq!(world.digests("2099-01-06T08:00:00Z").await, 1);
    world.told(position).await;
    let skipped = "email skipped the person sees nothing of it any more";
    assert_eq!(world.sent(bob).await[1..], ["digest superseded told in the digest", skipped]);
}
