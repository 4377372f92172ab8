//! Readers are told how far a projection is.

use futures_util::StreamExt;
use projections::runner::{self, Pace, Progress};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    fold_law::some_histories,
    world::{DEADLINE, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_announced_with_version_and_position() {
    let world = World::new().await;
    let client = world.sources.jetstream.client();
    let mut announced = client.subscribe("progress.*").await.unwrap();
    client.flush().await.unwrap();
    let stop = CancellationToken::new();
    let (told, latest) = watch::channel(Progress::default());
    let publishing = tokio::spawn(runner::publish(client, "tasks", latest, stop.clone()));
    let (tasks, sources) = (world.projector("tasks"), world.sources.clone());
    let working = tokio::spawn(runner::run(tasks, sources, Pace::default(), told, stop.clone()));
    some_histories(&world, 2).await;
    let head = world.log.head().await.unwrap();
    let reached = async {
        let mut before = 0;
        while before < head {
            let message = announced.next().await.unwrap();
            assert_eq!(message.subject.as_str(), "progress.tasks");
            let Progress { version, position } = serde_json::from_slice(&message.payload).unwrap();
            assert!(version == 1 && position >= before);
            before = position;
            // What is announced can be read.
            let visible = world
                .number("SELECT min(position) FROM read_model.checkpoints WHERE projection = 'tasks'")
                .await;
            assert!(visible >= position);
        }
    };
    timeout(DEADLINE, reached).await.unwrap();
    stop.cancel();
    publishing.await.unwrap();
    working.await.unwrap();
}
