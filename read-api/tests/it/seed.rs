//! Rows of the read model, made by hand.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

/// A task as its projector would store it.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) id: Uuid,
    pub(crate) key: i64,
    pub(crate) version: i64,
    pub(crate) title: String,
    pub(crate) status: &'static str,
    pub(crate) priority: i16,
    pub(crate) due_date: Option<NaiveDate>,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) labels: Vec<String>,
    pub(crate) assignees: Vec<Uuid>,
    pub(crate) watchers: Vec<Uuid>,
    pub(crate) creator: Uuid,
    pub(crate) parent: Option<Uuid>,
    pub(crate) external: Option<(String, String)>,
    pub(crate) private: bool,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
    pub(crate) delete_time: Option<DateTime<Utc>>,
}

/// The first day of the tests' calendar.
pub(crate) fn epoch() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

impl Seed {
    /// A plain team task; `number` gives key and times.
    pub(crate) fn new(number: i64, creator: Uuid) -> Self {
        let time = epoch() + TimeDelta::minutes(number);
        Self {
            id: Uuid::now_v7(),
            key: number,
            version: 1,
            title: format!("task {number}"),
            status: "waiting",
            priority: 1,
            due_date: None,
            due_at: None,
            labels: Vec::new(),
            assignees: Vec::new(),
            watchers: Vec::new(),
            creator,
            parent: None,
            external: None,
            private: false,
            create_time: time,
            update_time: time,
            delete_time: None,
        }
    }

    /// When it is gone for good.
    pub(crate) fn purge_time(&self) -> Option<DateTime<Utc>> {
        self.delete_time.map(|time| time + TimeDelta::days(30))
    }

    /// Stores it, with its links and its title to search in.
    pub(crate) async fn store(self, pool: &PgPool) -> Self {
        self.store_row(pool).await;
        self.store_links(pool).await;
        store_text(pool, self.id, self.id, &self.title).await;
        self
    }

    async fn store_row(&self, pool: &PgPool) {
        const SQL: &str = "INSERT INTO read_model.tasks (id, key, version, position, title, description, status, priority, \
             due_date, due_at, due_zone, labels, assignees, watchers, creator, parent, external_system, external_id, \
             private, progress, relations, checklist, comment_count, create_time, update_time, ahead, delete_time, purge_time) \
             VALUES ($1, $2, $3, 1, $4, NULL, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 40, \
             '[]', $18, 0, $19, $20, false, $21, $22)";
        sqlx::query(SQL)
            .bind(self.id)
            .bind(self.key)
            .bind(self.version)
            .bind(&self.title)
            .bind(self.status)
            .bind(self.priority)
            .bind(self.due_date)
            .bind(self.due_at)
            .bind(self.due_at.map(|_| "Asia/Seoul"))
            .bind(&self.labels)
            .bind(&self.assignees)
            .bind(&self.watchers)
            .bind(self.creator)
            .bind(self.parent)
            .bind(self.external.as_ref().map(|named| &named.0))
            .bind(self.external.as_ref().map(|named| &named.1))
            .bind(self.private)
            .bind(json!([{"id": Uuid::nil(), "text": "item", "done": true}]))
            .bind(self.create_time)
            .bind(self.update_time)
            .bind(self.delete_time)
            .bind(self.purge_time())
            .execute(pool)
            .await
            .unwrap();
    }

    async fn store_links(&self, pool: &PgPool) {
        let people = [("creator", vec![self.creator]), ("assignee", self.assignees.clone())];
        for (role, users) in people.into_iter().chain([("watcher", self.watchers.clone())]) {
            let sql = "INSERT INTO read_model.task_people (user_id, role, task_id) SELECT u, $2, $3 FROM unnest($1) u";
            sqlx::query(sql).bind(users).bind(role).bind(self.id).execute(pool).await.unwrap();
        }
        let sql = "INSERT INTO read_model.task_labels (label, task_id) SELECT l, $2 FROM unnest($1) l";
        sqlx::query(sql).bind(&self.labels).bind(self.id).execute(pool).await.unwrap();
    }
}

/// Stores a searchable text, as `task_search` would; any hash will do.
pub(crate) async fn store_text(pool: &PgPool, task: Uuid, part: Uuid, text: &str) {
    const TEXT: &str = "INSERT INTO read_model.task_search (task_id, part, position, text, words) \
         SELECT $1, $2, 1, $3, array(SELECT hashtext(word) FROM unnest($4::text[]) word)";
    const WORD: &str = "INSERT INTO read_model.search_words (hash, word, short) VALUES (hashtext($1), $1, $2) \
         ON CONFLICT DO NOTHING";
    let text = text.to_lowercase();
    let words: BTreeSet<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    for word in &words {
        let short: Vec<String> = short_words(word).into_iter().collect();
        sqlx::query(WORD).bind(word).bind(short).execute(pool).await.unwrap();
    }
    let words: Vec<&str> = words.into_iter().collect();
    sqlx::query(TEXT).bind(task).bind(part).bind(&text).bind(words).execute(pool).await.unwrap();
}

fn short_words(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let characters: Vec<char> = word.chars().collect();
        if word.is_ascii() {
            found.extend((1..=2).contains(&word.len()).then(|| word.to_owned()));
        } else {
            found.extend([1, 2].iter().flat_map(|size| characters.windows(*size)).map(String::from_iter));
        }
    }
    found
}

/// Stores an active user.
pub(crate) async fn store_user(pool: &PgPool, name: &str, roles: &[&str]) -> Uuid {
    let id = Uuid::now_v7();
    let sql = "INSERT INTO read_model.users (id, version, position, email, name, erased, verified, deactivated, locale, \
         time_zone, roles, create_time, update_time) \
         VALUES ($1, 2, 1, $2, $3, false, true, false, 'ko', 'Asia/Seoul', $4, $5, $5)";
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    sqlx::query(sql)
        .bind(id)
        .bind(format!("{name}@example.com"))
        .bind(name)
        .bind(roles)
        .bind(epoch())
        .execute(pool)
        .await
        .unwrap();
    id
}

/// Stores a comment and its text to search in.
pub(crate) async fn store_comment(pool: &PgPool, task: Uuid, author: Uuid, minute: i64, text: &str) -> Uuid {
    let id = Uuid::now_v7();
    let sql = "INSERT INTO read_model.comments (task_id, id, author, text, create_time, version, position) \
         VALUES ($1, $2, $3, $4, $5, 2, 1)";
    sqlx::query(sql)
        .bind(task)
        .bind(id)
        .bind(author)
        .bind(text)
        .bind(epoch() + TimeDelta::minutes(minute))
        .execute(pool)
        .await
        .unwrap();
    store_text(pool, task, id, text).await;
    id
}
