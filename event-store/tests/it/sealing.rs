//! Sealing personal texts, opening them, and losing the key.

use domain::personal::Sealed;
use event_store::{MasterKey, Role, SealError, Sealer, Unsealed};
use uuid::Uuid;

use crate::store::{self, Store};

const MASTER: MasterKey = MasterKey([9; 32]);

fn clear(text: &str) -> Unsealed {
    Unsealed::Clear(text.into())
}

#[tokio::test]
async fn what_is_sealed_opens_again_in_any_process() {
    let store = Store::new().await;
    let (one, other) =
        (Sealer::new(store.pool().clone(), &MASTER), Sealer::new(store.pool().clone(), &MASTER));
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let sealed = one.seal(ann, "김 Ann").await.unwrap();
    assert!(sealed.0.starts_with(&format!("s1.{ann}.")) && !sealed.0.contains("Ann"));
    assert_eq!(other.seal(ann, "김 Ann").await.unwrap(), sealed, "equal texts of one person seal alike");
    let bobs = one.seal(bob, "김 Ann").await.unwrap();
    assert_ne!(bobs.0.rsplit('.').next(), sealed.0.rsplit('.').next());
    let reader = Sealer::new(store::pool(store.url(), Role::Read), &MASTER);
    let opened = reader.unseal_all(&[bobs, sealed.clone(), sealed]).await.unwrap();
    assert_eq!(opened, [clear("김 Ann"), clear("김 Ann"), clear("김 Ann")]);
}

#[tokio::test]
async fn two_processes_that_make_a_key_at_once_agree() {
    let store = Store::new().await;
    let (one, other) =
        (Sealer::new(store.pool().clone(), &MASTER), Sealer::new(store.pool().clone(), &MASTER));
    for _ in 0..20 {
        let subject = Uuid::now_v7();
        let (left, right) = tokio::join!(one.seal(subject, "x"), other.seal(subject, "x"));
        assert_eq!(left.unwrap(), right.unwrap());
    }
}

#[tokio::test]
async fn without_its_key_a_text_is_erased_for_good() {
    let store = Store::new().await;
    let sealer = Sealer::new(store.pool().clone(), &MASTER);
    let subject = Uuid::now_v7();
    let sealed = sealer.seal(subject, "gone").await.unwrap();
    sqlx::query("UPDATE event_store.subject_keys SET sealed_key = NULL").execute(store.pool()).await.unwrap();
    assert_eq!(sealer.unseal(&sealed).await.unwrap(), clear("gone"), "for a minute at most");
    sealer.forget(subject);
    assert_eq!(sealer.unseal(&sealed).await.unwrap(), Unsealed::Erased);
    assert!(matches!(sealer.seal(subject, "again").await, Err(SealError::Erased)));
    let unknown = Sealed(sealed.0.replace(&subject.to_string(), &Uuid::now_v7().to_string()));
    assert_eq!(sealer.unseal(&unknown).await.unwrap(), Unsealed::Erased);
}

#[tokio::test]
async fn a_changed_or_moved_text_does_not_open() {
    let store = Store::new().await;
    let sealer = Sealer::new(store.pool().clone(), &MASTER);
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let sealed = sealer.seal(ann, "text").await.unwrap();
    sealer.seal(bob, "text").await.unwrap();
    let moved = Sealed(sealed.0.replace(&ann.to_string(), &bob.to_string()));
    let mut cut = sealed.clone();
    cut.0.truncate(cut.0.len() - 4);
    for wrong in
        [moved, cut, Sealed("s2.x.y".into()), Sealed(String::new()), Sealed(format!("s1.{ann}.AAAA"))]
    {
        assert!(matches!(sealer.unseal(&wrong).await, Err(SealError::Damaged)), "{wrong:?}");
    }
    let stranger = Sealer::new(store.pool().clone(), &MasterKey([8; 32]));
    assert!(matches!(stranger.unseal(&sealed).await, Err(SealError::Damaged)));
    assert_eq!(format!("{MASTER:?}"), "MasterKey(…)");
}

#[tokio::test]
async fn claims_of_personal_texts_say_nothing_and_always_the_same() {
    let store = Store::new().await;
    let sealer = Sealer::new(store.pool().clone(), &MASTER);
    // Stored in the log's claims: must never change.
    assert_eq!(
        sealer.hmac_claim("user.email", "ann@example.org"),
        "g9MxrjNzxdF4Fv0LjBHE7ffL6BeQMCGY-aHfZMxFFCc"
    );
    assert_ne!(sealer.hmac_claim("user.email", "a"), sealer.hmac_claim("user.name", "a"));
}
