//! The process dies that serves a group, while events are out.

use std::collections::{BTreeMap, BTreeSet};

use proto::v1::Event;
use uuid::Uuid;

use super::{Book, Member, group, rename, standing, tasks};
use crate::client::Client;
use crate::system::{PATIENCE, System, within};

const TASKS: usize = 6;
/// Events that are out at a time.
const OUT: i32 = 4;

/// What a consumer has handled, in its order.
#[derive(Default)]
struct Handled {
    events: Vec<(Uuid, i64)>,
    /// Of which it is written down.
    finished: BTreeSet<i64>,
}

impl Handled {
    /// Takes events and handles all but the last few, which stay out.
    async fn some(&mut self, member: &mut Member, count: usize) {
        for _ in 0..count {
            let event = self.next(member).await;
            self.handle(member, &event).await;
        }
        for _ in 0..OUT {
            self.next(member).await;
        }
    }

    async fn next(&self, member: &mut Member) -> Event {
        let event = member.delivery().await.unwrap().event.unwrap();
        assert!(!self.finished.contains(&event.position), "{} comes again", event.position);
        event
    }

    async fn handle(&mut self, member: &Member, event: &Event) {
        self.events.push((event.subject.parse().unwrap(), event.position));
        member.ack([event.position]).await;
    }

    /// What was handled is written down.
    async fn settle(&mut self, book: &mut Book) {
        let handled = self.events.iter().map(|(_, position)| *position).collect();
        book.has_finished(&handled).await;
        self.finished = handled;
    }

    /// Handles everything up to the end of the log.
    async fn all(&mut self, member: &mut Member, expected: &BTreeMap<Uuid, Vec<i64>>) {
        let mut missing: BTreeSet<_> = expected.values().flatten().copied().collect();
        missing.retain(|position| !self.finished.contains(position));
        while !missing.is_empty() {
            let event = self.next(member).await;
            self.handle(member, &event).await;
            missing.remove(&event.position);
        }
    }

    /// By task, in the order in which each event came first.
    fn by_task(&self) -> BTreeMap<Uuid, Vec<i64>> {
        let mut tasks = BTreeMap::<Uuid, Vec<i64>>::new();
        for (task, position) in &self.events {
            let positions = tasks.entry(*task).or_default();
            if !positions.contains(position) {
                positions.push(*position);
            }
        }
        tasks
    }
}

async fn finished(reader: &Client, last: i64) {
    let mut found = Default::default();
    let done = within(PATIENCE, async || {
        found = standing(reader).await;
        found["position"] == last && found["waiting"] == 0 && found["parked"] == 0
    });
    assert!(done.await, "{last} is not reached: {found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_were_out_come_again_and_finished_ones_do_not() {
    let mut system = System::start().await;
    let (writer, reader) = group(&system).await;
    let mut book = Book::open(&system).await;
    let ids = tasks(&writer, TASKS, 4).await;
    let mut handled = Handled::default();
    for round in 0..2 {
        let mut member = Member::get_in(&reader, "billing", OUT).await;
        handled.some(&mut member, 6).await;
        handled.settle(&mut book).await;
        system.read_api.kill().await;
        member.end().await;
        // Nobody listens while these happen.
        for id in &ids {
            rename(&writer, id, 10 + round).await;
        }
        system.read_api.start();
        system.read_api.ready().await;
    }
    let mut member = Member::get_in(&reader, "billing", OUT).await;
    let expected = book.events().await;
    handled.all(&mut member, &expected).await;
    assert_eq!(handled.by_task(), expected, "something is lost, or out of order");
    finished(&reader, expected.values().flatten().copied().max().unwrap()).await;
    system.end().await;
}
