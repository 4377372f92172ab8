"""What else a task lives through: it is given up and begun anew, has people, parts and relations, goes back, is deleted and comes
back, alone and in batches."""

import uuid

import grpc
from google.protobuf import struct_pb2

from calling import channel, refused, until
from taskledger.v1 import task_queries_pb2, task_queries_pb2_grpc, tasks_pb2, tasks_pb2_grpc

tasks = tasks_pb2_grpc.TasksStub(channel)
queries = task_queries_pb2_grpc.TaskQueriesStub(channel)
Code = grpc.StatusCode
Move = tasks_pb2.TransitionRequest
People = tasks_pb2.AssigneesRequest
Watchers = tasks_pb2.WatchersRequest
Relation = tasks_pb2.RelationRequest
Delete = tasks_pb2.DeleteTaskRequest
Undelete = tasks_pb2.UndeleteTaskRequest


def create(me, title):
    return until(tasks.Create, tasks_pb2.CreateTaskRequest(title=title, request_id=str(uuid.uuid4())), **me)


def read(me, task, position):
    return until(queries.Get, task_queries_pb2.GetTaskRequest(id=task, min_position=position), **me)


def walk(me, my_id):
    task, other = create(me, "Paint the hull"), create(me, "Buy paint")

    def do(call, request, **set):
        return until(call, request(id=task.id, **set), **me)

    def state(reply):
        return read(me, task.id, reply.position)

    # Given up and begun anew; what is so already stays as it is.
    cancelled = do(tasks.Cancel, Move, reason="too cold")
    assert (cancelled.status, list(cancelled.allowed)) == ("cancelled", ["reopen"]), cancelled
    assert do(tasks.Cancel, Move).version == cancelled.version
    refused(Code.FAILED_PRECONDITION, "TRANSITION_NOT_ALLOWED", tasks.Start, Move(id=task.id), **me)
    reopened = do(tasks.Reopen, Move)
    assert reopened.status == "waiting" and set(reopened.allowed) == {"start", "hold", "complete", "cancel"}, reopened

    # Its people.
    assert [person.id for person in do(tasks.Assign, People, assignees=[my_id]).assignees] == [my_id]
    assert not state(do(tasks.Unassign, People, assignees=[my_id])).assignees
    assert my_id in state(do(tasks.Watch, Watchers, watchers=[my_id])).watchers
    assert my_id not in state(do(tasks.Unwatch, Watchers, watchers=[my_id])).watchers

    # Its parts.
    item = do(tasks.AddChecklistItem, tasks_pb2.AddChecklistItemRequest, text="Sand it").checklist[0]
    assert (item.text, item.done) == ("Sand it", False), item
    edited = do(tasks.EditChecklistItem, tasks_pb2.EditChecklistItemRequest, item=item.id, text="Sand it well", done=True)
    assert [(one.text, one.done) for one in state(edited).checklist] == [("Sand it well", True)]
    assert not state(do(tasks.RemoveChecklistItem, tasks_pb2.RemoveChecklistItemRequest, item=item.id)).checklist
    comment = do(tasks.AddComment, tasks_pb2.AddCommentRequest, text="Red?").comment.id
    last = do(tasks.EditComment, tasks_pb2.EditCommentRequest, comment=comment, text="Blue?")
    asked = task_queries_pb2.ListCommentsRequest(id=task.id, min_position=last.position)
    assert [one.text for one in until(queries.ListComments, asked, **me).items] == ["Blue?"]
    assert state(do(tasks.DeleteComment, tasks_pb2.DeleteCommentRequest, comment=comment)).comment_count == 0

    # What it has to do with others.
    related = state(do(tasks.AddRelation, Relation, type="blocks", task=other.key))
    assert [(one.type, one.task) for one in related.relations] == [("blocks", other.id)], related
    back = Relation(id=other.id, type="blocks", task=task.id)
    refused(Code.FAILED_PRECONDITION, "CYCLE", tasks.AddRelation, back, **me)
    gone = do(tasks.RemoveRelation, tasks_pb2.RemoveRelationRequest, type="blocks", task=other.id)
    assert not state(gone).relations

    # Back to an earlier version.
    do(tasks.Update, tasks_pb2.UpdateTaskRequest, title="Paint all of it", priority="urgent")
    rolled = state(do(tasks.RollBack, tasks_pb2.RollBackTaskRequest, version=task.version))
    assert (rolled.title, rolled.priority) == ("Paint the hull", "normal"), rolled
    never = tasks_pb2.RollBackTaskRequest(id=task.id, version=10**6)
    refused(Code.INVALID_ARGUMENT, "VALIDATION_FAILED", tasks.RollBack, never, **me)

    # Deleted and brought back.
    refused(Code.FAILED_PRECONDITION, "NOT_DELETED", tasks.Undelete, Undelete(id=task.id), **me)
    deleted = do(tasks.Delete, Delete)
    assert deleted.purge_time.seconds > deleted.delete_time.seconds > 0, deleted
    refused(Code.NOT_FOUND, "NOT_FOUND", tasks.Delete, Delete(id=task.id), **me)
    assert state(deleted).delete_time == deleted.delete_time
    listed = task_queries_pb2.ListTasksRequest(creator=[my_id], page_size=1000, min_position=deleted.position)
    assert task.id not in [one.id for one in until(queries.List, listed, **me).items]
    back = state(do(tasks.Undelete, Undelete))
    assert back.title == "Paint the hull" and not back.HasField("delete_time"), back

    batch(me, task)


def command(op, data=None, **more):
    fields = struct_pb2.Struct()
    fields.update(data or {})
    return tasks_pb2.BatchCommand(op=op, data=fields, **more)


def batch(me, task):
    """Several at once: all or none, or each by itself."""
    commands = [
        command("create", {"title": "Varnish", "labels": ["harbour"]}, temp_id="new"),
        command("start", id="new"),
        command("add_comment", {"text": "After the paint."}, id="new"),
    ]
    request = tasks_pb2.BatchRequest(atomic=True, commands=commands, request_id=str(uuid.uuid4()))
    reply = until(tasks.Batch, request, **me)
    assert [result.status for result in reply.results] == [201, 200, 200], reply
    assert until(tasks.Batch, request, **me) == reply
    varnish = read(me, reply.temp_ids["new"], reply.position)
    assert (varnish.status, varnish.comment_count, list(varnish.labels)) == ("in_progress", 1, ["harbour"]), varnish

    mixed = [command("complete", id=task.id), command("resume", id=task.id), command("start", id=str(uuid.uuid4()))]
    request = tasks_pb2.BatchRequest(atomic=False, commands=mixed, request_id=str(uuid.uuid4()))
    results = until(tasks.Batch, request, **me).results
    seen = [(result.status, dict(result.problem).get("code")) for result in results]
    assert seen == [(200, None), (409, "TRANSITION_NOT_ALLOWED"), (404, "NOT_FOUND")], seen
    request = tasks_pb2.BatchRequest(atomic=True, commands=mixed[1:], request_id=str(uuid.uuid4()))
    refused(Code.FAILED_PRECONDITION, "TRANSITION_NOT_ALLOWED", tasks.Batch, request, **me)
