//! Rules that somebody has made hold from their own event on.

use domain::{
    event::{Nothing, to_stored},
    filter::{Filter, FilterOver},
    ids::UserId,
    notification::{Category, Channel, ChannelSet},
    notification_rule::{
        DefaultRule, NotificationRuleEvent, RuleDefinition,
        values::{Audience, RuleName, Template, Trigger},
    },
    task::values::Priority,
};
use uuid::Uuid;

use super::{created, started};
use crate::world::{World, stored};

impl World {
    async fn rule(&self, id: Uuid, expected: i64, event: NotificationRuleEvent) -> i64 {
        let (event_type, version) = event.stored_type();
        let at = "2026-11-21T09:30:00Z".parse().unwrap();
        let new = stored(event_type, version, to_stored(&event).unwrap(), at);
        self.append("notification_rule", id, expected, vec![new]).await
    }
}

/// Tells one person of urgent tasks.
fn urgent(user: UserId) -> RuleDefinition {
    RuleDefinition {
        name: RuleName::parse("Urgent").unwrap(),
        category: Category::Change,
        event_types: vec![Trigger::parse("task.created").unwrap()],
        filter: Some(Filter::parse("priority = urgent", FilterOver::Events).unwrap()),
        audience: Audience { users: vec![user], ..Audience::default() },
        channels: ChannelSet::of(&[Channel::Inbox]),
        template: Template::Change,
        enabled: true,
        replaces: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_tells_what_it_asks_for_from_its_own_event_on() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let pressing = || domain::task::Created { priority: Priority::Urgent, ..created(ann, &[]) };
    world.has_task(ann, pressing()).await;
    let id = Uuid::now_v7();
    world.rule(id, 0, NotificationRuleEvent::Created(urgent(bob))).await;
    world.has_task(ann, pressing()).await;
    world.has_task(ann, created(ann, &[])).await;
    let telling = world.tell();
    let deleted = world.rule(id, 1, NotificationRuleEvent::Deleted(Nothing {})).await;
    world.told(deleted).await;
    assert_eq!(world.inbox(bob).await, ["change task.created"]);
    telling.end().await;
    world.has_task(ann, pressing()).await;
    let off = RuleDefinition {
        enabled: false,
        replaces: Some(DefaultRule::StatusChanged),
        ..DefaultRule::StatusChanged.definition()
    };
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    world.act(&mut task, ann, started()).await;
    world.rule(Uuid::now_v7(), 0, NotificationRuleEvent::Created(off)).await;
    let position = world.act(&mut task, ann, started()).await;
    let _telling = world.tell();
    world.told(position).await;
    let expected = ["change task.created", "assignment task.created", "status task.started"];
    assert_eq!(world.inbox(bob).await, expected);
}
