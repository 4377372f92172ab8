//! What attackers show in place of an access token, each named by what it attacks.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Minter;
use crate::problem::Code;

/// One way to come in without a right to.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// What it attacks.
    pub name: String,
    /// What stands behind `Authorization: `.
    pub authorization: String,
    /// How it is refused, always with 401.
    pub code: Code,
}

/// Everything that is known to have been tried, made from claims that are good and with the key that signs them: what is
/// wrong with each is what its name says and nothing else.
pub fn forgeries(minter: &Minter, claims: &Value) -> Vec<Forgery> {
    let good = minter.sign(&minter.header(), claims);
    let all =
        schemes(&good).into_iter().map(|(name, authorization)| (name, authorization, Code::TokenInvalid));
    let tokens = [headers(minter, claims), twice(minter, claims), signatures(minter, claims, &good)];
    let tokens = tokens.into_iter().flatten().map(|(name, token)| (name, token, Code::TokenInvalid));
    let tokens = tokens.chain(self::claims(minter, claims));
    let tokens = tokens.map(|(name, token, code)| (name, format!("Bearer {token}"), code));
    all.chain(tokens).map(|(name, authorization, code)| Forgery { name, authorization, code }).collect()
}

type Named = Vec<(String, String)>;

fn schemes(good: &str) -> Named {
    let schemes = [
        ("scheme without a token", "Bearer".to_owned()),
        ("scheme with two spaces and two words", "Bearer  x y".to_owned()),
        ("scheme Basic", "Basic dTpw".to_owned()),
        ("no scheme", good.to_owned()),
        ("two tokens", format!("Bearer {good}, Bearer {good}")),
        ("a word behind the token", format!("Bearer {good} x")),
        ("a refresh token", "Bearer tlr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        ("an id", "Bearer 0190a8ca-0000-7000-8000-000000000000".to_owned()),
    ];
    schemes.map(|(name, text)| (name.to_owned(), text)).into()
}

fn changed(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    match value {
        Value::Null => drop(object.as_object_mut().and_then(|members| members.remove(name))),
        value => object[name] = value,
    }
    object
}

/// What might steer the verification. Nothing that a header names is ever looked for.
fn headers(minter: &Minter, claims: &Value) -> Named {
    let wrong = [
        ("alg", json!(null)),
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("nOnE")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("typ", json!(null)),
        ("typ", json!("JWT")),
        ("kid", json!(null)),
        ("kid", json!("../../dev/null")),
        ("kid", json!("' OR 1=1--")),
        ("kid", json!("https://evil.example/key")),
        ("kid", json!("k".repeat(5_000))),
        ("kid", json!(7)),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", minter.jwks()["keys"][0].clone()),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ];
    let token = |(name, value): (&str, Value)| {
        let shown = value.to_string();
        let token = minter.sign(&changed(&minter.header(), name, value), claims);
        (format!("{name} {shown:.40}"), token)
    };
    let mut tokens: Named = wrong.into_iter().map(token).collect();
    tokens.push(("a header that is no object".to_owned(), minter.sign(&json!([]), claims)));
    tokens
}

/// Times, names and rights that are absent, wrong or of the wrong type.
fn claims(minter: &Minter, claims: &Value) -> Vec<(String, String, Code)> {
    let now = claims["iat"].as_i64().unwrap_or_default();
    let absent = ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles", "epoch"];
    let wrong = absent.map(|name| (name, json!(null))).into_iter().chain([
        ("iss", json!("https://evil.example")),
        ("aud", json!("other")),
        ("aud", json!(7)),
        ("sub", json!("admin")),
        ("exp", json!("never")),
        ("exp", json!((now + 600) as f64 + 0.5)),
        ("exp", json!(9_223_372_036_854_775_808_u64)),
        ("exp", json!(i64::MAX)),
        ("nbf", json!(now + 3600)),
        ("nbf", json!("then")),
        ("iat", json!(now + 3600)),
        ("epoch", json!(-1)),
        ("roles", json!("admin")),
    ]);
    let token = |(name, value): (&str, Value)| {
        let shown = value.to_string();
        let token = minter.sign(&minter.header(), &changed(claims, name, value));
        (format!("claim {name} {shown}"), token, Code::TokenInvalid)
    };
    let expired = minter.sign(&minter.header(), &changed(claims, "exp", json!(now - 31)));
    let mut null = claims.clone();
    null["exp"] = Value::Null;
    let null = minter.sign(&minter.header(), &null);
    let more = [("past", expired, Code::TokenExpired), ("null", null, Code::TokenInvalid)];
    let more = more.map(|(what, token, code)| (format!("claim exp {what}"), token, code));
    wrong.map(token).chain(more).collect()
}

/// Of two members the reader of one program takes the first, that of another the last.
fn twice(minter: &Minter, claims: &Value) -> Named {
    let (header, claims) = (minter.header().to_string(), claims.to_string());
    let with = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    let mut tokens = Named::new();
    for member in
        ["\"sub\":\"0190a8ca-0000-7000-8000-000000000000\"", "\"x\":1,\"x\":2", "\"roles\":[\"admin\"]"]
    {
        tokens.push((
            format!("claims with {member} before"),
            minter.sign_text(&header, &with(&claims, member)),
        ));
    }
    let token = minter.sign_text(&with(&header, "\"alg\":\"none\""), &claims);
    tokens.push(("a header with alg twice".to_owned(), token));
    tokens
}

fn signatures(minter: &Minter, claims: &Value, good: &str) -> Named {
    let (signed, signature) = good.rsplit_once('.').unwrap_or_default();
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    flipped.iter_mut().skip(5).take(1).for_each(|byte| *byte ^= 1);
    let mut tokens: Named = [
        ("no signature", format!("{signed}.")),
        ("no third part", signed.to_owned()),
        ("a signature cut", format!("{signed}.{}", &signature[..40])),
        ("a signature with one bit flipped", format!("{signed}.{}", URL_SAFE_NO_PAD.encode(flipped))),
        ("a signature of zeros", format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64]))),
        ("a padded signature", format!("{good}=")),
        ("a fourth part", format!("{good}.{signature}")),
        ("nothing but points", "..".to_owned()),
        ("a key of somebody else", Minter::default().sign(&minter.header(), claims)),
        ("an unknown key", Minter::default().sign(&Minter::default().header(), claims)),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into();
    let public = minter.public_key();
    for (name, secret) in [
        ("the public key", public.as_slice()),
        ("the public key in base64", URL_SAFE_NO_PAD.encode(public).as_bytes()),
        ("nothing", b"".as_slice()),
        ("a weak secret", b"secret".as_slice()),
    ] {
        tokens.push((format!("HS256 with {name}"), hs256(minter, claims, secret)));
    }
    tokens
}

fn hs256(minter: &Minter, claims: &Value, secret: &[u8]) -> String {
    let header = changed(&minter.header(), "alg", json!("HS256"));
    let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let mut block = [0; 64]; // HMAC pads short keys with zeros
    block[..secret.len()].copy_from_slice(secret);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
