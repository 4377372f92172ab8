//! The codes that clients branch on, each with its status and its words in English and Korean.

use axum::http::StatusCode;

use super::Language;

/// What a person reads about a code in one language.
struct Words {
    title: &'static str,
    detail: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal $status:ident
        en $en_title:literal $en_detail:literal
        ko $ko_title:literal $ko_detail:literal;)*) => {
        /// A stable reason for a refusal; never translated, never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* #[doc = $en_title] $name,)*
        }

        impl Code {
            /// Every code there is, in the order of the documentation.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The code as it stands on the wire, `NOT_FOUND` say.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }

            /// The HTTP status that goes with the code.
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$status),* }
            }

            const fn words(self, language: Language) -> Words {
                match (self, language) {
                    $((Code::$name, Language::En) => Words { title: $en_title, detail: $en_detail },
                      (Code::$name, Language::Ko) => Words { title: $ko_title, detail: $ko_detail },)*
                }
            }
        }
    };
}

impl Code {
    /// One short line that names the problem.
    pub const fn title(self, language: Language) -> &'static str {
        self.words(language).title
    }

    /// One sentence that says what to do about it.
    pub const fn detail(self, language: Language) -> &'static str {
        self.words(language).detail
    }

    /// The code of that wire text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

codes! {
    InvalidJson = "INVALID_JSON" BAD_REQUEST
        en "The body is not valid JSON" "Send one JSON value in UTF-8, nested at most 64 levels deep."
        ko "본문이 올바른 JSON이 아닙니다" "UTF-8로 된 JSON 값 하나를 64단계 이내로 보내세요.";
    UnknownField = "UNKNOWN_FIELD" UNPROCESSABLE_ENTITY
        en "The body has a member that does not exist" "Remove the members named in errors."
        ko "본문에 없는 항목이 있습니다" "errors에 적힌 항목을 빼세요.";
    DuplicateField = "DUPLICATE_FIELD" UNPROCESSABLE_ENTITY
        en "The body has a member twice" "Send each member at most once."
        ko "본문에 같은 항목이 두 번 있습니다" "각 항목은 한 번만 보내세요.";
    ValidationFailed = "VALIDATION_FAILED" UNPROCESSABLE_ENTITY
        en "The body breaks a rule" "Correct the members named in errors."
        ko "본문이 규칙에 맞지 않습니다" "errors에 적힌 항목을 고치세요.";
    UnknownParameter = "UNKNOWN_PARAMETER" BAD_REQUEST
        en "The query has a parameter that does not exist" "Remove the parameters named in errors."
        ko "쿼리에 없는 매개변수가 있습니다" "errors에 적힌 매개변수를 빼세요.";
    InvalidParameter = "INVALID_PARAMETER" BAD_REQUEST
        en "A query parameter is wrong" "Correct the parameters named in errors."
        ko "쿼리 매개변수가 잘못되었습니다" "errors에 적힌 매개변수를 고치세요.";
    InvalidHeader = "INVALID_HEADER" BAD_REQUEST
        en "A request header is wrong" "Correct the header named in errors."
        ko "요청 헤더가 잘못되었습니다" "errors에 적힌 헤더를 고치세요.";
    InvalidPageToken = "INVALID_PAGE_TOKEN" BAD_REQUEST
        en "The page token does not fit" "Begin again without page_token, or keep the filters of the first page."
        ko "페이지 토큰이 맞지 않습니다" "page_token 없이 다시 시작하거나 첫 페이지의 필터를 그대로 쓰세요.";
    InvalidId = "INVALID_ID" BAD_REQUEST
        en "The identifier in the path is malformed" "Use a UUID, or a key such as T-123 for a task."
        ko "경로의 식별자 형식이 잘못되었습니다" "UUID 또는 작업의 경우 T-123 같은 키를 쓰세요.";
    NotFound = "NOT_FOUND" NOT_FOUND
        en "Not found" "Nothing is here that you may see."
        ko "찾을 수 없습니다" "볼 수 있는 것이 여기에 없습니다.";
    MethodNotAllowed = "METHOD_NOT_ALLOWED" METHOD_NOT_ALLOWED
        en "The method is not allowed here" "The Allow header names the methods of this path."
        ko "여기서는 쓸 수 없는 메서드입니다" "Allow 헤더에 이 경로의 메서드가 있습니다.";
    NotAcceptable = "NOT_ACCEPTABLE" NOT_ACCEPTABLE
        en "No answer in an accepted media type" "Accept application/json."
        ko "허용된 형식으로 답할 수 없습니다" "application/json을 허용하세요.";
    Forbidden = "FORBIDDEN" FORBIDDEN
        en "Not allowed" "Your roles and your relation to this object do not allow it."
        ko "허용되지 않습니다" "역할과 이 대상과의 관계로는 할 수 없는 일입니다.";
    TransitionNotAllowed = "TRANSITION_NOT_ALLOWED" CONFLICT
        en "The status does not allow this" "The member allowed names the commands that are possible now."
        ko "현재 상태에서는 할 수 없습니다" "지금 가능한 명령은 allowed에 있습니다.";
    NotDeleted = "NOT_DELETED" CONFLICT
        en "The task is not deleted" "Only a deleted task can be brought back."
        ko "삭제되지 않은 작업입니다" "삭제된 작업만 되살릴 수 있습니다.";
    PreconditionFailed = "PRECONDITION_FAILED" PRECONDITION_FAILED
        en "The object has changed" "Read it again; the ETag header is its current version."
        ko "대상이 그사이 바뀌었습니다" "다시 읽으세요. ETag 헤더가 현재 버전입니다.";
    PreconditionRequired = "PRECONDITION_REQUIRED" PRECONDITION_REQUIRED
        en "A precondition is required" "Send If-Match with the version that you have read."
        ko "전제 조건이 필요합니다" "읽은 버전을 If-Match로 보내세요.";
    FieldConflict = "FIELD_CONFLICT" CONFLICT
        en "Somebody else changed the same fields" "The members conflicting_fields and events show what happened since base_version."
        ko "다른 사람이 같은 항목을 바꾸었습니다" "base_version 이후의 변경은 conflicting_fields와 events에 있습니다.";
    ConcurrentChange = "CONCURRENT_CHANGE" SERVICE_UNAVAILABLE
        en "Too many changes at once" "Send the same request again after Retry-After."
        ko "동시에 바뀐 것이 너무 많습니다" "Retry-After 후에 같은 요청을 다시 보내세요.";
    ExternalRefTaken = "EXTERNAL_REF_TAKEN" CONFLICT
        en "Another task has this external reference" "An external reference names one task only."
        ko "다른 작업이 이 외부 참조를 쓰고 있습니다" "외부 참조는 한 작업만 가리킬 수 있습니다.";
    IdTaken = "ID_TAKEN" CONFLICT
        en "The identifier is taken" "Make a new UUIDv7."
        ko "이미 쓰이는 식별자입니다" "새 UUIDv7을 만드세요.";
    EmailTaken = "EMAIL_TAKEN" CONFLICT
        en "The e-mail address is taken" "A user with this address exists."
        ko "이미 쓰이는 이메일 주소입니다" "이 주소의 사용자가 있습니다.";
    Cycle = "CYCLE" CONFLICT
        en "This would make a cycle" "A task cannot stand below itself or block itself."
        ko "순환이 생깁니다" "작업은 자기 자신의 아래에 있거나 자신을 막을 수 없습니다.";
    UserNotActive = "USER_NOT_ACTIVE" CONFLICT
        en "The user is not active" "Choose a user who is verified and not deactivated."
        ko "활성 사용자가 아닙니다" "확인되었고 비활성화되지 않은 사용자를 고르세요.";
    LastAdmin = "LAST_ADMIN" CONFLICT
        en "The last admin stays" "Make another user admin first."
        ko "마지막 관리자는 남아야 합니다" "먼저 다른 사용자를 관리자로 지정하세요.";
    StateConflict = "STATE_CONFLICT" CONFLICT
        en "The state of the object does not allow this" "Read the object again and decide anew."
        ko "대상의 상태에서 허용되지 않습니다" "대상을 다시 읽고 결정하세요.";
    LimitReached = "LIMIT_REACHED" UNPROCESSABLE_ENTITY
        en "There are as many as there may be" "The member max names the limit. Delete one that is not needed any more."
        ko "더 만들 수 없습니다" "최대 개수는 max에 있습니다. 필요 없는 것을 삭제하세요.";
    NotYetSealed = "NOT_YET_SEALED" CONFLICT
        en "Not sealed yet" "The event is there, its proof comes with the next seal: ask again after Retry-After."
        ko "아직 봉인되지 않았습니다" "이벤트는 있으며 증명은 다음 봉인과 함께 나옵니다. Retry-After 후에 다시 요청하세요.";
    IntegrityBroken = "INTEGRITY_BROKEN" CONFLICT
        en "The log is not what was sealed" "The member position names the first place found: see /v1/audit/integrity."
        ko "로그가 봉인된 내용과 다릅니다" "처음 발견된 위치는 position에 있습니다. /v1/audit/integrity를 보세요.";
    PositionAhead = "POSITION_AHEAD" BAD_REQUEST
        en "The position is ahead of the log" "Use a position that a reply of this system has given."
        ko "로그보다 앞선 위치입니다" "이 시스템의 응답이 준 위치를 쓰세요.";
    PositionExpired = "POSITION_EXPIRED" GONE
        en "The position belongs to another history" "Begin again from a snapshot."
        ko "다른 이력의 위치입니다" "스냅샷부터 다시 시작하세요.";
    ProjectionBehind = "PROJECTION_BEHIND" SERVICE_UNAVAILABLE
        en "The view has not caught up yet" "Ask again after Retry-After."
        ko "조회 데이터가 아직 따라오지 못했습니다" "Retry-After 후에 다시 요청하세요.";
    AggregateParked = "AGGREGATE_PARKED" SERVICE_UNAVAILABLE
        en "The view of this object is stopped" "An operator has to look after it; the log itself is complete."
        ko "이 대상의 조회 데이터가 멈춰 있습니다" "운영자의 조치가 필요합니다. 로그는 온전합니다.";
    OutcomeUnknown = "OUTCOME_UNKNOWN" SERVICE_UNAVAILABLE
        en "It is not known whether the command took effect" "Send it again with the same Idempotency-Key."
        ko "명령이 반영되었는지 알 수 없습니다" "같은 Idempotency-Key로 다시 보내세요.";
    IdempotencyKeyRequired = "IDEMPOTENCY_KEY_REQUIRED" BAD_REQUEST
        en "An Idempotency-Key is required" "Send a key of 1 to 255 visible ASCII characters."
        ko "Idempotency-Key가 필요합니다" "출력 가능한 ASCII 1~255자의 키를 보내세요.";
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED" UNPROCESSABLE_ENTITY
        en "The Idempotency-Key was used for another request" "Make a new key for a new request."
        ko "다른 요청에 쓰인 Idempotency-Key입니다" "새 요청에는 새 키를 만드세요.";
    IdempotencyInFlight = "IDEMPOTENCY_IN_FLIGHT" CONFLICT
        en "A request with this key is still running" "Ask again after Retry-After."
        ko "이 키의 요청이 아직 처리 중입니다" "Retry-After 후에 다시 요청하세요.";
    RateLimited = "RATE_LIMITED" TOO_MANY_REQUESTS
        en "Too many requests" "Wait for Retry-After."
        ko "요청이 너무 많습니다" "Retry-After만큼 기다리세요.";
    Overloaded = "OVERLOADED" SERVICE_UNAVAILABLE
        en "Overloaded" "Send the same request again after Retry-After."
        ko "과부하 상태입니다" "Retry-After 후에 같은 요청을 다시 보내세요.";
    Unavailable = "UNAVAILABLE" SERVICE_UNAVAILABLE
        en "Temporarily unavailable" "Send the same request again after Retry-After."
        ko "일시적으로 이용할 수 없습니다" "Retry-After 후에 같은 요청을 다시 보내세요.";
    DeadlineExceeded = "DEADLINE_EXCEEDED" GATEWAY_TIMEOUT
        en "The answer took too long" "Try again, or ask for less."
        ko "응답이 너무 오래 걸렸습니다" "다시 시도하거나 범위를 줄이세요.";
    RequestTimeout = "REQUEST_TIMEOUT" REQUEST_TIMEOUT
        en "The request came too slowly" "Send the whole body within the time limit."
        ko "요청이 너무 느리게 도착했습니다" "제한 시간 안에 본문을 모두 보내세요.";
    FellBehind = "FELL_BEHIND" REQUEST_TIMEOUT
        en "The stream was read too slowly" "Connect again, and read as fast as it comes."
        ko "스트림을 너무 느리게 읽었습니다" "다시 연결해서 오는 대로 읽으세요.";
    GroupInUse = "GROUP_IN_USE" CONFLICT
        en "Somebody else consumes this group" "Another process holds it, or its consumers have other rights: come again after Retry-After."
        ko "다른 곳에서 이 그룹을 소비하고 있습니다" "다른 프로세스가 쓰고 있거나 권한이 다른 소비자가 있습니다. Retry-After 후에 다시 시도하세요.";
    GroupMoved = "GROUP_MOVED" CONFLICT
        en "The group goes on elsewhere" "It was set to another place, deleted or taken over: connect again."
        ko "그룹이 다른 위치에서 이어집니다" "위치가 바뀌었거나 삭제되었거나 다른 곳으로 넘어갔습니다. 다시 연결하세요.";
    GroupFull = "GROUP_FULL" CONFLICT
        en "Too many events of the group are parked" "Replay or skip parked events; the group goes on then."
        ko "그룹에 보류된 이벤트가 너무 많습니다" "보류된 이벤트를 다시 처리하거나 건너뛰면 이어집니다.";
    BodyTooLarge = "BODY_TOO_LARGE" PAYLOAD_TOO_LARGE
        en "The body is too large" "Send less at once."
        ko "본문이 너무 큽니다" "한 번에 보내는 양을 줄이세요.";
    UriTooLong = "URI_TOO_LONG" URI_TOO_LONG
        en "The URI is too long" "Use at most 8192 bytes."
        ko "URI가 너무 깁니다" "8192바이트 이내로 쓰세요.";
    HeadersTooLarge = "HEADERS_TOO_LARGE" REQUEST_HEADER_FIELDS_TOO_LARGE
        en "The headers are too large" "Send fewer and shorter headers."
        ko "헤더가 너무 큽니다" "헤더를 줄이세요.";
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE" UNSUPPORTED_MEDIA_TYPE
        en "The media type is not supported" "Send application/json in UTF-8 without Content-Encoding."
        ko "지원하지 않는 형식입니다" "Content-Encoding 없이 UTF-8 application/json으로 보내세요.";
    InvalidCredentials = "INVALID_CREDENTIALS" UNAUTHORIZED
        en "E-mail or password is wrong" "Check both, or reset the password."
        ko "이메일 또는 비밀번호가 틀렸습니다" "둘 다 확인하거나 비밀번호를 재설정하세요.";
    AccountNotVerified = "ACCOUNT_NOT_VERIFIED" FORBIDDEN
        en "The account is not verified" "Open the link in the mail, or ask an admin."
        ko "확인되지 않은 계정입니다" "메일의 링크를 열거나 관리자에게 요청하세요.";
    AccountDeactivated = "ACCOUNT_DEACTIVATED" FORBIDDEN
        en "The account is deactivated" "Ask an admin."
        ko "비활성화된 계정입니다" "관리자에게 문의하세요.";
    PasswordNeedsFactor = "PASSWORD_NEEDS_FACTOR" CONFLICT
        en "The password is too short to do alone" "Without a second factor it needs at least 15 characters: change it first."
        ko "비밀번호만으로 쓰기에는 짧습니다" "2차 인증이 없으면 15자 이상이어야 합니다. 먼저 비밀번호를 바꾸세요.";
    OidcLoginVoid = "OIDC_LOGIN_VOID" UNAUTHORIZED
        en "This login is void" "It was not begun in this browser, was finished before or took too long: begin again."
        ko "유효하지 않은 로그인입니다" "이 브라우저에서 시작하지 않았거나 이미 끝났거나 너무 오래 걸렸습니다. 다시 시작하세요.";
    OidcRefused = "OIDC_REFUSED" UNAUTHORIZED
        en "The provider has refused the login" "The member provider_error says why."
        ko "외부 로그인이 거부되었습니다" "이유는 provider_error에 있습니다.";
    OidcNotBelieved = "OIDC_NOT_BELIEVED" UNAUTHORIZED
        en "What the provider says does not hold" "Begin again; if it stays so, tell an admin what reason says."
        ko "외부 로그인 응답을 믿을 수 없습니다" "다시 시작하고, 반복되면 reason을 관리자에게 알려 주세요.";
    OidcUnavailable = "OIDC_UNAVAILABLE" SERVICE_UNAVAILABLE
        en "The provider does not answer" "Try again after Retry-After, or log in in another way."
        ko "외부 로그인 서버가 응답하지 않습니다" "Retry-After 후에 다시 시도하거나 다른 방법으로 로그인하세요.";
    OidcEmailNotVerified = "OIDC_EMAIL_NOT_VERIFIED" FORBIDDEN
        en "The provider does not vouch for your e-mail address" "Verify the address there, or log in in another way."
        ko "외부 계정의 이메일이 확인되지 않았습니다" "그곳에서 주소를 확인하거나 다른 방법으로 로그인하세요.";
    OidcNoAccount = "OIDC_NO_ACCOUNT" FORBIDDEN
        en "There is no account for you here" "This provider may not make one: ask an admin for an invitation."
        ko "계정이 없습니다" "이 외부 로그인으로는 가입할 수 없습니다. 관리자에게 초대를 요청하세요.";
    IdentityConflict = "IDENTITY_CONFLICT" CONFLICT
        en "You are somebody else at this provider" "Log in there with the account that is linked here, or remove that one first."
        ko "연결된 외부 계정과 다릅니다" "연결된 외부 계정으로 로그인하거나 먼저 그 연결을 삭제하세요.";
    LastWayIn = "LAST_WAY_IN" CONFLICT
        en "Nothing else would let you in" "Set a password first."
        ko "다른 로그인 방법이 없습니다" "먼저 비밀번호를 정하세요.";
    Unauthenticated = "UNAUTHENTICATED" UNAUTHORIZED
        en "Authentication is required" "Send Authorization: Bearer with an access token."
        ko "인증이 필요합니다" "Authorization: Bearer로 액세스 토큰을 보내세요.";
    TokenExpired = "TOKEN_EXPIRED" UNAUTHORIZED
        en "The access token has expired" "Refresh it."
        ko "액세스 토큰이 만료되었습니다" "토큰을 갱신하세요.";
    TokenInvalid = "TOKEN_INVALID" UNAUTHORIZED
        en "The token is not valid" "Log in again."
        ko "유효하지 않은 토큰입니다" "다시 로그인하세요.";
    TokenStale = "TOKEN_STALE" UNAUTHORIZED
        en "The access token is out of date" "Refresh it: what you may do has changed."
        ko "오래된 액세스 토큰입니다" "권한이 바뀌었으니 토큰을 갱신하세요.";
    RefreshTokenReused = "REFRESH_TOKEN_REUSED" UNAUTHORIZED
        en "The refresh token was used twice" "The session is ended; log in again."
        ko "리프레시 토큰이 두 번 쓰였습니다" "세션이 끝났습니다. 다시 로그인하세요.";
    MfaInvalid = "MFA_INVALID" UNAUTHORIZED
        en "The second factor is wrong" "Try the next code."
        ko "2차 인증 코드가 틀렸습니다" "다음 코드로 시도하세요.";
    ReauthenticationRequired = "REAUTHENTICATION_REQUIRED" FORBIDDEN
        en "Confirm who you are" "Reauthenticate and send the request again within 5 minutes."
        ko "본인 확인이 필요합니다" "다시 인증하고 5분 안에 요청을 다시 보내세요.";
    NotImplemented = "NOT_IMPLEMENTED" NOT_IMPLEMENTED
        en "Not supported" "This server does not offer that."
        ko "지원하지 않습니다" "이 서버는 해당 기능을 제공하지 않습니다.";
    Internal = "INTERNAL_ERROR" INTERNAL_SERVER_ERROR
        en "Something went wrong on our side" "Report the request_id."
        ko "서버에 문제가 생겼습니다" "request_id를 알려 주세요.";
}
