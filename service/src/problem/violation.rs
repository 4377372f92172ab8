//! One broken rule: where, which, and what it says to a person.

use serde_json::{Map, Value};

use super::{Language, ProblemEntry};

/// What is wrong with one value, before anyone knows where the value stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaw {
    /// A stable word in capitals: `TOO_LONG`.
    pub code: &'static str,
    /// What the rule asks for: `{"max": 200}`.
    pub params: Map<String, Value>,
    /// The sentence in English where no translated one is known for the code.
    pub detail: Option<String>,
}

impl Flaw {
    /// A flaw without parameters.
    pub fn new(code: &'static str) -> Self {
        Self { code, params: Map::new(), detail: None }
    }

    /// A flaw as other crates describe it: code, parameters as text (numbers become numbers), English sentence.
    pub fn described(
        code: &'static str,
        params: impl IntoIterator<Item = (&'static str, String)>,
        detail: String,
    ) -> Self {
        let value = |text: String| text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
        let params = params.into_iter().map(|(name, text)| (name.to_owned(), value(text))).collect();
        Self { code, params, detail: Some(detail) }
    }

    /// Adds a parameter of the rule.
    pub fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the sentence in English.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl From<uuid::Error> for Flaw {
    fn from(_: uuid::Error) -> Self {
        Self::new("MALFORMED").param("expected", "a UUID")
    }
}

impl From<std::num::ParseIntError> for Flaw {
    fn from(_: std::num::ParseIntError) -> Self {
        Self::new("NOT_AN_INTEGER")
    }
}

impl From<std::convert::Infallible> for Flaw {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Where in the request a flaw is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON pointer into the body, `/labels/3`.
    Pointer(String),
    /// A query parameter.
    Parameter(String),
    /// A request header.
    Header(&'static str),
}

/// One entry of a problem's `errors`.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Where it is.
    pub place: Place,
    /// What is wrong there.
    pub flaw: Flaw,
}

impl Violation {
    /// A flaw at a JSON pointer of the body.
    pub fn at(pointer: impl Into<String>, flaw: impl Into<Flaw>) -> Self {
        Self { place: Place::Pointer(pointer.into()), flaw: flaw.into() }
    }

    /// A flaw in a query parameter.
    pub fn parameter(name: impl Into<String>, flaw: impl Into<Flaw>) -> Self {
        Self { place: Place::Parameter(name.into()), flaw: flaw.into() }
    }

    /// A flaw in a header.
    pub fn header(name: &'static str, flaw: impl Into<Flaw>) -> Self {
        Self { place: Place::Header(name), flaw: flaw.into() }
    }

    /// The entry as clients get it.
    pub fn entry(&self, language: Language) -> ProblemEntry {
        let Flaw { code, params, .. } = &self.flaw;
        let detail = sentence(&self.flaw, language);
        let entry = ProblemEntry { code, detail, params: params.clone(), ..ProblemEntry::default() };
        match &self.place {
            Place::Pointer(pointer) => ProblemEntry { pointer: Some(pointer.clone()), ..entry },
            Place::Parameter(name) => ProblemEntry { parameter: Some(name.clone()), ..entry },
            Place::Header(name) => ProblemEntry { header: Some(name), ..entry },
        }
    }
}

fn sentence(flaw: &Flaw, language: Language) -> String {
    match (template(flaw.code, language), &flaw.detail) {
        (_, Some(detail)) if language == Language::En => detail.clone(),
        (Some(template), _) => fill(template, &flaw.params),
        (None, Some(detail)) => detail.clone(),
        (None, None) => flaw.code.to_owned(),
    }
}

fn fill(template: &str, params: &Map<String, Value>) -> String {
    params.iter().fold(template.to_owned(), |text, (name, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.replace(&format!("{{{name}}}"), &shown)
    })
}

fn template(code: &str, language: Language) -> Option<&'static str> {
    let (en, ko) = match code {
        "REQUIRED" => ("is required", "필수 항목입니다"),
        "REQUIRED_UNLESS" => ("is required unless {other} is given", "{other}이(가) 없으면 필수 항목입니다"),
        "NULL" => ("must not be null", "null일 수 없습니다"),
        "EMPTY" => ("must not be empty", "비어 있을 수 없습니다"),
        "WRONG_TYPE" => ("must be of type {expected}", "{expected} 형식이어야 합니다"),
        "UNKNOWN_FIELD" => ("does not exist", "없는 항목입니다"),
        "DUPLICATE_FIELD" => ("is given twice", "두 번 주어졌습니다"),
        "UNKNOWN_PARAMETER" => ("does not exist", "없는 매개변수입니다"),
        "DUPLICATE_PARAMETER" => ("may be given once only", "한 번만 쓸 수 있습니다"),
        "CONTROL_CHARACTER" => ("must not contain control characters", "제어 문자를 포함할 수 없습니다"),
        "OUTPUT_ONLY" => ("is set by the server and differs", "서버가 정하는 값이며 현재 값과 다릅니다"),
        "UNKNOWN_VALUE" => ("must be one of {allowed}", "{allowed} 중 하나여야 합니다"),
        "TOO_SHORT" => ("must have at least {min} characters", "{min}자 이상이어야 합니다"),
        "TOO_LONG" => ("must have at most {max} characters", "{max}자 이하여야 합니다"),
        "TOO_MANY_BYTES" => ("must have at most {max} bytes", "{max}바이트 이하여야 합니다"),
        "TOO_FEW" => ("must have at least {min} entries", "{min}개 이상이어야 합니다"),
        "TOO_MANY" => ("must have at most {max} entries", "{max}개 이하여야 합니다"),
        "TOO_SMALL" => ("must be at least {min}", "{min} 이상이어야 합니다"),
        "TOO_LARGE" => ("must be at most {max}", "{max} 이하여야 합니다"),
        "OUT_OF_RANGE" => ("must be between {min} and {max}", "{min}에서 {max} 사이여야 합니다"),
        "NOT_AN_INTEGER" => ("must be a whole number in range", "범위 안의 정수여야 합니다"),
        "MALFORMED" => ("must be {expected}", "형식이 올바르지 않습니다 ({expected})"),
        "USER_NOT_ACTIVE" => ("user {user} is not active", "사용자 {user}은(는) 활성 상태가 아닙니다"),
        "UNKNOWN_TASK" => ("task {task} does not exist", "작업 {task}이(가) 없습니다"),
        "CYCLE" => ("would make a cycle", "순환이 생깁니다"),
        "SELF_REFERENCE" => ("must not name the task itself", "작업 자신을 가리킬 수 없습니다"),
        "TOO_DEEP" => ("is linked to more than {max} tasks", "{max}개가 넘는 작업과 연결되어 있습니다"),
        "PASSWORD_TOO_COMMON" => ("is too easy to guess", "추측하기 너무 쉽습니다"),
        "WRONG_PASSWORD" => ("is not the password that you have now", "지금 쓰는 비밀번호가 아닙니다"),
        "LINK_VOID" => (
            "was used, has expired or was replaced by a newer one",
            "이미 사용했거나 만료되었거나 새 링크로 바뀌었습니다",
        ),
        "ROLES_EXCLUDE" => {
            ("role {role} excludes role {held}", "{role} 역할은 {held} 역할과 함께할 수 없습니다")
        }
        "ROLE_DOES_NOT_FIT" => (
            "role {role} does not fit this kind of user",
            "{role} 역할은 이 종류의 사용자에게 줄 수 없습니다",
        ),
        "SCOPE_NOT_HELD" => (
            "scope {scope} is not one of the service account's",
            "{scope} 범위는 이 서비스 계정에 허용되지 않았습니다",
        ),
        "INVALID_FILTER" => (
            "cannot be understood at character {position}: {reason}",
            "{position}번째 문자부터 해석할 수 없습니다: {reason}",
        ),
        "NOT_A_SERVICE_ACCOUNT" => ("must be a service account", "서비스 계정이어야 합니다"),
        _ => return None,
    };
    Some(if language == Language::Ko { ko } else { en })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_fill_the_sentence_of_the_language() {
        let violation = Violation::at("/title", Flaw::new("TOO_LONG").param("max", 200));
        let entry = violation.entry(Language::En);
        assert_eq!(entry.detail, "must have at most 200 characters");
        assert_eq!(entry.params["max"], 200);
        assert_eq!(violation.entry(Language::Ko).detail, "200자 이하여야 합니다");
    }

    #[test]
    fn an_unknown_code_keeps_its_own_words() {
        let flaw = Flaw::described("ODD", [("max", "7".to_owned())], "is odd".to_owned());
        let entry = Violation::parameter("page_size", flaw).entry(Language::Ko);
        assert_eq!(entry.parameter.as_deref(), Some("page_size"));
        assert_eq!(entry.detail, "is odd");
        assert_eq!(entry.params["max"], 7);
    }
}
