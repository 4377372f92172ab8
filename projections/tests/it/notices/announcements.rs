//! Announcements are sent at their time to those who are there then, once, whatever dies.

use std::{collections::BTreeSet, sync::Arc};

use axum::http::StatusCode;
use chrono::TimeDelta;
use domain::{
    announcement::{
        AnnouncementCancelled, AnnouncementContent, AnnouncementDrafted, AnnouncementEvent,
        AnnouncementScheduled, AnnouncementSent,
        values::{Body, Headline, Recipients},
    },
    notification::ChannelSet,
    time::TimeZone,
    user::StateChange,
};
use projections::{
    commands::{CommandArgs, Commands},
    reactors::announcements::{self, Sender},
};
use serde_json::{Value, json};
use service::secrets::SecretKey;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{channels::receiver::Receiver, schedules::TestClock, sending::URL};

const TIME: &str = "2099-01-05T12:00:00.000000Z";
const BEFORE: &str = "2099-01-05T11:59:59.999999Z";

/// An announcement to everybody, as the log tells it.
struct Notice {
    id: Uuid,
    version: i64,
}

fn scheduled(at: &str) -> AnnouncementEvent {
    AnnouncementEvent::Scheduled(AnnouncementScheduled { at: at.parse().unwrap(), zone: TimeZone::UTC })
}

fn sent(recipients: u32) -> AnnouncementEvent {
    AnnouncementEvent::Sent(AnnouncementSent { recipients })
}

impl World {
    async fn announces(&self, author: UserId, channels: ChannelSet) -> Notice {
        let content = AnnouncementContent {
            title: Headline::parse("The roof").unwrap(),
            body: Body::parse("It is *open*.\n\nBring an <umbrella>,\nplease.").unwrap(),
            audience: Recipients { everyone: true, ..Recipients::default() },
            channels,
        };
        let mut notice = Notice { id: Uuid::now_v7(), version: 0 };
        let drafted = AnnouncementEvent::Drafted(AnnouncementDrafted { author, content });
        self.on(&mut notice, &drafted).await;
        notice
    }

    async fn on(&self, notice: &mut Notice, event: &AnnouncementEvent) -> i64 {
        let (event_type, version) = event.stored_type();
        let at = "2026-11-21T09:30:00Z".parse().unwrap();
        let new = stored(event_type, version, to_stored(event).unwrap(), at);
        let position = self.append("announcement", notice.id, notice.version, vec![new]).await;
        notice.version += 1;
        position
    }

    fn sender(&self, commands: &Receiver) -> Sender {
        let command_api_url = Some(commands.url().as_str().parse().unwrap());
        let secret = SecretKey::from_bytes([9; 32]);
        let commands = Commands::new(&CommandArgs { command_api_url }, &URL.parse().unwrap(), &secret);
        Sender { delivery: self.delivery(), log: self.log.clone(), commands: commands.unwrap() }
    }

    /// Waits until announcements are as they were at the position, and carried out; steps of processes are not.
    async fn announced(&self, position: i64) {
        let sql = "SELECT position >= $2 AND NOT EXISTS (
                SELECT FROM delivery.deliveries WHERE end_time IS NULL AND channel <> 'command'
                    AND due_at < clock_timestamp() + interval '1 day')
            FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, announcements::NAME, position).await;
    }

    /// Waits until all users are known as they are now.
    async fn knows_users(&self) {
        let sql =
            "SELECT position >= (SELECT max(position) FROM event_store.events WHERE aggregate_type = 'user')
            AND $2 = 0 FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "notices", 0).await;
    }
}

fn asked(commands: &Receiver) -> Vec<(String, Value)> {
    let got = commands.got().into_iter();
    got.map(|got| (got.path.clone(), serde_json::from_slice(&got.body).unwrap())).collect()
}

fn at(time: &str) -> chrono::DateTime<chrono::Utc> {
    time.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_there_at_its_time_are_told_once() {
    let world = World::new().await;
    let commands = Receiver::start(vec![(StatusCode::OK, "{}"); 9]).await;
    let (ann, bob, kim) = (
        world.member("Ann", "en").await,
        world.member("Bob", "en").await,
        world.member("김하늘", "ko").await,
    );
    world.wishes(ann, wishes(Category::Announcement, Channel::Email, Mode::Off)).await;
    world.wishes(kim, wishes(Category::Announcement, Channel::Inbox, Mode::Off)).await;
    let mut notice = world.announces(ann, ChannelSet::ALL).await;
    let position = world.on(&mut notice, &scheduled(TIME)).await;
    let telling = world.tell();
    world.announced(position).await;
    world.knows_users().await;
    let sender = world.sender(&commands);
    assert_eq!(sender.send_due(at(BEFORE)).await.unwrap(), 0);
    assert!(commands.got().is_empty());
    assert_eq!(sender.send_due(at(TIME)).await.unwrap(), 1);
    // Nothing came back, for all that is known: it is asked for again, under the same key.
    let eve = world.member("Eve", "en").await;
    assert_eq!(sender.send_due(at("2099-02-01T00:00:00Z")).await.unwrap(), 1);
    let wish = (format!("/v1/announcements/{}/sent", notice.id), json!({"at": TIME, "recipients": 3}));
    assert_eq!(asked(&commands), [wish.clone(), wish]);
    let keys: Vec<_> = commands.got().iter().map(|got| got.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, vec![format!("\"{}:2:sent\"", notice.id); 2]);
    // The event alone tells them.
    assert_eq!((world.inbox(bob).await.len(), world.mailbox().await.len()), (0, 0));
    let position = world.on(&mut notice, &sent(3)).await;
    world.announced(position).await;
    assert_eq!(sender.send_due(at("2099-03-01T00:00:00Z")).await.unwrap(), 0);
    let line = "announcement announcement.sent";
    assert_eq!((world.inbox(ann).await, world.sent(ann).await), (vec![line.to_owned()], vec![]));
    assert_eq!(
        (world.inbox(bob).await.len(), world.sent(bob).await),
        (1, vec!["email delivered".to_owned()])
    );
    assert_eq!((world.inbox(kim).await.len(), world.sent(kim).await.len()), (0, 1));
    assert_eq!((world.inbox(eve).await.len(), world.sent(eve).await.len()), (0, 0));
    let mails = world.mailbox().await;
    let of = |to: &str| mails.iter().find(|mail| mail.to == to).unwrap();
    let mail = of("bob@example.com");
    assert_eq!((mails.len(), &*mail.subject), (2, "The roof"));
    assert!(mail.text.contains("Ann announces:\n\nIt is *open*."), "{}", mail.text);
    assert!(mail.html.contains("<p>Bring an &lt;umbrella&gt;,<br>\nplease.</p>"), "{}", mail.html);
    assert!(of("김하늘@example.com").text.contains("Ann 님의 공지입니다."));
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_gone_meanwhile_gets_no_mail() {
    let world = World::new().await;
    let commands = Receiver::start([(StatusCode::OK, "{}")]).await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut notice = world.announces(ann, [Channel::Email].into_iter().collect()).await;
    let position = world.on(&mut notice, &scheduled(TIME)).await;
    let reacting = world.react(LEASE);
    world.announced(position).await;
    world.knows_users().await;
    assert_eq!(world.sender(&commands).send_due(at(TIME)).await.unwrap(), 1);
    world.happens(bob.0, 3, &[UserEvent::Deactivated(StateChange { reason: None })]).await;
    let position = world.on(&mut notice, &sent(2)).await;
    let told = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
    world.becomes_true(told, announcements::NAME, position).await;
    world.knows_users().await;
    let _sending = reacting.and(world.email(&[]));
    world.announced(position).await;
    assert_eq!(world.sent(bob).await, ["email skipped the person is not active"]);
    assert_eq!(world.sent(ann).await, ["email delivered"]);
    assert_eq!(world.inbox(ann).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_or_moves_it_in_time_is_heard() {
    let world = World::new().await;
    let refusal = || (StatusCode::CONFLICT, "{\"code\": \"STATE_CONFLICT\"}");
    let commands = Receiver::start([refusal(), (StatusCode::OK, "{}")]).await;
    let ann = world.member("Ann", "en").await;
    let mut notice = world.announces(ann, ChannelSet::ALL).await;
    let position = world.on(&mut notice, &scheduled(TIME)).await;
    let _telling = world.tell();
    world.announced(position).await;
    world.knows_users().await;
    let sender = world.sender(&commands);
    assert_eq!(sender.send_due(at(TIME)).await.unwrap(), 0);
    let later = "2099-01-06T12:00:00.000000Z";
    let position = world.on(&mut notice, &scheduled(later)).await;
    world.announced(position).await;
    assert_eq!(sender.send_due(at(TIME)).await.unwrap(), 0);
    assert_eq!(sender.send_due(at(later)).await.unwrap(), 1);
    let times: Vec<_> = asked(&commands).into_iter().map(|(_, body)| body["at"].clone()).collect();
    assert_eq!(times, [json!(TIME), json!(later)]);
    let cancelled = AnnouncementEvent::Cancelled(AnnouncementCancelled { reason: None });
    let position = world.on(&mut notice, &cancelled).await;
    world.announced(position).await;
    assert_eq!(sender.send_due(at(later)).await.unwrap(), 0);
    assert_eq!((world.inbox(ann).await.len(), asked(&commands).len()), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_was_missed_is_made_up_for() {
    let world = World::new().await;
    let commands = Receiver::start([(StatusCode::SERVICE_UNAVAILABLE, "{}"), (StatusCode::OK, "{}")]).await;
    let ann = world.member("Ann", "en").await;
    let mut notice = world.announces(ann, ChannelSet::ALL).await;
    let position = world.on(&mut notice, &scheduled(TIME)).await;
    let _telling = world.tell();
    world.announced(position).await;
    let clock = TestClock::at(TIME);
    clock.moves(TimeDelta::days(40));
    let stop = CancellationToken::new();
    let running = announcements::run(world.sender(&commands), Arc::new(clock), stop.clone());
    let running = Sending::one(running, stop);
    let answered = async {
        while commands.got().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::world::DEADLINE, answered).await.unwrap();
    let position = world.on(&mut notice, &sent(1)).await;
    world.announced(position).await;
    running.end().await;
    assert_eq!(world.inbox(ann).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_each_is_told_once() {
    let world = World::new().await;
    let commands = Receiver::start(vec![(StatusCode::OK, "{}"); 2]).await;
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(world.member(&format!("P{number}"), "en").await);
    }
    let mut notice = world.announces(people[0], ChannelSet::ALL).await;
    let position = world.on(&mut notice, &scheduled(TIME)).await;
    let telling = world.tell();
    world.announced(position).await;
    world.knows_users().await;
    // Two processes see that its time has come; to the command they are one.
    let (one, two) = (world.sender(&commands), world.sender(&commands));
    let (one, two) = tokio::join!(one.send_due(at(TIME)), two.send_due(at(TIME)));
    assert!(one.unwrap() + two.unwrap() > 0);
    let keys: BTreeSet<_> =
        commands.got().iter().map(|got| got.header("idempotency-key").to_owned()).collect();
    assert_eq!((keys.len(), asked(&commands)[0].1["recipients"].clone()), (1, json!(20)));
    telling.crash().await;
    let position = world.on(&mut notice, &sent(20)).await;
    let begun = "SELECT count(*) >= $2 AND $1 = '' FROM delivery.attempts";
    for attempts in [1, 7, 13] {
        let telling = world.tell();
        world.becomes_true(begun, "", attempts).await;
        telling.crash().await;
        world.leases_of_attempts_run_out().await;
    }
    let telling = world.tell();
    world.announced(position).await;
    telling.end().await;
    let mails: BTreeSet<_> = world.mailbox().await.into_iter().map(|mail| mail.to).collect();
    assert_eq!((mails.len(), world.mailbox().await.len()), (20, 20));
    for person in people {
        assert_eq!(world.inbox(person).await, ["announcement announcement.sent"]);
        assert_eq!(world.sent(person).await, ["email delivered"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_is_told() {
    let (world, google) = (World::new().await, pushes::google().await);
    let commands = Receiver::start([(StatusCode::OK, "{}")]).await;
    let ann = world.member("Ann", "en").await;
    world.has_devices(ann, &["t0ken-1", "t0ken-2"]).await;
    let mut notice = world.announces(ann, [Channel::Push].into_iter().collect()).await;
    let position = world.on(&mut notice, &scheduled(TIME)).await;
    let _telling = world.decide_on_pushes().and(world.push(&google, &commands));
    world.announced(position).await;
    world.knows_users().await;
    assert_eq!(world.sender(&commands).send_due(at(TIME)).await.unwrap(), 1);
    world.on(&mut notice, &sent(1)).await;
    world.deliveries_are("delivered", 2).await;
    let devices: BTreeSet<_> = pushes::to_devices(&google).into_iter().collect();
    assert_eq!(devices, BTreeSet::from(["t0ken-1".to_owned(), "t0ken-2".to_owned()]));
    let message = google.inner().messages[0].clone();
    let (note, data) = (&message["notification"], &message["data"]);
    assert_eq!(note["title"], "The roof");
    assert!(note["body"].as_str().unwrap().starts_with("Ann announces:\nIt is *open*."), "{note}");
    assert_eq!((&data["announcement_id"], &data["category"]), (&json!(notice.id), &json!("announcement")));
}
