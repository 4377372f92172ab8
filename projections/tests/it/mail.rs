//! Mails about a user's own account: each event gives one, whatever dies, and nothing else holds what opens something.

use std::time::Duration;

use axum::{body::Body, http::Request};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    event::{Change, Nothing, to_stored},
    ids::{CredentialId, IdentityId, LinkId},
    personal::Sealed,
    policy::RoleSet,
    time::{TimeZone, Timestamp},
    user::{
        IdentityLinked, Invited, LinkProof, LoginsFailed, PasswordChanged, PasswordProof,
        PasswordResetRequested, RefreshTokenReused, Registered, ResetOccasion, UserEvent,
        VerificationRequested, values::Locale,
    },
};
use event_store::NewEvent;
use projections::channels::email::mailbox;
use serde_json::Value;
use service::mail_token::Purpose;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{
    sending::{Sending, URL, tokens},
    world::{World, stored},
};

fn now() -> Timestamp {
    Utc::now().into()
}

fn user_event(event: &UserEvent) -> NewEvent {
    let at: Timestamp = DateTime::from_timestamp(1_700_000_000, 0).unwrap().into();
    let (event_type, version) = event.stored_type();
    stored(event_type, version, to_stored(event).unwrap(), at)
}

pub(crate) fn to_verify(link: Uuid, hours: i64) -> UserEvent {
    let expires_at = now().plus(TimeDelta::hours(hours));
    let credential = CredentialId(Uuid::now_v7());
    UserEvent::VerificationRequested(VerificationRequested { link: LinkId(link), expires_at, credential })
}

fn to_reset(link: Uuid, hours: i64, occasion: ResetOccasion) -> UserEvent {
    let expires_at = now().plus(TimeDelta::hours(hours));
    UserEvent::PasswordResetRequested(PasswordResetRequested { link: LinkId(link), expires_at, occasion })
}

fn changed(by: PasswordProof) -> UserEvent {
    UserEvent::PasswordChanged(PasswordChanged { by, credential: CredentialId(Uuid::now_v7()) })
}

fn linked(by: LinkProof, subject: Sealed) -> UserEvent {
    let (provider, issuer) = ("corp".to_owned(), "https://login.example.com".to_owned());
    UserEvent::IdentityLinked(IdentityLinked {
        identity: IdentityId(Uuid::now_v7()),
        provider,
        issuer,
        subject,
        by,
    })
}

/// A mail as the mailbox shows it.
#[derive(Debug, PartialEq)]
pub(crate) struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl World {
    /// One after the other, so that the mailbox is in order.
    fn send_mails(&self, lease: Duration) -> Sending {
        self.react(lease).and(self.email(&["--smtp-connections=1"]))
    }

    fn send(&self) -> Sending {
        self.send_mails(Duration::from_secs(2))
    }

    pub(crate) async fn seal(&self, user: Uuid, text: &str) -> Sealed {
        self.sealer.seal(user, text).await.unwrap()
    }

    async fn registered(&self, user: Uuid, name: &str, locale: &str) -> UserEvent {
        self.registered_at(user, &format!("{user}@example.com"), name, locale).await
    }

    pub(crate) async fn registered_at(&self, user: Uuid, email: &str, name: &str, locale: &str) -> UserEvent {
        UserEvent::Registered(Registered {
            email: self.seal(user, email).await,
            name: self.seal(user, name).await,
            locale: Locale::parse(locale).unwrap(),
            time_zone: TimeZone::UTC,
        })
    }

    /// Appends to one user; gives the position of the last event.
    pub(crate) async fn happens(&self, user: Uuid, expected: i64, events: &[UserEvent]) -> i64 {
        self.append("user", user, expected, events.iter().map(user_event).collect()).await
    }

    /// The mailbox, the oldest mail first.
    pub(crate) async fn mailbox(&self) -> Vec<Mail> {
        let request = Request::get("/dev/mailbox.json").header("host", "localhost:8080");
        let request = request.body(Body::empty()).unwrap();
        let answer = mailbox::router(&self.delivery()).oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |mail: &Value, member: &str| mail[member].as_str().unwrap().to_owned();
        let mail = |mail: &Value| Mail {
            to: text(mail, "to"),
            subject: text(mail, "subject"),
            text: text(mail, "text"),
            html: text(mail, "html"),
        };
        body["items"].as_array().unwrap().iter().rev().map(mail).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_occasion_has_its_mail() {
    let world = World::new().await;
    let (ann, kim) = (Uuid::now_v7(), Uuid::now_v7());
    let (verify, reset, invited) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let reuse = RefreshTokenReused {
        session: Uuid::now_v7(),
        used_from: world.seal(ann, "192.0.2.1").await,
        reused_from: world.seal(ann, "2001:db8::7").await,
    };
    let from = world.seal(ann, "Ann").await;
    let to = world.seal(ann, "Ann <b>Other</b>").await;
    let events = [
        world.registered(ann, "Ann", "en").await,
        to_verify(verify, 24),
        UserEvent::Verified(Nothing {}),
        UserEvent::NameChanged(Change { from, to }),
        UserEvent::SignUpRepeated(Nothing {}),
        to_reset(reset, 1, ResetOccasion::Forgotten),
        changed(PasswordProof::Reset),
        changed(PasswordProof::SignUp),
        UserEvent::RefreshTokenReused(reuse),
        UserEvent::LoginsFailed(LoginsFailed { count: 3, tried_from: world.seal(ann, "198.51.100.4").await }),
        linked(LinkProof::SignUp, world.seal(ann, "1").await),
        linked(LinkProof::VerifiedEmail, world.seal(ann, "2").await),
    ];
    world.happens(ann, 0, &events).await;
    let invitation = UserEvent::Invited(Invited {
        email: world.seal(kim, "kim@example.com").await,
        name: world.seal(kim, "김하늘").await,
        locale: Locale::parse("ko-KR").unwrap(),
        time_zone: TimeZone::UTC,
        roles: RoleSet::EMPTY,
    });
    let events = [invitation, to_reset(invited, 24, ResetOccasion::Invitation)];
    let position = world.happens(kim, 0, &events).await;
    let _sending = world.send();
    world.mailed(position).await;

    let mails = world.mailbox().await;
    let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    let expected = [
        "Confirm your address",
        "You have an account already",
        "Set a new password",
        "Your password was changed",
        "A session of yours was ended",
        "Wrong passwords for your account",
        "Another way into your account",
        "Taskledger에 초대되었습니다",
    ];
    assert_eq!(subjects, expected);
    let link = |purpose, user, link, page: &str, language: &str| {
        format!("\n\n{URL}/auth/{page}#token={}&lang={language}\n\n", tokens().write(purpose, user, link))
    };
    let [verification, _, forgotten, _, reused, tried, linked, invitation] = &mails[..] else {
        panic!("{mails:?}")
    };
    assert!(verification.text.contains(&link(Purpose::VerifyEmail, ann, verify, "verify", "en")));
    assert!(!verification.text.contains("Ann"), "{}", verification.text);
    assert!(forgotten.text.contains(&link(Purpose::ResetPassword, ann, reset, "reset", "en")));
    assert!(forgotten.text.starts_with("Hello Ann <b>Other</b>,\n"), "{}", forgotten.text);
    assert!(forgotten.html.contains("Hello Ann &lt;b&gt;Other&lt;/b&gt;,"), "{}", forgotten.html);
    assert!(forgotten.html.contains("&amp;lang=en\">"), "{}", forgotten.html);
    assert!(
        reused.text.contains("192.0.2.1 and 2001:db8::7") && reused.text.contains("2023-11-14 22:13 UTC")
    );
    assert!(tried.text.contains("3 times, last from 198.51.100.4"), "{}", tried.text);
    assert!(linked.text.contains("an account at https://login.example.com lets you in"), "{}", linked.text);
    assert!(invitation.text.contains(&link(Purpose::ResetPassword, kim, invited, "reset", "ko")));
    assert!(invitation.text.contains("김하늘 님"), "{}", invitation.text);
    assert_eq!((&*invitation.to, &forgotten.to), ("kim@example.com", &format!("{ann}@example.com")));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_gives_one_mail_however_often_the_sender_dies() {
    let world = World::new().await;
    let user = Uuid::now_v7();
    world.happens(user, 0, &[world.registered(user, "Ann", "en").await]).await;
    let mut position = 0;
    let (mut one, mut two) = (world.send(), world.send());
    for index in 0..60 {
        position = world.happens(user, index + 1, &[to_verify(Uuid::now_v7(), 24)]).await;
        if index % 6 == 5 {
            // Somewhere in its work; the other one takes over, and it comes back.
            let crashed = std::mem::replace(&mut one, world.send());
            crashed.crash().await;
            world.leases_of_attempts_run_out().await;
        }
        if index % 20 == 9 {
            let ended = std::mem::replace(&mut two, world.send());
            ended.end().await;
        }
    }
    world.mailed(position).await;
    let mailed = "SELECT count(*) FROM delivery.mails AS m JOIN event_store.events AS e USING (event_id)
        WHERE e.event_type = 'user.verification_requested'";
    assert_eq!(world.number(mailed).await, 60);
    assert_eq!(world.mailbox().await.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reactors_do_not_both_react() {
    let world = World::new().await;
    let user = Uuid::now_v7();
    world.happens(user, 0, &[world.registered(user, "Ann", "en").await]).await;
    // A lease that has always run out: whoever comes takes it, in the middle of the other one's work.
    let sending: Vec<_> = (0..3).map(|_| world.react(Duration::from_millis(1))).collect();
    let _carrying = world.email(&[]);
    let mut position = 0;
    for index in 0..40 {
        position = world.happens(user, index + 1, &[to_verify(Uuid::now_v7(), 24)]).await;
    }
    world.mailed(position).await;
    drop(sending);
    // Had a mail been sent a second time, a number would have been used up.
    assert_eq!(world.number("SELECT count(*) FROM delivery.mails").await, 40);
    assert_eq!(world.number("SELECT max(id) FROM delivery.mails").await, 40);
    assert_eq!(world.number("SELECT count(*) FROM delivery.attempts").await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_that_came_too_late_or_to_nobody() {
    let world = World::new().await;
    let (ann, erased, damaged) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let late = [
        world.registered(ann, "Ann", "en").await,
        to_verify(Uuid::now_v7(), -1),
        to_reset(Uuid::now_v7(), -1, ResetOccasion::Forgotten),
    ];
    world.happens(ann, 0, &late).await;
    let events = [world.registered(erased, "Eve", "en").await, to_verify(Uuid::now_v7(), 24)];
    world.happens(erased, 0, &events).await;
    let erase = "UPDATE event_store.subject_keys SET sealed_key = NULL WHERE subject = ";
    world.run(&format!("{erase}'{erased}'")).await;
    let UserEvent::Registered(mut new) = world.registered(damaged, "Bob", "en").await else { unreachable!() };
    new.name.0.truncate(new.name.0.len() - 4);
    world.happens(damaged, 0, &[UserEvent::Registered(new), to_verify(Uuid::now_v7(), 24)]).await;
    // A newer program may write events that this one does not know.
    let newer = stored("user.something_new", "1", "{}".into(), now());
    world.append("user", Uuid::now_v7(), 0, vec![newer]).await;
    let position = world.happens(ann, 3, &[to_verify(Uuid::now_v7(), 24)]).await;
    let _sending = world.send();
    world.mailed(position).await;
    let mails = world.mailbox().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to, format!("{ann}@example.com"));
    let reasons = "SELECT string_agg(state || ': ' || reason, ', ' ORDER BY state) FROM delivery.deliveries
        WHERE state <> 'delivered'";
    let expected = "rejected: what is sealed cannot be opened, skipped: the person is erased";
    assert_eq!(world.text(reasons).await.as_deref(), Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_something_stands_in_the_mail_only() {
    let world = World::new().await;
    let (user, link) = (Uuid::now_v7(), Uuid::now_v7());
    let events = [world.registered(user, "canaryname", "en").await, to_verify(link, 24)];
    let position = world.happens(user, 0, &events).await;
    let _sending = world.send();
    world.mailed(position).await;
    let token = tokens().write(Purpose::VerifyEmail, user, link);
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('%I.%I', table_schema, table_name), column_name FROM information_schema.columns
         WHERE table_schema IN ('event_store', 'delivery')",
    )
    .fetch_all(&world.owner)
    .await
    .unwrap();
    let mut found = Vec::new();
    for (table, column) in columns {
        let holding = async |text: &str| {
            let sql = format!("SELECT count(*) FROM {table} WHERE \"{column}\"::text LIKE '%{text}%'");
            world.number(&sql).await
        };
        assert_eq!(holding("canaryname").await, 0, "{table}.{column}");
        if holding(&token[50..]).await + holding("tlm_").await > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found.sort();
    assert_eq!(found, ["delivery.mails.html", "delivery.mails.text"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_keeps_the_newest_thousand() {
    let world = World::new().await;
    let user = Uuid::now_v7();
    world.happens(user, 0, &[world.registered(user, "Ann", "en").await]).await;
    let links: Vec<_> = (0..1_010).map(|_| to_verify(Uuid::now_v7(), 24)).collect();
    let position = world.happens(user, 1, &links).await;
    let _sending = world.send();
    world.mailed(position).await;
    let oldest =
        "SELECT min(e.position) FROM delivery.mails AS m JOIN event_store.events AS e USING (event_id)";
    assert_eq!((world.mailbox().await.len(), world.number(oldest).await), (1_000, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_another_log_are_not_sent() {
    let world = World::new().await;
    let user = Uuid::now_v7();
    let events = [world.registered(user, "Ann", "en").await, to_verify(Uuid::now_v7(), 24)];
    let position = world.happens(user, 0, &events).await;
    let sending = world.send();
    world.mailed(position).await;
    sending.end().await;
    event_store::renew_epoch(&world.url).await.unwrap();
    world.happens(user, 2, &[to_verify(Uuid::now_v7(), 24)]).await;
    let sending = world.send();
    // It has looked more than once when the lease that it has taken is another second younger.
    let taken = "SELECT lease_until > '-infinity' AND $2 = 0 FROM delivery.checkpoints WHERE consumer = $1";
    world.becomes_true(taken, "account_mails", 0).await;
    let until = world
        .text("SELECT lease_until::text FROM delivery.checkpoints WHERE consumer = 'account_mails'")
        .await
        .unwrap();
    let again = "SELECT lease_until > $1::timestamptz + make_interval(secs => $2)
        FROM delivery.checkpoints WHERE consumer = 'account_mails'";
    world.becomes_true(again, &until, 1).await;
    sending.end().await;
    assert_eq!(world.mailbox().await.len(), 1);
}
