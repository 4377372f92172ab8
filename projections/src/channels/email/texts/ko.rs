//! Korean.

use domain::webhook::values::DisabledReason;

use crate::channels::email::compose::{Facts, Part, Topic, Words};

const NOT_YOU: &str = "본인이 아니라면 지금 새 비밀번호를 정하세요. 모든 세션이 종료됩니다.";
const IGNORE: &str = "요청하지 않았다면 이 메일을 무시하세요. 바뀐 것은 없습니다.";

/// The words of a mail.
pub(in crate::channels::email) fn words(topic: Topic, facts: Facts) -> Words {
    let Facts { name, when, url } = facts;
    let text = |text: &str| Part::Text(text.to_owned());
    let hello = Part::Text(format!("{name} 님, 안녕하세요."));
    let (subject, parts) = match topic {
        Topic::Verification => (
            "이메일 주소를 확인해 주세요",
            vec![
                text("이 주소로 Taskledger 가입 신청이 있었습니다. 본인이라면 주소를 확인해 주세요."),
                Part::Link { label: "주소 확인", url },
                text("링크는 24시간 동안 유효합니다. 본인이 아니라면 이 메일을 무시하세요."),
            ],
        ),
        Topic::Invitation => (
            "Taskledger에 초대되었습니다",
            vec![
                hello,
                text("Taskledger 계정이 만들어졌습니다. 비밀번호를 정하고 시작하세요."),
                Part::Link { label: "비밀번호 정하기", url },
                text("링크는 24시간 동안 유효합니다. 그 후에는 같은 페이지에서 새 링크를 받을 수 있습니다."),
            ],
        ),
        Topic::SignUpRepeated => (
            "이미 계정이 있습니다",
            vec![
                hello,
                text("이미 계정이 있는 이 주소로 Taskledger 가입 신청이 있었습니다."),
                text("본인이 비밀번호를 잊은 것이라면 여기에서 새 비밀번호를 정할 링크를 받으세요."),
                Part::Link { label: "새 비밀번호 정하기", url },
                text(IGNORE),
            ],
        ),
        Topic::Forgotten => (
            "새 비밀번호를 정하세요",
            vec![
                hello,
                text("여기에서 Taskledger의 새 비밀번호를 정할 수 있습니다."),
                Part::Link { label: "새 비밀번호 정하기", url },
                text("링크는 30분 동안 한 번만 쓸 수 있습니다. 모든 세션이 종료됩니다."),
                text(IGNORE),
            ],
        ),
        Topic::PasswordChanged => (
            "비밀번호가 변경되었습니다",
            vec![
                hello,
                Part::Text(format!("{when}에 비밀번호가 변경되었고 모든 세션이 종료되었습니다.")),
                text(NOT_YOU),
                Part::Link { label: "새 비밀번호 정하기", url },
            ],
        ),
        Topic::TokenReused { used_from, reused_from } => (
            "세션이 종료되었습니다",
            vec![
                hello,
                Part::Text(format!(
                    "{when}에 하나의 세션이 두 곳에서 사용되어 종료했습니다. 주소는 {used_from}, {reused_from}입니다."
                )),
                text("프로그램의 오류일 수도 있지만, 누군가 세션을 복사했을 수도 있습니다."),
                text(NOT_YOU),
                Part::Link { label: "새 비밀번호 정하기", url },
            ],
        ),
        Topic::LoginsFailed { count, tried_from } => (
            "잘못된 비밀번호가 입력되었습니다",
            vec![
                hello,
                Part::Text(format!(
                    "{when}까지 회원님의 계정에 잘못된 비밀번호가 {count}번 입력되었습니다. 마지막 주소는 {tried_from}입니다. 로그인된 것은 \
                     없습니다."
                )),
                text("본인이 비밀번호를 잊은 것이라면 여기에서 새 비밀번호를 정하세요."),
                Part::Link { label: "새 비밀번호 정하기", url },
                text("본인이 아니라면 하실 일은 없습니다. 몇 번 더 틀리면 한동안 입력이 막힙니다."),
            ],
        ),
        Topic::IdentityLinked { issuer } => (
            "계정에 로그인 방법이 추가되었습니다",
            vec![
                hello,
                Part::Text(format!(
                    "{when}부터 {issuer} 계정으로 Taskledger에 로그인할 수 있습니다. 회원님의 이메일 주소이며 {issuer}에서 확인된 \
                     주소입니다."
                )),
                text(
                    "본인이 아니라면 지금 새 비밀번호를 정해 모든 세션을 종료하고, 계정에서 이 로그인 방법을 삭제하세요.",
                ),
                Part::Link { label: "새 비밀번호 정하기", url },
            ],
        ),
        Topic::WebhookFailing { at } => (
            "웹훅으로 아무것도 전송되지 않습니다",
            vec![
                hello,
                Part::Text(format!("{when}부터 {at} 웹훅으로 보낸 것이 하나도 전달되지 않았습니다.")),
                text(
                    "간격을 늘려 가며 다시 보냅니다. 닷새 동안 성공하지 못하면 웹훅을 비활성화합니다. 위치는 보관되며, 재개하면 그곳부터 이어서 \
                     보냅니다.",
                ),
                Part::Link { label: "시도 내역", url: format!("{url}/attempts") },
            ],
        ),
        Topic::WebhookDisabled { at, reason } => {
            let why = match reason {
                DisabledReason::Failing => "닷새 동안 아무것도 전달되지 않았기 때문입니다",
                DisabledReason::Gone => "더 이상 없다는 응답(410)을 받았기 때문입니다",
            };
            (
                "웹훅이 비활성화되었습니다",
                vec![
                    hello,
                    Part::Text(format!("{at} 웹훅을 {when}에 비활성화했습니다. {why}.")),
                    text("위치는 보관됩니다. 재개하면 기다리던 것을 보내고 그곳부터 이어서 보냅니다."),
                    Part::Link { label: "웹훅", url },
                ],
            )
        }
        Topic::CoreRun(report) => {
            let subject = match report.outcome.as_str() {
                "done" => "코어 시스템 야간 전송 결과",
                _ => "코어 시스템 야간 전송이 중단되었습니다",
            };
            let ended = match report.outcome.as_str() {
                "failing" => " 절반 넘게 실패하여 중단했습니다.",
                "silent" => " 코어 시스템에서 응답이 없어 중단했습니다.",
                _ => "",
            };
            let mut parts = vec![
                hello,
                Part::Text(format!(
                    "{when} 야간 전송에서 작업 변경 {}건을 코어 시스템에 다시 보냈습니다. 처리 {}건, 거절 {}건, 실패 {}건입니다.{ended} \
                     다음 야간 전송을 기다리는 변경은 {}건입니다.",
                    report.tried, report.delivered, report.rejected, report.failed, report.waiting
                )),
            ];
            if !report.failures.is_empty() {
                parts.push(text("처리되지 않은 변경(작업, 위치, 상태, 코어 시스템의 답):"));
            }
            parts.extend(report.failures.iter().map(|failure| Part::Text(failure.line())));
            if let Some(checksum) = &report.checksum {
                if let Some(reason) = &checksum.reason {
                    parts.push(Part::Text(format!("코어 시스템과 작업을 대조하지 못했습니다: {}.", reason)));
                }
                if checksum.differences > 0 {
                    parts.push(Part::Text(format!("작업 {1}건 중 {0}건이 코어 시스템에 보낸 내용과 다릅니다(작업: 보낸 버전 / 가진 버전):", checksum.differences, checksum.tasks)));
                }
                parts.extend(checksum.named.iter().map(|one| Part::Text(one.line())));
            }
            parts.push(Part::Link { label: "코어 시스템 상태", url });
            (subject, parts)
        }
    };
    Words { subject: subject.to_owned(), parts }
}
