use std::{future::Future, pin::pin, task::Poll};

use futures_util::poll;
use uuid::Uuid;

use super::*;
use crate::auth::testing::principal;

const SESSION_ENDED: TokenError = TokenError::Invalid("its session has ended");

fn known() -> Revocations {
    let revocations = Revocations::default();
    revocations.known_as_of(Instant::now());
    revocations
}

fn revoke(revocations: &Revocations, revoked: Revoked) {
    revocations.announce([revoked]);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_what_was_revoked_are_refused() {
    let revocations = known();
    let (ann, bob) = (principal(5), principal(5));
    assert_eq!(revocations.check(&ann), Ok(()));
    revoke(&revocations, Revoked::Session(ann.session_id));
    assert_eq!((revocations.check(&ann), revocations.check(&bob)), (Err(SESSION_ENDED), Ok(())));
    revoke(&revocations, Revoked::User(bob.user_id, 5));
    assert_eq!(revocations.check(&bob), Ok(()), "a token of today's epoch");
    revoke(&revocations, Revoked::User(bob.user_id, 6));
    revoke(&revocations, Revoked::User(bob.user_id, 5));
    assert_eq!(revocations.check(&bob), Err(TokenError::Stale), "epochs do not fall");
    let cid = principal(0);
    revoke(&revocations, Revoked::Key(cid.key_id.to_string()));
    assert!(matches!(revocations.check(&cid), Err(TokenError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn without_a_recent_look_nobody_is_let_in() {
    let (revocations, ann) = (Revocations::default(), principal(0));
    assert_eq!(revocations.check(&ann), Err(TokenError::RevocationsUnknown));
    revocations.known_as_of(Instant::now());
    tokio::time::advance(MAX_SILENCE - Duration::from_millis(1)).await;
    assert_eq!(revocations.check(&ann), Ok(()));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(revocations.check(&ann), Err(TokenError::RevocationsUnknown));
    revocations.known_as_of(Instant::now());
    assert_eq!(revocations.check(&ann), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn revocations_outlive_the_tokens_and_no_more() {
    let revocations = known();
    let (late, ann) = (principal(0), principal(0));
    let lifetime = Duration::from_secs(630);
    revocations.take_in([(Revoked::Session(late.session_id), Duration::from_secs(60))].into_iter());
    revoke(&revocations, Revoked::Session(ann.session_id));
    revoke(&revocations, Revoked::User(ann.user_id, 1));
    let after = async |span| {
        tokio::time::advance(span).await;
        revocations.take_in(std::iter::empty());
        revocations.known_as_of(Instant::now());
    };
    after(lifetime).await;
    assert_eq!((revocations.check(&ann), revocations.check(&late)), (Err(SESSION_ENDED), Err(SESSION_ENDED)));
    after(lifetime).await;
    assert!(revocations.0.set.read().unwrap().is_empty());
}

async fn still_open(end: &mut (impl Future<Output = TokenError> + Unpin)) -> bool {
    poll!(end) == Poll::Pending
}

#[tokio::test(start_paused = true)]
async fn streams_end_with_their_token() {
    let revocations = known();
    let (ann, bob) = (principal(1), principal(1));
    let (mut anns, mut bobs) = (pin!(revocations.ended(&ann)), pin!(revocations.ended(&bob)));
    assert!(still_open(&mut anns).await && still_open(&mut bobs).await);
    revoke(&revocations, Revoked::Session(Uuid::now_v7()));
    assert!(still_open(&mut anns).await && still_open(&mut bobs).await);
    revoke(&revocations, Revoked::Session(ann.session_id));
    assert_eq!(anns.await, SESSION_ENDED);
    assert!(still_open(&mut bobs).await);
    revoke(&revocations, Revoked::User(bob.user_id, 2));
    assert_eq!(bobs.await, TokenError::Stale);
    let begun = Instant::now();
    assert_eq!(revocations.ended(&principal(1)).await, TokenError::RevocationsUnknown);
    assert_eq!(begun.elapsed(), MAX_SILENCE);
    assert_eq!(Revocations::none().ended(&principal(1)).await, TokenError::Expired);
    assert!(begun.elapsed() > Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn keys_end_like_sessions_and_are_believed_not_a_moment_longer() {
    let revocations = known();
    let key = || Principal { scopes: Some(Arc::from([])), ..principal(1) };
    let (revoked, changed, kept) = (key(), key(), key());
    let (mut one, mut two) = (pin!(revocations.ended(&revoked)), pin!(revocations.ended(&changed)));
    let mut three = pin!(revocations.ended(&kept));
    assert!(still_open(&mut one).await && still_open(&mut two).await && still_open(&mut three).await);
    revoke(&revocations, Revoked::Session(revoked.session_id));
    revoke(&revocations, Revoked::User(changed.user_id, 2));
    assert_eq!((one.await, two.await), (SESSION_ENDED, TokenError::Stale));
    assert!(still_open(&mut three).await);
    let begun = Instant::now();
    assert_eq!(Revocations::none().ended(&key()).await, TokenError::Invalid("no such API key"));
    let ten_minutes = Duration::from_secs(595)..Duration::from_secs(605);
    assert!(ten_minutes.contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_first_look_is_awaited() {
    let revocations = Revocations::default();
    let mut loaded = pin!(revocations.loaded());
    assert_eq!(poll!(&mut loaded), Poll::Pending);
    revoke(&revocations, Revoked::Session(Uuid::now_v7()));
    assert_eq!(poll!(&mut loaded), Poll::Pending);
    revocations.known_as_of(Instant::now());
    loaded.await;
}
