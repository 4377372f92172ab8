//! How long a list is in all can be asked for wherever a question of an audit is answered in pages.

use domain::policy::Role;

use super::office::{Office, text};

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_how_long_they_are() {
    let office = Office::open().await;
    let (task, ann) = (office.task().await, &office.ann.id);
    let operator = office.world.person("olga", &[Role::Operator]).await;
    let made = office.finds(&format!("/v1/audit/records?target={task}"), |items| items.len() >= 4).await;
    let correlation = text(&made[3]["correlation_id"]);
    for (path, caller) in [
        (format!("/v1/audit/trace/{correlation}"), &office.auditor),
        ("/v1/audit/role-holders?role=member".to_owned(), &office.auditor),
        (format!("/v1/tasks/{task}/history"), &office.auditor),
        (format!("/v1/users/{ann}/history"), &office.auditor),
        ("/v1/deliveries?channel=email".to_owned(), &operator),
        (format!("/v1/audit/records?target={task}&text=roof"), &office.auditor),
    ] {
        let mark = if path.contains('?') { '&' } else { '?' };
        let ask = async |more: &str| {
            let path = format!("{path}{mark}{more}");
            office.world.ask(&caller.client, "GET", &path, None).await
        };
        let whole = ask("page_size=1000").await.expect(200).json();
        assert!(whole.get("count").is_none(), "{whole}");
        let all = whole["items"].as_array().unwrap().len();
        let first = ask("page_size=1&count=exact").await.expect(200).json();
        assert_eq!(first["count"], all, "{path}: {first}");
        assert!(all >= 1 && first["items"].as_array().unwrap().len() == 1, "{path}: {first}");
        let guessed = ask("count=estimate").await.expect(200).json();
        assert!(guessed["count"].as_i64().is_some_and(|count| count >= 0), "{path}: {guessed}");
        assert_eq!(ask("count=roughly").await.status, 400, "{path}");
    }
    office.world.end();
}
