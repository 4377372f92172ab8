//! Mails over a real SMTP server.

use std::time::Duration;

use domain::user::UserEvent;
use servers::testing::{ReceivedMail, SmtpServer, SmtpTls, smtp_server};
use uuid::Uuid;

use crate::{mail::to_verify, sending::Sending, world::World};

const FROM: &str = "--mail-from=Taskledger <tasks@example.com>";

impl World {
    /// Somebody at this address signs up.
    async fn signs_up(&self, address: &str) -> i64 {
        let user = Uuid::now_v7();
        let registered: UserEvent = self.registered_at(user, address, "Ann", "en").await;
        self.happens(user, 0, &[registered, to_verify(Uuid::now_v7(), 24)]).await
    }

    fn smtp(&self, server: &SmtpServer, more: &[&str]) -> Sending {
        let url = format!("--smtp-url={}", server.url());
        let carrying = self.email(&[&[url.as_str(), FROM], more].concat());
        self.react(Duration::from_secs(2)).and(carrying)
    }
}

fn header<'a>(mail: &'a ReceivedMail, name: &str) -> &'a str {
    let begin = format!("{name}: ");
    let line = mail.content.lines().find_map(|line| line.strip_prefix(&begin));
    line.unwrap_or_else(|| panic!("no {name}: {}", mail.content))
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_arrive_and_say_who_they_are() {
    let (world, server) = (World::new().await, smtp_server(SmtpTls::None).await);
    let _sending = world.smtp(&server, &[]);
    let position = world.signs_up("canary@example.com").await;
    world.mailed(position).await;
    let mails = server.mails();
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(mail.to, ["canary@example.com"]);
    assert_eq!(header(mail, "From"), "Taskledger <tasks@example.com>");
    assert_eq!(header(mail, "Subject"), "Confirm your address");
    assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
    let id = world.text("SELECT id::text FROM delivery.deliveries").await.unwrap();
    assert_eq!(header(mail, "Message-ID"), format!("<{id}@example.com>"));
    let said = "SELECT concat_ws(' ', outcome, code, response_excerpt) FROM delivery.attempts";
    assert_eq!(world.text(said).await.as_deref(), Some("delivered 250 taken"));
    // Nothing of it stays here in clear.
    for table in ["deliveries", "attempts", "people", "mails"] {
        let sql = format!("SELECT count(*) FROM delivery.{table} AS t WHERE t::text ~ 'canary|tlm_'");
        assert_eq!(world.number(&sql).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_over_tls_to_who_can_prove_itself() {
    for tls in [SmtpTls::Wrapped, SmtpTls::Starttls] {
        let (world, server) = (World::new().await, smtp_server(tls).await);
        let stranger = world.smtp(&server, &[]);
        let position = world.signs_up("ann@example.com").await;
        world.deliveries_are("failed", 1).await;
        stranger.end().await;
        assert!(server.mails().is_empty());
        let trusted = format!("--smtp-ca-file={}", server.ca_file().display());
        let _sending = world.smtp(&server, &[&trusted]);
        world.retries_are_due().await;
        world.mailed(position).await;
        let mails = server.mails();
        assert!(matches!(&mails[..], [one] if one.encrypted && one.authenticated), "{tls:?}: {mails:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_costs_no_mail() {
    let (world, server) = (World::new().await, smtp_server(SmtpTls::Wrapped).await);
    let trusted = format!("--smtp-ca-file={}", server.ca_file().display());
    let wrong = format!("--smtp-url={}", server.url().replace("word", "wort"));
    let _sending = world.react(Duration::from_secs(2)).and(world.email(&[&wrong, FROM, &trusted]));
    world.signs_up("ann@example.com").await;
    world.deliveries_are("failed", 1).await;
    assert_eq!(world.number("SELECT code::bigint FROM delivery.attempts").await, 535);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_decides() {
    let (world, server) = (World::new().await, smtp_server(SmtpTls::None).await);
    let _sending = world.smtp(&server, &[]);
    for address in
        ["451x1+a@example.com", "550+b@example.com", "closex1+c@example.com", "losex1+d@example.com"]
    {
        world.signs_up(address).await;
    }
    let position = world.signs_up("e@example.com").await;
    world.deliveries_are("failed", 3).await;
    world.deliveries_are("rejected", 1).await;
    world.retries_are_due().await;
    world.mailed(position).await;
    let reason = "SELECT reason FROM delivery.deliveries WHERE state = 'rejected'";
    assert_eq!(world.text(reason).await.as_deref(), Some("permanent error (550): no, <…>"));
    let mails = server.mails();
    let sent_to = |begin: &str| mails.iter().filter(|mail| mail.to[0].contains(begin)).collect::<Vec<_>>();
    assert_eq!((sent_to("+a").len(), sent_to("+b").len(), sent_to("+c").len()), (1, 0, 1));
    // The server had it and never said so: it comes twice, and whoever gets it can tell.
    let [first, second] = sent_to("+d")[..] else { panic!("{mails:?}") };
    assert_eq!(header(first, "Message-ID"), header(second, "Message-ID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_or_drips_is_cut_off() {
    let (world, server) = (World::new().await, smtp_server(SmtpTls::None).await);
    let _sending = world.smtp(&server, &["--smtp-timeout=3s", "--smtp-connections=2"]);
    world.signs_up("hangx1+a@example.com").await;
    let position = world.signs_up("dripx1+b@example.com").await;
    world.deliveries_are("failed", 2).await;
    let reasons = "SELECT string_agg(DISTINCT response_excerpt, ', ') FROM delivery.attempts";
    assert_eq!(world.text(reasons).await.as_deref(), Some("no answer in time"));
    world.retries_are_due().await;
    world.mailed(position).await;
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_gets_what_waited() {
    let (world, mut server) = (World::new().await, smtp_server(SmtpTls::None).await);
    let _sending = world.smtp(&server, &["--smtp-connections=1"]);
    let position = world.signs_up("a@example.com").await;
    world.mailed(position).await;
    // The connection that was kept leads nowhere now; nobody notices.
    server.stop().await;
    server.start().await;
    let position = world.signs_up("b@example.com").await;
    world.mailed(position).await;
    assert_eq!(world.number("SELECT count(*) FROM delivery.attempts").await, 2);
    server.stop().await;
    let position = world.signs_up("c@example.com").await;
    world.deliveries_are("failed", 1).await;
    server.start().await;
    world.retries_are_due().await;
    world.mailed(position).await;
    assert_eq!(server.mails().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_is_sent_nothing() {
    let (world, server) = (World::new().await, smtp_server(SmtpTls::None).await);
    let _sending = world.smtp(&server, &[]);
    let position = world.signs_up("ann@example.com>\r\nRCPT TO:<eve@example.com").await;
    world.mailed(position).await;
    assert!(server.mails().is_empty());
    world.deliveries_are("rejected", 1).await;
}
