//! What people may send: limits, forms, normalisation.

use domain::{
    ids::TaskKey,
    task::values::{ChecklistText, Due, ExternalRef, Label, Markdown, Priority, Progress, Reason, Title},
    time::TimeZone,
    user::values::{Email, Locale, PersonName},
    violation::{Unit, Violation},
};

fn characters(max: usize) -> Violation {
    Violation::TooLong { max, unit: Unit::Characters }
}

fn bytes(max: usize) -> Violation {
    Violation::TooLong { max, unit: Unit::Bytes }
}

#[test]
fn titles_count_characters_after_trimming() {
    assert_eq!(Title::parse(&"가".repeat(200)).unwrap().as_str().chars().count(), 200);
    assert_eq!(Title::parse(&"가".repeat(201)), Err(characters(200)));
    assert_eq!(Title::parse(&format!("  {}\n", "x".repeat(200))).unwrap().as_str(), "x".repeat(200));
    for blank in ["", " \t\n", "\u{200b}\u{feff} \u{2060}"] {
        assert_eq!(Title::parse(blank), Err(Violation::Empty), "{blank:?}");
    }
}

#[test]
fn one_line_means_one_line() {
    for odd in ["a\nb", "a\tb", "a\0b", "a\u{7f}b", "a\u{85}b", "a\u{1b}[31m"] {
        assert_eq!(Title::parse(odd), Err(Violation::ControlCharacter), "{odd:?}");
        assert_eq!(Label::parse(odd), Err(Violation::ControlCharacter), "{odd:?}");
        assert_eq!(ChecklistText::parse(odd), Err(Violation::ControlCharacter), "{odd:?}");
    }
    let joined = "👩\u{200d}🚒 \u{202b}abc\u{202c}";
    assert_eq!(Title::parse(joined).unwrap().as_str(), joined);
}

#[test]
fn hangul_is_the_same_text_from_any_keyboard() {
    let decomposed = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}";
    assert_eq!(Title::parse(decomposed), Title::parse("한글"));
    assert_eq!(Label::parse(decomposed).unwrap().as_str(), "한글");
    assert_eq!(Markdown::parse(decomposed).unwrap().as_str(), "한글");
}

#[test]
fn markdown_counts_bytes_and_keeps_lines() {
    const MAX: usize = 64 * 1024;
    assert_eq!(Markdown::parse(" a\n\tb ").unwrap().as_str(), " a\n\tb ");
    assert!(Markdown::parse(&"x".repeat(MAX)).is_ok());
    assert_eq!(Markdown::parse(&"x".repeat(MAX + 1)), Err(bytes(MAX)));
    assert_eq!(Markdown::parse(&"가".repeat(MAX / 3 + 1)), Err(bytes(MAX)));
    assert_eq!(Markdown::parse("a\r\nb"), Err(Violation::ControlCharacter));
    assert_eq!(Markdown::parse("a\0b"), Err(Violation::ControlCharacter));
    assert_eq!(Markdown::parse(" \n"), Err(Violation::Empty));
    assert_eq!(Markdown::parse_optional(" \n"), Ok(None));
    assert_eq!(Markdown::parse_optional("\0"), Err(Violation::ControlCharacter));
    assert_eq!(Reason::parse(&"x".repeat(2_001)), Err(bytes(2_000)));
}

#[test]
fn violations_are_told_as_code_and_parameters() {
    let told = |violation: Violation| (violation.code(), violation.params(), violation.to_string());
    let max = ("max", "9".to_owned());
    let (code, params, detail) = told(characters(9));
    assert_eq!((code, &*detail), ("TOO_LONG", "must have at most 9 characters"));
    assert_eq!(params, [max.clone(), ("unit", "characters".to_owned())]);
    let (code, params, detail) = told(bytes(9));
    assert_eq!((code, &*detail), ("TOO_MANY_BYTES", "must have at most 9 bytes"));
    assert_eq!(params, [max, ("unit", "bytes".to_owned())]);
}

#[test]
fn short_texts_have_their_own_limits() {
    assert_eq!(Label::parse(&"x".repeat(51)), Err(characters(50)));
    assert_eq!(ChecklistText::parse(&"x".repeat(501)), Err(characters(500)));
    assert_eq!(PersonName::parse(&"x".repeat(101)), Err(characters(100)));
    assert_eq!(ExternalRef::parse_id(&"x".repeat(201)), Err(characters(200)));
    for system in ["", "Desk", "a b", "desk\n", &"x".repeat(51)] {
        assert!(ExternalRef::parse_system(system).is_err(), "{system:?}");
    }
    let both = ExternalRef::new(ExternalRef::parse_system("help-desk").unwrap(), "ticket 1".into());
    assert_eq!(both.as_claim(), "help-desk:ticket 1");
}

#[test]
fn words_and_numbers() {
    assert_eq!("urgent".parse(), Ok(Priority::Urgent));
    let unknown = Violation::UnknownValue { allowed: &["low", "normal", "high", "urgent"] };
    assert_eq!("Urgent".parse::<Priority>(), Err(unknown.clone()));
    assert_eq!(unknown.params(), [("allowed", "low normal high urgent".to_owned())]);
    assert_eq!(Progress::parse(100).unwrap().percent(), 100);
    for wrong in [-1, 101, 256, i64::MAX, i64::MIN] {
        assert_eq!(Progress::parse(wrong), Err(Violation::OutOfRange { min: 0, max: 100 }));
    }
}

#[test]
fn dates_and_times() {
    assert_eq!(Due::parse_date("2028-02-29").unwrap().to_string(), "2028-02-29");
    for wrong in [
        "2026-02-29",
        "2026-2-3",
        "+12345-01-01",
        "20260203",
        "2026-02-03T00:00:00Z",
        "",
        "-001-01-01",
        "0000-01-01",
        "+2026-1-01",
    ] {
        assert!(Due::parse_date(wrong).is_err(), "{wrong}");
    }
    assert_eq!(
        Due::parse_at("2026-11-21T18:00:00+09:00").unwrap().to_string(),
        "2026-11-21T09:00:00.000000Z"
    );
    for wrong in [
        "2026-11-21",
        "2026-11-21T18:00:00",
        "tomorrow",
        "99999-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
    ] {
        assert!(Due::parse_at(wrong).is_err(), "{wrong}");
    }
    assert!(TimeZone::parse("Asia/Seoul").is_ok());
    assert!(TimeZone::parse("Asia/Atlantis").is_err());
}

#[test]
fn addresses_have_one_canonical_form() {
    let address = Email::parse("  Kim.Minsu+ledger@Example.COM ").unwrap();
    assert_eq!(address.as_str(), "Kim.Minsu+ledger@example.com");
    assert_eq!(address.comparable(), "kim.minsu+ledger@example.com");
    assert!(Email::parse("o'neil@localhost").is_ok());
    assert!(Email::parse("민수@예시.한국").is_ok());
    let long = format!("{}@example.com", "x".repeat(65));
    for wrong in
        ["", "a", "@b.c", "a@", "a@b", "a b@c.d", ".a@b.c", "a..b@c.d", "a@b..c", "a@-b.c", "a,b@c.d", &long]
    {
        assert!(Email::parse(wrong).is_err(), "{wrong}");
    }
    assert!(Email::parse(&format!("a@{}.com", "x.".repeat(200))).is_err());
}

#[test]
fn languages_get_their_usual_case() {
    assert_eq!(Locale::parse("KO-kr").unwrap().as_str(), "ko-KR");
    assert_eq!(Locale::parse("en").unwrap().language(), "en");
    for wrong in ["", "de", "en_US", "en-USA", "en-1", "ko-KR-x", "en-"] {
        assert!(Locale::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn keys_have_one_form() {
    assert_eq!("T-123".parse(), Ok(TaskKey(123)));
    for wrong in ["T-0", "T-01", "t-1", "T-", "T--1", "T-+1", "T-1234567890123456789", "123"] {
        assert!(wrong.parse::<TaskKey>().is_err(), "{wrong}");
    }
}
