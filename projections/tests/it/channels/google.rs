//! Google's two services as they are documented: tokens for signed assertions (RFC 7523), and messaging.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use projections::channels::push::{Push, ServiceAccount};
use serde_json::{Value, json};
use service::outbound::Url;

use super::receiver::{Served, client};

const KEY: &str = include_str!("google.key.pem");
const PUBLIC_KEY: &str = include_str!("google.public.pem");
const EMAIL: &str = "pusher@demo.iam.gserviceaccount.com";

#[derive(Clone)]
pub(crate) struct Google(Arc<Mutex<Inner>>);

pub(crate) struct Inner {
    pub(crate) now: DateTime<Utc>,
    token_uri: String,
    /// Tokens that are good.
    pub(crate) tokens: BTreeSet<String>,
    /// How many were given out.
    pub(crate) granted: usize,
    /// How often somebody asked for one.
    pub(crate) asked: usize,
    /// Whether any are given out.
    pub(crate) grants: bool,
    /// Whether any are good.
    pub(crate) believes: bool,
    /// What came, good token or not.
    pub(crate) posts: usize,
    pub(crate) messages: Vec<Value>,
    pub(crate) answers: VecDeque<Response>,
}

/// It runs until dropped.
pub(crate) struct Running {
    google: Google,
    served: Served,
}

impl Running {
    pub(crate) async fn start() -> Self {
        let mut google = None;
        let served = Served::start(|url| {
            let made = google.insert(Google::new(url)).clone();
            Router::new()
                .route("/token", post(token))
                .route("/v1/projects/demo/messages:send", post(send))
                .with_state(made)
        })
        .await;
        Self { google: google.unwrap(), served }
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.google.0.lock().unwrap()
    }

    /// Two numbers of one moment.
    pub(crate) fn counted(&self, numbers: impl Fn(&Inner) -> (usize, usize)) -> (usize, usize) {
        numbers(&self.inner())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.inner().now
    }

    /// A sender with the account that is known here.
    pub(crate) fn push(&self) -> Push {
        self.push_as(EMAIL)
    }

    pub(crate) fn push_as(&self, client_email: &str) -> Push {
        let file = json!({
            "type": "service_account",
            "project_id": "demo",
            "private_key_id": "key-1",
            "private_key": KEY,
            "client_email": client_email,
            "client_id": "1",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.inner().token_uri,
        });
        let account = ServiceAccount::parse(file.to_string().as_bytes()).unwrap();
        Push::new(account, &self.served.url, client())
    }
}

impl Google {
    fn new(url: &Url) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            now: Utc::now(),
            token_uri: url.join("token").unwrap().into(),
            tokens: BTreeSet::new(),
            granted: 0,
            asked: 0,
            grants: true,
            believes: true,
            posts: 0,
            messages: Vec::new(),
            answers: VecDeque::new(),
        })))
    }
}

async fn token(State(Google(inner)): State<Google>, body: String) -> Response {
    let mut inner = inner.lock().unwrap();
    inner.asked += 1;
    let form = Url::parse(&format!("http://form/?{body}")).unwrap();
    let field =
        |name: &str| form.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let grant =
        field("grant_type").is_some_and(|grant| grant == "urn:ietf:params:oauth:grant-type:jwt-bearer");
    if !inner.grants {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !grant || !field("assertion").is_some_and(|assertion| inner.believes_assertion(&assertion)) {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    }
    inner.granted += 1;
    let token = format!("ya29.{}", inner.granted);
    inner.tokens.insert(token.clone());
    Json(json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})).into_response()
}

impl Inner {
    fn believes_assertion(&self, assertion: &str) -> bool {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[&self.token_uri]);
        validation.set_issuer(&[EMAIL]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        // Time is the test's.
        validation.validate_exp = false;
        let key = DecodingKey::from_rsa_pem(PUBLIC_KEY.as_bytes()).unwrap();
        let Ok(decoded) = decode::<Value>(assertion, &key, &validation) else { return false };
        let claim = |name: &str| decoded.claims[name].as_i64().unwrap_or_default();
        let (iat, exp, now) = (claim("iat"), claim("exp"), self.now.timestamp());
        let kid = decode_header(assertion).ok().and_then(|header| header.kid);
        kid.as_deref() == Some("key-1")
            && decoded.claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
            && iat <= now
            && exp > now
            && exp - iat <= TimeDelta::hours(1).num_seconds()
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let authorization =
            headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.believes
            && authorization.strip_prefix("Bearer ").is_some_and(|token| self.tokens.contains(token))
    }
}

async fn send(State(Google(inner)): State<Google>, headers: HeaderMap, body: Bytes) -> Response {
    let mut inner = inner.lock().unwrap();
    inner.posts += 1;
    if !inner.knows(&headers) {
        return refusal(401, "UNAUTHENTICATED", None);
    }
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return refusal(400, "INVALID_ARGUMENT", None);
    };
    let message = &body["message"];
    let size = message["notification"].to_string().len() + message["data"].to_string().len();
    let strings = message["data"].as_object().is_some_and(|data| data.values().all(Value::is_string));
    if !message["token"].is_string() || !strings || size > 4096 {
        return refusal(400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT"));
    }
    inner.messages.push(message.clone());
    let name = format!("projects/demo/messages/{}", inner.messages.len());
    inner.answers.pop_front().unwrap_or_else(|| Json(json!({"name": name})).into_response())
}

/// As Google writes them.
pub(crate) fn refusal(status: u16, name: &str, code: Option<&str>) -> Response {
    let detail =
        |code| json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code});
    let details: Vec<_> = code.map(detail).into_iter().collect();
    let error = json!({"error": {"code": status, "message": "…", "status": name, "details": details}});
    (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
}
