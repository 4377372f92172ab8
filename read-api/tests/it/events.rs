//! Events for those who follow them: pulled and streamed.

use axum::{
    body::{Body, BodyDataStream},
    http::Request,
    response::Response,
};
use domain::{event::Metadata, task::TaskEvent, user::UserEvent};
use futures_util::StreamExt;
use serde_json::{Value, json};
use servers::testing::{self, TestNats};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    world::{DEADLINE, World},
};

/// A world whose log can be followed, and who writes it.
pub(crate) struct Log {
    pub(crate) world: World,
    writer: Writer,
    pub(crate) ann: Uuid,
    pub(crate) nats: async_nats::Client,
    _nats: TestNats,
}

pub(crate) fn created(creator: Uuid, visibility: &str, priority: &str) -> Value {
    json!({"task.created": {
        "key": "T-1", "title": "first", "description": null, "priority": priority, "due": null, "labels": [],
        "assignees": [], "creator": creator, "parent": null, "external_ref": null, "visibility": visibility,
    }})
}

pub(crate) fn progress(from: u8, to: u8) -> Value {
    json!({"task.progress_changed": {"from": from, "to": to}})
}

impl Log {
    pub(crate) async fn new() -> Self {
        let nats = testing::nats().await;
        let client = service::nats::connect(&nats.url().parse().unwrap(), "test", &Default::default()).await;
        let client = client.unwrap();
        let world = World::with_nats(Some(client.clone())).await;
        let writer = Writer::new(&world);
        Self { world, writer, ann: Uuid::now_v7(), nats: client, _nats: nats }
    }

    /// By Ann; the last position.
    pub(crate) async fn write(&self, task: Uuid, after: i64, facts: &[Value]) -> i64 {
        self.write_with(&metadata(self.ann), task, after, facts).await
    }

    /// The same under any circumstances.
    pub(crate) async fn write_with(
        &self,
        circumstances: &Metadata,
        task: Uuid,
        after: i64,
        facts: &[Value],
    ) -> i64 {
        let events = facts.iter().map(|fact| (event::<TaskEvent>(fact.clone()), circumstances.clone()));
        self.writer.append_after(after, "task", task, events.collect()).await
    }

    /// The rights of somebody change, as often as counts.
    pub(crate) async fn change_rights(&self, user: Uuid) {
        let facts = [
            json!({"user.role_granted": {"role": "member"}}),
            json!({"user.role_revoked": {"role": "member"}}),
        ];
        let events = facts.map(|fact| (event::<UserEvent>(fact), metadata(self.ann)));
        self.writer.append("user", user, events.into()).await;
    }

    /// A task of the team and a private one of Ann's, each made and changed: positions 1 to 4.
    pub(crate) async fn two_tasks(&self) -> (Uuid, Uuid) {
        let (open, hidden) = (Uuid::now_v7(), Uuid::now_v7());
        self.write(open, 0, &[created(self.ann, "team", "urgent"), progress(0, 5)]).await;
        self.write(hidden, 0, &[created(self.ann, "private", "low"), progress(0, 5)]).await;
        (open, hidden)
    }

    pub(crate) fn member(&self) -> String {
        self.world.token(Uuid::now_v7(), &["member"])
    }

    pub(crate) async fn listen(&self, token: &str, query: &str, last: Option<i64>) -> Stream {
        let mut request = Request::get(format!("/v1/events/stream{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let request = request.header("authorization", format!("Bearer {token}"));
        Stream::of(self.world.open(request.body(Body::empty()).unwrap()).await)
    }
}

/// What comes over a stream, comments left out.
pub(crate) struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Id, name and data of what comes next.
    pub(crate) async fn next(&mut self) -> (i64, String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or("0")
                };
                let read = (
                    field("id").parse().unwrap(),
                    field("event").to_owned(),
                    serde_json::from_str(field("data")).unwrap(),
                );
                let silent = event.starts_with(':');
                self.text = rest.to_owned();
                if !silent {
                    return read;
                }
            } else {
                let chunk =
                    timeout(DEADLINE, self.body.next()).await.expect("something comes").unwrap().unwrap();
                self.text += std::str::from_utf8(&chunk).unwrap();
            }
        }
    }

    pub(crate) async fn ids(&mut self, count: usize) -> Vec<i64> {
        timeout(DEADLINE, self.ids_whenever(count)).await.expect("they come")
    }

    async fn ids_whenever(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let (id, name, data) = self.next().await;
            if name == "event" {
                assert_eq!(data["sequence"].as_str().unwrap().parse::<i64>().unwrap(), id);
                ids.push(id);
            }
        }
        ids
    }
}

/// A comment by Ann; what goes over the wire is twice as long as its text.
pub(crate) fn comment(author: Uuid, length: usize) -> Value {
    json!({"task.commented": {"comment": Uuid::now_v7(), "author": author, "text": "\"".repeat(length)}})
}

pub(crate) fn positions(body: &Value) -> Vec<i64> {
    let items = body["items"].as_array().unwrap();
    items.iter().map(|event| event["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_brings_what_one_may_see_as_it_was_published() {
    let log = Log::new().await;
    let (open, hidden) = log.two_tasks().await;
    let (anns, others) = (log.world.token(log.ann, &["member"]), log.member());
    let all = log.world.get(&anns, "/v1/events").await;
    assert_eq!((positions(&all.body), &all.body["after"]), (vec![1, 2, 3, 4], &json!(4)));
    assert_eq!((&all.body["caught_up"], &all.headers["position"]), (&json!(true), &"4".parse().unwrap()));
    let one = &all.body["items"][0];
    assert_eq!((&one["type"], &one["subject"]), (&json!("task.created.v1"), &json!(open)));
    assert_eq!(one["data"]["priority"], "urgent");
    let few = log.world.get(&others, "/v1/events").await;
    assert_eq!((positions(&few.body), &few.body["after"]), (vec![1, 2], &json!(4)));
    for (query, expected) in [
        ("after=1&page_size=2", vec![2, 3]),
        ("after=4", vec![]),
        ("types=task.created", vec![1, 3]),
        ("types=task.created&types=task.progress_changed&after=2", vec![3, 4]),
        (&format!("aggregate={hidden}"), vec![3, 4]),
        ("actor=me", vec![1, 2, 3, 4]),
        (&format!("actor={hidden}"), vec![]),
        ("filter=priority%20%3D%20urgent", vec![1, 2]),
        ("filter=priority%20%3D%20low%20AND%20type%20%3D%20task.created", vec![3]),
    ] {
        let reply = log.world.get(&anns, &format!("/v1/events?{query}")).await;
        assert_eq!(positions(&reply.body), expected, "{query}: {}", reply.body);
    }
    let reply = log.world.get(&others, "/v1/events/1").await;
    assert_eq!(
        (&reply.body, &reply.headers["content-type"]),
        (one, &"application/cloudevents+json".parse().unwrap())
    );
    for (token, position, status) in
        [(&anns, "3", 200), (&others, "3", 404), (&anns, "5", 404), (&anns, "x", 400)]
    {
        let reply = log.world.get(token, &format!("/v1/events/{position}")).await;
        assert_eq!(reply.status.as_u16(), status, "{position}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_when_it_is_large() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let mut last = 0;
    for written in (2..82).step_by(20) {
        let comments: Vec<_> = (0..20).map(|_| comment(log.ann, 60_000)).collect();
        last = log.write(open, written, &comments).await;
    }
    let (token, mut seen, mut after) = (log.member(), Vec::new(), 0);
    loop {
        let page = log.world.get(&token, &format!("/v1/events?after={after}&page_size=1000")).await.body;
        assert!(page.to_string().len() < 6 << 20, "a page of {} bytes", page.to_string().len());
        seen.extend(positions(&page));
        after = page["after"].as_i64().unwrap();
        if page["caught_up"] == true {
            break;
        }
    }
    assert_eq!(seen, (1..=2).chain(5..=last).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_waits_for_what_comes() {
    let log = Log::new().await;
    let (open, hidden) = log.two_tasks().await;
    let others = log.member();
    let waiting = log.world.get_with(&others, "/v1/events?after=4", &[("prefer", "wait=20")]);
    let writing = async {
        // Nothing that it may see, and then something.
        log.write(hidden, 2, &[progress(5, 6)]).await;
        log.write(open, 2, &[progress(5, 6)]).await;
    };
    let (reply, ()) = tokio::join!(waiting, writing);
    assert_eq!((positions(&reply.body), &reply.body["after"]), (vec![6], &json!(6)), "{}", reply.body);
    assert!(reply.headers["preference-applied"].to_str().unwrap().starts_with("wait="));
}

#[tokio::test(flavor = "multi_thread")]
async fn places_of_other_logs_are_refused() {
    let log = Log::new().await;
    log.two_tasks().await;
    let token = log.member();
    let epoch = log.world.get(&token, "/v1/events").await.body["epoch"].as_str().unwrap().to_owned();
    for route in ["/v1/events", "/v1/events/stream"] {
        for (query, status, code) in [
            ("after=5".to_owned(), 400, "POSITION_AHEAD"),
            (format!("after=1&epoch={}", Uuid::now_v7()), 410, "POSITION_EXPIRED"),
            ("after=-1".to_owned(), 400, "INVALID_PARAMETER"),
            ("types=task.unheard_of".to_owned(), 400, "INVALID_PARAMETER"),
            ("filter=x".to_owned(), 400, "INVALID_PARAMETER"),
            ("sort=time".to_owned(), 400, "UNKNOWN_PARAMETER"),
        ] {
            let reply = log.world.get(&token, &format!("{route}?{query}")).await;
            assert_eq!(
                (reply.status.as_u16(), reply.code()),
                (status, code),
                "{route}?{query}: {}",
                reply.body
            );
        }
    }
    let reply = log.world.get(&token, &format!("/v1/events?after=1&epoch={epoch}")).await;
    assert_eq!(positions(&reply.body), [2]);
    let programs = log.world.token(Uuid::now_v7(), &["integrator"]);
    assert_eq!(positions(&log.world.get(&programs, "/v1/events").await.body), Vec::<i64>::new());
    for roles in [&["auditor"][..], &["operator"], &["admin"], &[]] {
        let token = log.world.token(Uuid::now_v7(), roles);
        assert_eq!(log.world.get(&token, "/v1/events").await.status.as_u16(), 403, "{roles:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_catches_up_and_goes_on() {
    let log = Log::new().await;
    let (open, hidden) = log.two_tasks().await;
    let token = log.member();
    let mut stream = log.listen(&token, "?after=0", None).await;
    assert_eq!(stream.ids(2).await, [1, 2]);
    let (id, name, data) = stream.next().await;
    assert_eq!((id, &*name, &data["after"]), (4, "caught_up", &json!(4)));
    log.write(hidden, 2, &[progress(5, 6)]).await;
    log.write(open, 2, &[progress(5, 6), progress(6, 7)]).await;
    assert_eq!(stream.ids(2).await, [6, 7]);
    drop(stream);
    // Whoever comes again is told what has happened meanwhile, and nothing twice.
    log.write(open, 4, &[progress(7, 8)]).await;
    let mut again = log.listen(&token, "?after=0", Some(6)).await;
    assert_eq!(again.ids(2).await, [7, 8]);
    // Without a place it begins with what comes next.
    let mut new = log.listen(&token, "", None).await;
    assert_eq!(new.next().await.1, "caught_up");
    log.write(open, 5, &[progress(8, 9)]).await;
    assert_eq!((new.ids(1).await, again.ids(1).await), (vec![9], vec![9]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_judged_when_an_event_is_sent() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let bob = Uuid::now_v7();
    let token = log.world.token(bob, &["member"]);
    log.write(open, 2, &[json!({"task.visibility_changed": {"from": "team", "to": "private"}})]).await;
    // It was a task of the team when these happened, and is none any more.
    assert_eq!(positions(&log.world.get(&token, "/v1/events").await.body), Vec::<i64>::new());
    let last = log.write(open, 3, &[json!({"task.watched": {"user": bob}})]).await;
    let mut stream = log.listen(&token, "?after=0", None).await;
    assert_eq!(stream.ids(4).await, [1, 2, 5, last]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_come_once_and_in_order_while_more_are_written() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let token = log.member();
    let writing = async {
        for n in 0..60 {
            let facts: Vec<_> = (0..20).map(|step| progress(step % 100, (step + 1) % 100)).collect();
            log.write(open, 2 + n * 20, &facts).await;
        }
    };
    let reading = async {
        let mut stream = log.listen(&token, "?after=0", None).await;
        let mut ids = stream.ids(500).await;
        drop(stream);
        // Cut off in the middle.
        let mut again = log.listen(&token, "", ids.last().copied()).await;
        ids.extend(again.ids(1_202 - ids.len()).await);
        ids
    };
    let ((), ids) = tokio::join!(writing, reading);
    let expected: Vec<i64> = (1..=2).chain(5..=1_204).collect();
    assert_eq!(ids, expected);
}
