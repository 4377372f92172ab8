//! A provider that does everything right but what it is told to do wrong.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use ed25519_dalek::{Signer, SigningKey};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::browser::Departure;

/// What is wrong with one login.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lie {
    /// Members of the ID token to replace; null takes away.
    pub(crate) claims: Value,
    /// The same of its header.
    pub(crate) header: Value,
    /// Signed with a key that nobody knows.
    pub(crate) other_key: bool,
    /// Not a JWT at all, or none.
    pub(crate) id_token: Option<Value>,
    /// What `/userinfo` says.
    pub(crate) userinfo: Option<Value>,
}

impl Lie {
    /// The truth about somebody.
    pub(crate) fn about(subject: &str, email: &str) -> Self {
        Self::claiming(json!({"sub": subject, "email": email, "email_verified": true}))
    }

    pub(crate) fn claiming(claims: Value) -> Self {
        Self { claims, ..Self::default() }
    }

    /// The same with other claims.
    pub(crate) fn but(mut self, claims: Value) -> Self {
        for (name, value) in claims.as_object().into_iter().flatten() {
            self.claims[name] = value.clone();
        }
        self
    }
}

/// What is wrong with the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// The document is somebody else's.
    Impostor,
    /// It sends us on.
    Redirect,
    /// It never ends.
    Endless,
    /// Codes are redeemed elsewhere, without TLS.
    Elsewhere,
    /// The token endpoint is out of order.
    NoTokens,
    /// It says that it names itself.
    NamesItself,
}

struct Grant {
    challenge: String,
    nonce: String,
    redirect_uri: String,
    client_id: String,
    lie: Lie,
}

struct Shared {
    issuer: String,
    key: SigningKey,
    fault: Mutex<Fault>,
    codes: Mutex<HashMap<String, Grant>>,
    /// By access token.
    infos: Mutex<HashMap<String, Value>>,
}

pub(crate) struct Hostile(Arc<Shared>);

const KEY_ID: &str = "the only one";

impl Hostile {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            key: SigningKey::from_bytes(&rand::random()),
            fault: Mutex::default(),
            codes: Mutex::default(),
            infos: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self(shared)
    }

    /// Its table in the file of providers.
    pub(crate) fn configured(&self, more: &str) -> String {
        let issuer = &self.0.issuer;
        format!(
            "[[provider]]\nid = \"hostile\"\nname = \"Hostile\"\nissuer = \"{issuer}\"\nclient_id = \"us\"\n{more}\n"
        )
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    pub(crate) fn has(&self, fault: Fault) {
        *self.0.fault.lock().unwrap() = fault;
    }

    /// Lets the person of a login in, and lies about it.
    pub(crate) fn code(&self, departure: &Departure, lie: Lie) -> String {
        let code = Uuid::now_v7().to_string();
        assert_eq!(departure.parameter("code_challenge_method"), "S256");
        assert_eq!(departure.parameter("response_type"), "code");
        let grant = Grant {
            challenge: departure.parameter("code_challenge"),
            nonce: departure.parameter("nonce"),
            redirect_uri: departure.parameter("redirect_uri"),
            client_id: departure.parameter("client_id"),
            lie,
        };
        self.0.codes.lock().unwrap().insert(code.clone(), grant);
        code
    }
}

async fn document(State(shared): State<Arc<Shared>>) -> Response {
    let (fault, issuer) = (*shared.fault.lock().unwrap(), &shared.issuer);
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "id_token_signing_alg_values_supported": ["EdDSA", "none", "HS256"],
        "token_endpoint_auth_methods_supported": ["none"],
    });
    match fault {
        Fault::None | Fault::NoTokens => {}
        Fault::Impostor => document["issuer"] = json!("https://accounts.example.com"),
        Fault::Redirect => return Redirect::temporary(&format!("{issuer}/jwks")).into_response(),
        Fault::Endless => document["more"] = json!("x".repeat(300_000)),
        Fault::Elsewhere => document["token_endpoint"] = json!("http://192.0.2.1/token"),
        Fault::NamesItself => document["authorization_response_iss_parameter_supported"] = json!(true),
    }
    Json(document).into_response()
}

async fn keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let x = URL_SAFE_NO_PAD.encode(shared.key.verifying_key().as_bytes());
    let strange = json!({"kty": "LATTICE", "kid": "strange"});
    let for_secrets = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "for secrets", "use": "enc"});
    let ours = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": KEY_ID, "use": "sig", "alg": "EdDSA"});
    Json(json!({"keys": [strange, for_secrets, ours]}))
}

async fn token(State(shared): State<Arc<Shared>>, form: String) -> Response {
    if *shared.fault.lock().unwrap() == Fault::NoTokens {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let form = Url::parse(&format!("form:?{form}")).unwrap();
    let form: HashMap<_, _> = form.query_pairs().collect();
    let of = |name: &str| form.get(name).map(AsRef::as_ref).unwrap_or_default();
    let grant = shared.codes.lock().unwrap().remove(of("code"));
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier")));
    let right = grant.filter(|grant| {
        grant.challenge == challenge
            && grant.redirect_uri == of("redirect_uri")
            && grant.client_id == of("client_id")
            && of("grant_type") == "authorization_code"
    });
    let Some(grant) = right else {
        let refusal = json!({"error": "invalid_grant", "error_description": "not the verifier of this code"});
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    };
    let access_token = Uuid::now_v7().to_string();
    if let Some(info) = &grant.lie.userinfo {
        shared.infos.lock().unwrap().insert(access_token.clone(), info.clone());
    }
    let id_token = grant.lie.id_token.clone();
    let id_token = id_token.unwrap_or_else(|| json!(shared.id_token(&grant, &access_token)));
    Json(json!({"access_token": access_token, "token_type": "Bearer", "id_token": id_token})).into_response()
}

impl Shared {
    fn id_token(&self, grant: &Grant, access_token: &str) -> String {
        let now = Utc::now().timestamp();
        let half = Sha512::digest(access_token)[..32].to_vec();
        let mut claims = json!({
            "iss": self.issuer,
            "sub": "somebody",
            "aud": grant.client_id,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": grant.nonce,
            "at_hash": URL_SAFE_NO_PAD.encode(half),
        });
        let mut header = json!({"alg": "EdDSA", "kid": KEY_ID});
        merge(&mut claims, &grant.lie.claims);
        merge(&mut header, &grant.lie.header);
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        if header["alg"] == "none" {
            return format!("{signed}.");
        }
        let key = if grant.lie.other_key { SigningKey::from_bytes(&[7; 32]) } else { self.key.clone() };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes()))
    }
}

async fn userinfo(State(shared): State<Arc<Shared>>, headers: axum::http::HeaderMap) -> Response {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    match shared.infos.lock().unwrap().get(token) {
        Some(info) => Json(info.clone()).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn merge(into: &mut Value, patch: &Value) {
    for (name, value) in patch.as_object().into_iter().flatten() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            into[name] = value.clone();
        }
    }
}
