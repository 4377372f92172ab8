//! Mails that leave: over a real mail server, and whatever dies.

use serde_json::json;
use servers::testing::{self, SmtpTls, Template, smtp_server};
use sqlx::PgPool;

use crate::{
    process::{Up, directory, fails, get, post, taskledger},
    system::{PATIENCE, within},
};

async fn attempts(pool: &PgPool) -> String {
    let sql = "SELECT coalesce(string_agg(number || ' ' || outcome, ', ' ORDER BY number), '') FROM delivery.attempts";
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_under_way_when_everything_dies_is_sent_again() {
    let (database, server) = (testing::database(&Template::empty()).await, smtp_server(SmtpTls::None).await);
    let (data, pool) = (directory(), PgPool::connect_lazy(database.url()).unwrap());
    let start = || {
        Up::start_with(data.path(), |command| {
            command.env("EVENT_STORE_URL", database.url()).env("READ_MODEL_URL", database.url());
            command.env("SMTP_URL", server.url()).env("MAIL_FROM", "Taskledger <tasks@example.com>");
        })
    };
    let up = start();
    assert!(!up.banner.contains("mailbox"), "{}", up.banner);
    assert_eq!(get(&up.url, "/dev/mailbox.json").0, 404);
    let register = json!({"email": "hangx1+kim@example.org", "password": "tempest over kiwi", "name": "Kim"});
    assert_eq!(post(&up.url, "/v1/auth/register", None, &register.to_string()).0, 202);
    assert!(within(PATIENCE, async || attempts(&pool).await == "1 unknown").await);
    // It is written down before it is made.
    assert!(within(PATIENCE, async || server.tries() == 1).await);
    up.end("KILL");
    assert_eq!(attempts(&pool).await, "1 unknown");
    // Time passes.
    let run_out = "UPDATE delivery.deliveries SET lease_until = '-infinity' WHERE lease_until IS NOT NULL";
    sqlx::query(run_out).execute(&pool).await.unwrap();
    let up = start();
    let delivered = within(PATIENCE, async || attempts(&pool).await == "1 unknown, 2 delivered").await;
    assert!(delivered, "{}", attempts(&pool).await);
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].content.contains("auth/verify#token=3Dtlm_"), "{}", mails[0].content);
    assert!(up.end("INT").success());
}

#[test]
fn settings_of_mail_that_cannot_be_used_are_named() {
    let data = directory();
    let said = |settings: &[(&str, &str)]| {
        let mut command = taskledger();
        command.arg("--data-dir").arg(data.path()).args(["--port", "0"]).envs(settings.iter().copied());
        let (code, words) = fails(&mut command);
        assert_eq!(code, 64, "{words}");
        words
    };
    let url = ("SMTP_URL", "smtp://localhost:1");
    assert!(said(&[("SMTP_URL", "mail.example.com:25")]).contains("expected smtps://"));
    let open = said(&[("SMTP_URL", "smtp://me:hunter2@mail.example.com")]);
    assert!(open.contains("a password needs TLS"), "{open}");
    assert!(said(&[url]).contains("MAIL_FROM is not set"));
    assert!(said(&[url, ("MAIL_FROM", "nobody")]).contains("expected an address"));
    let from = ("MAIL_FROM", "tasks@example.com");
    assert!(said(&[url, from, ("SMTP_CONNECTIONS", "0")]).contains("0 is not in 1..=64"));
    assert!(said(&[url, from, ("SMTP_TIMEOUT", "soon")]).contains("expected a number with a unit"));
    assert!(said(&[url, from, ("SMTP_CA_FILE", "/nowhere.pem")]).contains("/nowhere.pem"));
}
