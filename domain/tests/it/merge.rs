//! Which fields commands and events touch (`base_version`).

use domain::task::{
    Commented, EditTask, Field, TaskCommand, TaskEvent,
    values::{Priority, Progress, Transition},
};

use crate::given::{comment, creator, label, markdown, staffed, stranger, task, title, user, when};

fn fields(command: &TaskCommand) -> Vec<String> {
    command.fields().iter().map(Field::to_string).collect()
}

#[test]
fn an_edit_touches_what_it_names() {
    let edit = EditTask { title: Some(title("New")), due: Some(None), ..EditTask::default() };
    assert_eq!(fields(&TaskCommand::Edit(Box::new(edit))), ["title", "due"]);
    assert!(fields(&TaskCommand::Edit(Box::default())).is_empty());
}

#[test]
fn lists_of_people_and_comments_merge_entry_by_entry() {
    let assign = TaskCommand::Assign { assignees: vec![user(2)] };
    assert_eq!(fields(&assign), [format!("assignees/{}", user(2))]);
    let write = TaskCommand::AddComment { comment: comment(1), text: markdown("Hello") };
    let other = Commented { comment: comment(2), author: stranger(), text: markdown("Hello") };
    assert!(!write.fields().contains(&TaskEvent::Commented(other).field().unwrap()));
}

#[test]
fn a_command_touches_the_fields_of_its_events() {
    let edit = EditTask {
        title: Some(title("New")),
        priority: Some(Priority::Low),
        labels: Some(vec![label("new")]),
        parent: Some(Some(task(2))),
        ..EditTask::default()
    };
    let commands = [
        TaskCommand::Edit(Box::new(edit)),
        TaskCommand::Transition { transition: Transition::Cancel, reason: None },
        TaskCommand::Assign { assignees: vec![creator(), stranger()] },
        TaskCommand::Delete,
    ];
    for command in commands {
        let named = command.fields();
        let touched = when(&staffed(), command).inspect_result().unwrap();
        assert!(touched.iter().all(|event| named.contains(&event.field().unwrap())));
    }
    let progress = TaskCommand::SetProgress { progress: Progress::default() };
    assert_eq!(fields(&progress), ["progress"]);
}
