//! The mailbox of a machine that sends no mail: whoever works on it reads here what would have been sent.
//!
//! It shows everybody's links, so it answers on this machine only, and only by a name of this machine: a page from
//! elsewhere that has its own name point here reads nothing.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use domain::time::Timestamp;
use serde_json::{Value, json};
use service::problem::{Code, Problem};
use sqlx::PgPool;
use uuid::Uuid;

use super::compose::{Mail, escape};
use crate::{deliveries::Job, delivery::Delivery};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// Mails that are kept.
const KEPT: i64 = 1_000;

/// Takes the mails of a machine that sends none.
#[derive(Debug)]
pub(super) struct Mailbox(PgPool);

const INSERT: &str = "
INSERT INTO mails (delivery_id, event_id, user_id, address, subject, text, html) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (delivery_id) DO NOTHING";

const FORGET: &str = "DELETE FROM mails WHERE id <= (SELECT max(id) FROM mails) - $1";

impl Mailbox {
    pub(super) fn new(delivery: &Delivery) -> Self {
        Self(delivery.pool().clone())
    }

    /// Puts a mail in, unless it is there, and forgets the oldest.
    pub(super) async fn put(&self, job: &Job, mail: &Mail) -> sqlx::Result<()> {
        let user = Uuid::parse_str(&job.recipient).ok();
        let query = sqlx::query(INSERT).bind(job.id).bind(job.event_id).bind(user);
        let query = query.bind(&mail.address).bind(&mail.subject).bind(&mail.text).bind(&mail.html);
        query.execute(&self.0).await?;
        sqlx::query(FORGET).bind(KEPT).execute(&self.0).await.map(drop)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    delivery_id: Uuid,
    address: String,
    subject: String,
    text: String,
    html: String,
    create_time: DateTime<Utc>,
}

/// `/dev/mailbox` for people, `/dev/mailbox.json` for programs.
pub fn router(delivery: &Delivery) -> Router {
    Router::new()
        .route("/dev/mailbox", get(page))
        .route("/dev/mailbox.json", get(list))
        .layer(from_fn(by_a_name_of_this_machine))
        .with_state(delivery.pool().clone())
}

async fn by_a_name_of_this_machine(request: Request, next: Next) -> Response {
    if is_local(request.headers()) {
        next.run(request).await
    } else {
        Problem::new(Code::NotFound).into_response()
    }
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host });
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The newest first.
async fn newest(pool: &PgPool) -> Result<Vec<Row>, Problem> {
    const SQL: &str = "SELECT delivery_id, address, subject, text, html, create_time FROM mails ORDER BY id DESC LIMIT 1000";
    let rows = sqlx::query_as(SQL).fetch_all(pool).await;
    rows.map_err(|error| Problem::new(Code::Unavailable).retry_after(1).caused_by(error))
}

async fn list(State(pool): State<PgPool>) -> Result<Response, Problem> {
    let items: Vec<Value> = newest(&pool).await?.into_iter().map(item).collect();
    let body = json!({"items": items, "next_page_token": ""}).to_string();
    Ok(served("application/json", body))
}

fn item(mail: Row) -> Value {
    json!({
        "id": mail.delivery_id,
        "to": mail.address,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "create_time": Timestamp::from(mail.create_time),
    })
}

async fn page(State(pool): State<PgPool>) -> Result<Response, Problem> {
    let mails = newest(&pool).await?;
    let shown: String = mails.iter().map(shown).collect();
    let none = if mails.is_empty() { "<p>No mail yet.</p>" } else { "" };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Mailbox</title>\n<style>\
         body{{max-width:48rem;margin:2rem auto;font:1rem/1.5 system-ui,sans-serif}}\
         article{{border:1px solid #8791a5;border-radius:.25rem;padding:0 1rem;margin:1rem 0}}\
         a{{overflow-wrap:anywhere}}</style>\n<h1>Mailbox</h1>\n\
         <p>What would have been mailed, the newest first. Kept on this machine, shown on this machine only.</p>\n\
         {none}{shown}</html>\n"
    );
    Ok(served("text/html; charset=utf-8", html))
}

fn shown(mail: &Row) -> String {
    let paragraphs = mail.text.split("\n\n").map(|paragraph| {
        let text = escape(paragraph.trim());
        if paragraph.starts_with("http") {
            format!("<p><a href=\"{text}\">{text}</a></p>\n")
        } else {
            format!("<p>{text}</p>\n")
        }
    });
    let paragraphs: String = paragraphs.collect();
    let (subject, address, time) =
        (escape(&mail.subject), escape(&mail.address), Timestamp::from(mail.create_time));
    format!("<article>\n<h2>{subject}</h2>\n<p>To {address}, {time}</p>\n{paragraphs}</article>\n")
}

fn served(media_type: &'static str, body: String) -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let is = |host: &str| is_local(&HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]));
        for ours in ["localhost", "localhost:8080", "127.0.0.1:1", "127.0.0.1", "[::1]:8080", "[::1]"] {
            assert!(is(ours), "{ours}");
        }
        for other in
            ["example.com", "localhost.example.com:8080", "10.0.0.1:8080", "evil:localhost", "", "0.0.0.0:80"]
        {
            assert!(!is(other), "{other}");
        }
        assert!(!is_local(&HeaderMap::new()));
    }
}
