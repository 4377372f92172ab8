//! What the file takes, and what it makes of a database that has become another one.

use std::time::Duration;

use event_store::seals::{
    Fault, FileError, KeyRing, Ledger, Pace, Scope, SealFile, SealKey, Sealing, VerifyError,
};

use super::world::{BLOCK, World, verify};

async fn refused(world: &World) -> FileError {
    let mut file = SealFile::new(world.file());
    file.complete(world.store.pool(), &world.ring, Ledger::Events).await.unwrap_err()
}

async fn harm(world: &World, sql: &str) {
    sqlx::raw_sql(sql).execute(&world.owner().await).await.unwrap();
}

#[tokio::test]
async fn a_database_without_the_last_seals_of_the_file_is_an_alarm() {
    let world = World::sealed(3 * BLOCK).await;
    let before = std::fs::read_to_string(world.file()).unwrap();
    harm(&world, "DELETE FROM event_store.seals WHERE number = 3").await;
    let error = refused(&world).await;
    assert!(error.is_alarm() && matches!(error, FileError::Parted { number: 3, .. }), "{error}");
    harm(&world, "DELETE FROM event_store.events WHERE position > 16").await;
    world.append(BLOCK).await;
    world.seal(Ledger::Events, &world.sealing(Duration::MAX)).await;
    let error = refused(&world).await;
    assert!(matches!(error, FileError::Parted { number: 3, .. }), "{error}");
    assert_eq!(std::fs::read_to_string(world.file()).unwrap(), before, "nothing was written");
    // Once the file is put aside a new one begins.
    std::fs::rename(world.file(), world.file().with_extension("before")).unwrap();
    world.complete().await;
    assert_eq!(std::fs::read_to_string(world.file()).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn seals_that_are_none_of_ours_stay_out_of_the_file() {
    let world = World::sealed(BLOCK).await;
    world.append(BLOCK).await;
    let thief = SealKey::new([8; 32]);
    let known = KeyRing::new(thief.public(), [world.key.public().clone()]);
    let pace = Pace { events: BLOCK, after: Duration::MAX };
    let sealing = Sealing::new(world.store.pool().clone(), thief.clone(), known, pace);
    world.seal(Ledger::Events, &sealing).await;
    let error = refused(&world).await;
    let unknown = Fault::UnknownKey(thief.public().id().to_owned());
    assert!(matches!(&error, FileError::Untrusted { number: 2, fault, .. } if *fault == unknown), "{error}");
}

#[tokio::test]
async fn a_file_with_something_else_in_it_is_named() {
    let world = World::sealed(BLOCK).await;
    let whole = std::fs::read_to_string(world.file()).unwrap();
    for text in ["shopping list\n".to_owned(), format!("{whole}x"), whole.replace("\"v\":1", "\"v\":2")] {
        std::fs::write(world.file(), &text).unwrap();
        let error = refused(&world).await;
        assert!(!error.is_alarm() && matches!(error, FileError::Malformed(_)), "{error}");
        assert_eq!(std::fs::read_to_string(world.file()).unwrap(), text, "it is left as it is");
    }
    let scope = Scope::whole(Ledger::Events);
    let refused = verify(world.store.pool(), &world.ring, Some(world.file()), scope).await.unwrap_err();
    assert!(
        matches!(refused, VerifyError::Outside(_)) && refused.to_string().contains("line 1 "),
        "{refused}"
    );
    let nowhere = world.file().with_extension("nowhere");
    assert!(verify(world.store.pool(), &world.ring, Some(nowhere), scope).await.is_err());
}
