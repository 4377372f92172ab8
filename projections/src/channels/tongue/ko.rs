//! Korean.

use chrono::NaiveDate;
use domain::{alert::AlertKind, notification::Category, notification_rule::values::Template};

use super::{Alerting, Lead, Tongue};

pub(super) struct Korean;

impl Tongue for Korean {
    fn code(&self) -> &'static str {
        "ko"
    }

    fn hello(&self, name: &str) -> String {
        format!("{name} 님, 안녕하세요.")
    }

    fn lead(&self, lead: &Lead<'_>) -> String {
        let Lead { who, trigger, template, you } = *lead;
        let did = match trigger {
            "task.commented" if template == Template::Mention => "님이 댓글에서 회원님을 언급했습니다.",
            "task.created" if you => "님이 할 일을 만들어 회원님에게 배정했습니다.",
            "task.created" => "님이 할 일을 만들었습니다.",
            "task.assigned" if you => "님이 회원님에게 배정했습니다.",
            "task.assigned" => "님이 담당자를 추가했습니다.",
            "task.unassigned" if you => "님이 회원님을 담당자에서 제외했습니다.",
            "task.unassigned" => "님이 담당자를 제외했습니다.",
            "task.started" => "님이 시작했습니다.",
            "task.held" => "님이 보류했습니다.",
            "task.resumed" => "님이 다시 시작했습니다.",
            "task.completed" => "님이 완료했습니다.",
            "task.cancelled" => "님이 취소했습니다.",
            "task.reopened" => "님이 다시 열었습니다.",
            "task.commented" => "님이 댓글을 남겼습니다.",
            "task.comment_edited" => "님이 댓글을 고쳤습니다.",
            "task.comment_deleted" => "님이 댓글을 삭제했습니다.",
            "task.deleted" => "님이 삭제했습니다.",
            "task.undeleted" => "님이 되살렸습니다.",
            "task.rolled_back" => "님이 이전 버전으로 되돌렸습니다.",
            "reminder.due_soon" => return "마감까지 하루가 남지 않았습니다.".to_owned(),
            "reminder.overdue" => return "마감이 지났습니다.".to_owned(),
            "reminder.escalated" => return "마감이 지난 지 오래되었습니다.".to_owned(),
            "reminder.unblocked" => return "이 할 일을 막던 할 일이 모두 끝났습니다.".to_owned(),
            _ => "님이 변경했습니다.",
        };
        format!("{who} {did}")
    }

    fn alert(&self, alert: &Alerting<'_>) -> (&'static str, String) {
        let Alerting { kind, subject, actor, count } = *alert;
        match kind {
            AlertKind::FailedLogins => (
                "잘못된 비밀번호가 여러 번 입력되었습니다",
                format!("10분 동안 비밀번호 오류나 계정 잠금이 {count}번 있었습니다."),
            ),
            AlertKind::RoleGranted => {
                ("역할이 부여되었습니다", format!("{actor} 님이 {subject} 님에게 역할을 부여했습니다."))
            }
            AlertKind::MassDeletion => (
                "할 일이 많이 삭제되었습니다",
                format!("{subject} 님이 10분 동안 할 일 {count}건을 삭제했습니다."),
            ),
            AlertKind::TokenReused => (
                "세션이 두 곳에서 사용되었습니다",
                format!("{subject} 님의 세션이 두 곳에서 사용되어 종료했습니다."),
            ),
            AlertKind::ProjectionBehind => (
                "조회 데이터가 늦어지고 있습니다",
                format!("{subject}: 아직 반영되지 않은 이벤트가 {count}건 있습니다."),
            ),
        }
    }

    fn announces(&self, who: &str) -> String {
        format!("{who} 님의 공지입니다.")
    }

    fn field<'a>(&self, field: &'a str) -> &'a str {
        match field {
            "title" => "제목",
            "description" => "설명",
            "priority" => "우선순위",
            "due" => "마감",
            "labels" => "라벨",
            "parent" => "상위 할 일",
            "external_ref" => "외부 이름",
            "visibility" => "공개 범위",
            "status" => "상태",
            "progress" => "진행률",
            "assignees" => "담당자",
            "watchers" => "지켜보는 사람",
            "checklist" => "체크리스트",
            "relations" => "관계",
            "deleted" => "삭제",
            "rolled_back_to" => "되돌린 버전",
            other => other,
        }
    }

    fn word<'a>(&self, word: &'a str) -> &'a str {
        match word {
            "waiting" => "대기",
            "in_progress" => "진행 중",
            "on_hold" => "보류",
            "done" => "완료",
            "cancelled" => "취소",
            "low" => "낮음",
            "normal" => "보통",
            "high" => "높음",
            "urgent" => "긴급",
            "team" => "팀",
            "private" => "관련자만",
            other => other,
        }
    }

    fn yes(&self, yes: bool) -> &'static str {
        if yes { "예" } else { "아니요" }
    }

    fn none(&self) -> &'static str {
        "없음"
    }

    fn system(&self) -> &'static str {
        "시스템"
    }

    fn somebody(&self) -> &'static str {
        "알 수 없는 사용자"
    }

    fn open(&self) -> &'static str {
        "할 일 열기"
    }

    fn why(&self, category: Category) -> String {
        let about = match category {
            Category::Assignment => "배정",
            Category::Status => "상태 변경",
            Category::Comment => "댓글",
            Category::Mention => "회원님을 언급한 댓글",
            Category::Due => "마감",
            Category::Change => "할 일의 변경",
            Category::Announcement => "공지",
        };
        format!("{about}에 관한 메일을 받고 있습니다. 더 받지 않으려면:")
    }

    fn why_digest(&self) -> &'static str {
        "새 소식이 있으면 하루에 한 번 보내는 메일입니다. 더 받지 않으려면:"
    }

    fn stop(&self) -> &'static str {
        "이 메일 그만 받기"
    }

    fn digest_subject(&self, day: NaiveDate) -> String {
        format!("{day} 할 일 소식")
    }

    fn digest(&self, tasks: usize) -> String {
        format!("할 일 {tasks}건에 새 소식이 있습니다.")
    }

    fn more(&self, count: usize) -> String {
        format!("그 밖에 {count}건이 더 있습니다.")
    }
}
