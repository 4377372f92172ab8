//! How mails about tasks look.

use domain::{
    ids::UserId,
    task::{
        StatusChange, TaskEvent,
        values::{Reason, Status, Title},
    },
};
use servers::testing::{ReceivedMail, SmtpTls, smtp_server};

use super::{LEASE, commented, created};
use crate::{
    sending::{URL, tokens},
    world::World,
};

fn header<'a>(mail: &'a ReceivedMail, name: &str) -> &'a str {
    let begin = format!("{name}: ");
    let line = mail.content.lines().find_map(|line| line.strip_prefix(&begin));
    line.unwrap_or_else(|| panic!("no {name}: {}", mail.content))
}

async fn position(world: &World, user: UserId) -> i64 {
    let sql = "SELECT max(position) FROM delivery.notices WHERE user_id = $1";
    sqlx::query_scalar(sql).bind(user.0).fetch_one(&world.owner).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_a_task_are_one_thread_and_can_be_ended_by_one_click() {
    let (world, server) = (World::new().await, smtp_server(SmtpTls::None).await);
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let position = world.act(&mut task, ann, commented(ann, "@bob")).await;
    let url = format!("--smtp-url={}", server.url());
    let from = "--mail-from=Taskledger <tasks@example.com>";
    let _telling = world.react(LEASE).and(world.email(&[&url, from, "--smtp-connections=1"]));
    world.told(position).await;
    let mails = server.mails();
    let [assigned, mentioned] = &mails[..] else { panic!("{mails:?}") };
    let root = format!("<task.{}@example.com>", task.id);
    for (mail, kind) in [(assigned, "assignment"), (mentioned, "mention")] {
        assert_eq!((header(mail, "In-Reply-To"), header(mail, "References")), (&*root, &*root));
        let token = tokens().write_unsubscribe(bob.0, kind);
        let lines = mail.content.replace("\r\n ", " ").replace("\r\n\t", " ");
        let expected = format!("List-Unsubscribe: <{URL}/auth/unsubscribe/{token}>");
        assert!(lines.contains(&expected), "{lines}");
        assert_eq!(header(mail, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        assert_eq!(header(mail, "Subject"), "[T-12] Mend the roof");
    }
    assert_ne!(header(assigned, "Message-ID"), header(mentioned, "Message-ID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_say_what_changed_in_the_language_of_the_reader() {
    let world = World::new().await;
    let (ann, kim) = (world.member("Ann <b>", "en").await, world.member("김하늘", "ko").await);
    let title = Title::parse("=?utf-8?q?=0D=0ABcc:_eve@example.com?= <script>").unwrap();
    let mut task = world.has_task(ann, domain::task::Created { title, ..created(ann, &[kim]) }).await;
    let reason = Some(Reason::parse("Done & dusted").unwrap());
    let done = StatusChange { from: Status::InProgress, to: Status::Done, reason };
    world.act(&mut task, kim, TaskEvent::Completed(done)).await;
    let last = world.act(&mut task, kim, commented(kim, "@\"Ann <b> see\n\n@Ann <b>: <i>")).await;
    let _telling = world.tell();
    world.told(last).await;
    let mails = world.mailbox().await;
    let [assigned, mentioned] = &mails[..] else { panic!("{mails:?}") };
    assert!(
        assigned
            .text
            .starts_with("김하늘 님, 안녕하세요.\n\nAnn <b> 님이 할 일을 만들어 회원님에게 배정했습니다.\n")
    );
    assert!(assigned.text.contains(&format!("\n{URL}/tasks/T-12\n")), "{}", assigned.text);
    assert!(assigned.html.contains("lang=\"ko\"") && assigned.html.contains("Ann &lt;b&gt; 님이"));
    assert!(!assigned.html.contains("<script>"), "{}", assigned.html);
    assert!(
        mentioned.text.starts_with("Hello Ann <b>,\n\n김하늘 mentioned you in a comment.\n"),
        "{}",
        mentioned.text
    );
    assert!(mentioned.html.contains("@Ann &lt;b&gt;: &lt;i&gt;"), "{}", mentioned.html);
    assert_eq!(position(&world, ann).await, last);
    // The inbox has the rest: who reads it there sees it in its own words.
    let told = "SELECT happening ->> 'changes' FROM delivery.notices WHERE template = 'status'";
    let changes: serde_json::Value = serde_json::from_str(&world.text(told).await.unwrap()).unwrap();
    let expected = serde_json::json!([
        {"field": "status", "old": "in_progress", "new": "done"},
        {"field": "reason", "old": null, "new": "Done & dusted"},
    ]);
    assert_eq!(changes, expected);
    // Nothing of people stands anywhere in clear but in the mailbox.
    for table in ["deliveries", "attempts", "states", "notices"] {
        let sql =
            format!("SELECT count(*) FROM delivery.{table} AS t WHERE t::text ~ '김하늘님|ann.<b>@|tlm_'");
        assert_eq!(world.number(&sql).await, 0, "{table}");
    }
}
