use proptest::prelude::{Just, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::json;

use super::*;
use crate::problem::Place;

fn pointers(problem: &Problem) -> Vec<(String, &'static str)> {
    problem
        .listed()
        .iter()
        .map(|violation| match &violation.place {
            Place::Pointer(pointer) => (pointer.clone(), violation.flaw.code),
            place => panic!("{place:?}"),
        })
        .collect()
}

fn refused(body: &str, read: impl FnOnce(&mut Fields<'_>)) -> Vec<(String, &'static str)> {
    let object = parse_object(body.as_bytes()).unwrap();
    let mut fields = object.fields();
    read(&mut fields);
    pointers(&fields.finish().unwrap_err())
}

fn short(text: &str) -> Result<String, Flaw> {
    if text.len() > 5 { Err(Flaw::new("TOO_LONG").param("max", 5)) } else { Ok(text.to_owned()) }
}

#[test]
fn members_are_read_as_what_they_are() {
    let body = br#"{"title": "a\u00e9\n", "n": -7, "done": true, "due": null, "labels": ["x", "y"],
                    "ref": {"system": "s"}, "id": "0190A8CA-0000-7000-8000-000000000000"}"#;
    let object = parse_object(body).unwrap();
    let mut f = object.fields();
    assert_eq!(f.required("title", short), Some("aé\n".to_owned()));
    assert_eq!(f.required("n", any::<i64>), Some(-7));
    assert_eq!(f.optional("done", any::<bool>), Some(true));
    assert_eq!(f.nullable("due", short), Patch::Null);
    assert_eq!(f.nullable("priority", short), Patch::Absent);
    assert_eq!(f.list("labels", 0..=2, short), Some(vec!["x".to_owned(), "y".to_owned()]));
    assert_eq!(f.nullable_object("ref", |f| f.required("system", short)), Patch::Value("s".to_owned()));
    assert!(f.required("id", any::<uuid::Uuid>).is_some());
    f.finish().unwrap();
}

#[test]
fn all_violations_come_in_one_reply() {
    let body = r#"{"title": "too long", "n": 1.5, "extra": 1, "labels": ["ok", 7, "too long"],
                   "ref": {"system": 1, "other": 2}, "extra": 2, "text": "a\u0000b"}"#;
    let found = refused(body, |f| {
        f.required("title", short);
        f.required("n", any::<u8>);
        f.required("missing", short);
        f.list("labels", 0..=2, short);
        f.required_object("ref", |f| f.required("system", short));
        f.required("text", short);
    });
    let expected = [
        ("/extra", "DUPLICATE_FIELD"),
        ("/text", "CONTROL_CHARACTER"),
        ("/title", "TOO_LONG"),
        ("/n", "NOT_AN_INTEGER"),
        ("/missing", "REQUIRED"),
        ("/labels", "TOO_MANY"),
        ("/ref/system", "WRONG_TYPE"),
        ("/ref/other", "UNKNOWN_FIELD"),
    ];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn entries_of_lists_have_their_own_pointers() {
    let found = refused(r#"{"a": ["x", 1, "too long"], "b": [{"n": 1}, 2, {"m": 3}]}"#, |f| {
        f.list("a", 0..=9, short);
        f.list_of_objects("b", 1..=9, |_, f| f.required("n", any::<i64>));
    });
    let expected = [
        ("/a/1", "WRONG_TYPE"),
        ("/a/2", "TOO_LONG"),
        ("/b/1", "WRONG_TYPE"),
        ("/b/2/n", "REQUIRED"),
        ("/b/2/m", "UNKNOWN_FIELD"),
    ];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn numbers_are_exact_or_refused() {
    for text in
        ["1.0", "1e2", "1e400", "-0.5", "9223372036854775808", "123456789012345678901234567890", "-9e9"]
    {
        let found = refused(&format!("{{\"n\": {text}}}"), |f| {
            f.required("n", any::<i64>);
        });
        assert_eq!(found, [("/n".to_owned(), "NOT_AN_INTEGER")], "{text}");
    }
    for (text, value) in
        [("9007199254740993", 9_007_199_254_740_993), ("-9223372036854775808", i64::MIN), ("-0", 0)]
    {
        let body = format!("{{\"n\": {text}}}");
        let object = parse_object(body.as_bytes()).unwrap();
        assert_eq!(object.fields().required("n", any::<i64>), Some(value));
    }
}

#[test]
fn control_characters_other_than_newline_and_tab_are_refused() {
    for (text, refused) in [
        (r"a\nb\tc", false),
        ("é한글 \u{a0}", false),
        (r"\r", true),
        (r"\u0085", true),
        ("\u{7f}", true),
        ("\u{9f}", true),
    ] {
        let body = format!("{{\"a\": \"{text}\"}}");
        assert_eq!(!parse(body.as_bytes()).unwrap().1.is_empty(), refused, "{text:?}");
    }
}

#[test]
fn what_is_no_json_is_400() {
    let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let (deepest, deeper, absurd) = (deep(63), deep(64), deep(10_000));
    assert!(parse_object(deepest.as_bytes()).is_ok());
    let texts: [&[u8]; 34] = [
        b"",
        b" ",
        b"{",
        b"{\"a\"",
        b"{\"a\":",
        b"{\"a\":1",
        b"{\"a\":1,",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{'a':1}",
        b"{\"a\":01}",
        b"{\"a\":.5}",
        b"{\"a\":1.}",
        b"{\"a\":+1}",
        b"{\"a\":1e}",
        b"{\"a\":NaN}",
        b"{\"a\":Infinity}",
        b"{\"a\":nul}",
        b"{\"a\":truex}",
        b"{\"a\":1} x",
        b"{\"a\":1}{}",
        b"{\"a\":[1,]}",
        b"{\"a\":[1 2]}",
        b"{\"a\":\"\\x\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\\ud800\\u0041\"}",
        b"{\"a\":\"\\udc00\"}",
        b"{\"a\":\"\\u12\"}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":1 /* c */}",
        deeper.as_bytes(),
        absurd.as_bytes(),
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(&text[..text.len().min(40)]);
        assert_eq!(parse_object(text).unwrap_err().code(), Code::InvalidJson, "{shown}");
    }
}

#[test]
fn what_is_no_object_is_422() {
    for text in ["null", "[]", "\"x\"", "1", " true "] {
        assert_eq!(parse_object(text.as_bytes()).unwrap_err().code(), Code::ValidationFailed, "{text}");
    }
}

#[test]
fn duplicates_are_found_among_many_members_and_deep_inside() {
    let members: Vec<String> = (0..40).map(|n| format!("\"m{n}\": 0")).collect();
    let body = format!("{{{}, \"m7\": 1, \"m39\": 1}}", members.join(", "));
    let (_, violations) = parse(body.as_bytes()).unwrap();
    assert_eq!(pointers(&Problem::violations(violations)).len(), 2);
    let (_, violations) = parse(br#"{"a~/b": [{"x": {"y": 1, "\u0079": 2}}]}"#).unwrap();
    let expected = vec![("/a~0~1b/0/x/y".to_owned(), "DUPLICATE_FIELD")];
    assert_eq!(pointers(&Problem::violations(violations)), expected);
}

#[test]
fn a_hostile_body_costs_few_violations() {
    let body = format!("{{{}}}", vec!["\"a\":\"\\u0000\""; 50_000].join(","));
    let object = parse_object(body.as_bytes()).unwrap();
    assert_eq!(pointers(&object.fields().finish().unwrap_err()).len(), 100);
}

#[test]
fn output_only_members_may_be_echoed() {
    let object = parse_object(br#"{"version": 7, "labels": ["a"], "title": "x"}"#).unwrap();
    let mut fields = object.fields();
    let echoes = fields.output_only(&["version", "labels", "id"]);
    fields.required("title", short);
    fields.finish().unwrap();
    let current =
        |version: i64| move |name: &str| json!({"version": version, "labels": ["a"]}).get(name).cloned();
    assert!(!echoes.is_empty());
    echoes.check(current(7)).unwrap();
    let problem = echoes.check(current(8)).unwrap_err();
    assert_eq!(pointers(&problem), [("/version".to_owned(), "OUTPUT_ONLY")]);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        proptest::prelude::any::<bool>().prop_map(Into::into),
        proptest::prelude::any::<i64>().prop_map(Into::into),
        proptest::prelude::any::<u64>().prop_map(Into::into),
        proptest::prelude::any::<f64>()
            .prop_filter("JSON has no NaN", |n| n.is_finite())
            .prop_map(Into::into),
        ".*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::hash_map(".*", inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_alike(value in any_json(), pretty in proptest::prelude::any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(parse(text.as_bytes()).unwrap().0.to_json(), theirs);
    }

    #[test]
    fn mutilated_texts_are_judged_like_serde_json_does(
        value in any_json(), at in proptest::prelude::any::<prop::sample::Index>(), byte in proptest::prelude::any::<u8>(), cut in proptest::prelude::any::<bool>(),
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        if cut { text.truncate(at) } else { text[at] = byte }
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        match parse(&text) {
            Ok((ours, _)) => {
                // serde_json refuses numbers beyond f64; here the reader of the member does.
                let number_too_large = theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
                prop_assert!(theirs.is_ok() || number_too_large, "{:?} {:?}", ours, theirs);
            }
            Err(error) => prop_assert!(theirs.is_err(), "{} {:?}", error, String::from_utf8_lossy(&text)),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
