//! Comments.

use super::Decided;
use crate::{
    ids::CommentId,
    task::{
        Comment, CommentEdited, CommentEntry, Commented, Task, TaskContext, TaskError, TaskEvent,
        rules::Rules,
        values::{MAX_COMMENTS, Markdown},
    },
};

impl Task {
    pub(super) fn add_comment(&self, comment: CommentId, text: Markdown, context: &TaskContext) -> Decided {
        let author = context.actor.id().ok_or(TaskError::Forbidden)?;
        if let Some(standing) = self.comments.get(&comment) {
            let same = standing.author == author && standing.digest == text.digest();
            return if same { Ok(Vec::new()) } else { Err(TaskError::IdTaken) };
        }
        let mut rules = Rules::new(context);
        rules.at_most("comments", self.comments.len() + 1, MAX_COMMENTS);
        rules.finish()?;
        Ok(vec![TaskEvent::Commented(Commented { comment, author, text })])
    }

    pub(super) fn edit_comment(&self, comment: CommentId, to: Markdown) -> Decided {
        let standing = self.comment(comment)?;
        if standing.digest == to.digest() {
            return Ok(Vec::new());
        }
        Ok(vec![TaskEvent::CommentEdited(CommentEdited { comment, from: standing.set_by, to })])
    }

    pub(super) fn delete_comment(&self, comment: CommentId) -> Decided {
        self.comment(comment)?;
        Ok(vec![TaskEvent::CommentDeleted(CommentEntry { comment })])
    }

    fn comment(&self, id: CommentId) -> Result<&Comment, TaskError> {
        self.comments.get(&id).ok_or(TaskError::CommentNotFound)
    }
}
