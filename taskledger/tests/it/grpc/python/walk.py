"""The whole life of a task over gRPC, with stubs that grpcio-tools makes of the .proto files.

walk.py PROTO_DIRECTORY HOST:PORT EMAIL PASSWORD
"""

import sys
import uuid

import grpc

from calling import channel, refused, until

import following
import further
from taskledger.v1 import (
    auth_pb2,
    auth_pb2_grpc,
    task_pb2,
    task_queries_pb2,
    task_queries_pb2_grpc,
    tasks_pb2,
    tasks_pb2_grpc,
    user_queries_pb2,
    user_queries_pb2_grpc,
)

auth = auth_pb2_grpc.AuthStub(channel)
tasks = tasks_pb2_grpc.TasksStub(channel)
queries = task_queries_pb2_grpc.TaskQueriesStub(channel)
users = user_queries_pb2_grpc.UserQueriesStub(channel)
Code = grpc.StatusCode

# Coming in.
refused(Code.UNAUTHENTICATED, "UNAUTHENTICATED", tasks.Create, tasks_pb2.CreateTaskRequest(title="x"))
wrong = auth_pb2.LoginRequest(email=sys.argv[3], password="not the password at all")
refused(Code.UNAUTHENTICATED, "INVALID_CREDENTIALS", auth.Login, wrong)
login = until(auth.Login, auth_pb2.LoginRequest(email=sys.argv[3], password=sys.argv[4]))
assert login.token_type == "Bearer" and not login.mfa_required
me = {"metadata": [("authorization", f"Bearer {login.access_token}")]}
assert until(users.GetMe, user_queries_pb2.GetMeRequest(), **me).id == login.user.id

# Creating it, once.
_, found = refused(
    Code.INVALID_ARGUMENT,
    "VALIDATION_FAILED",
    tasks.Create,
    tasks_pb2.CreateTaskRequest(title="t" * 201, priority="most", labels=["ok", ""]),
    **me,
)
fields = {violation.field: violation.reason for violation in found["BadRequest"].field_violations}
assert set(fields) == {"title", "priority", "labels[1]"}, fields
assert fields["title"] == "TOO_LONG", fields
new = tasks_pb2.CreateTaskRequest(
    title="Mend the boat",
    description="It *leaks*.",
    labels=["harbour"],
    due=task_pb2.Due(date="2027-03-01"),
    request_id=str(uuid.uuid4()),
)
created, call = tasks.Create.with_call(new, **me)
assert created.key.startswith("T-") and created.version == 1 and created.status == "waiting", created
assert dict(call.initial_metadata())["etag"] == '"1"'
again, call = tasks.Create.with_call(new, **me)
assert again == created and dict(call.initial_metadata())["idempotent-replayed"] == "true"
new.title = "Something else"
refused(Code.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED", tasks.Create, new, **me)


def do(call, request, **set):
    return until(call, request(id=created.key, **set), **me)


# Through its states.
Move = tasks_pb2.TransitionRequest
started = do(tasks.Start, Move, etag=str(created.version))
assert started.status == "in_progress" and list(started.allowed) == ["hold", "complete", "cancel"], started
_, found = refused(Code.ABORTED, "PRECONDITION_FAILED", tasks.Hold, Move(id=created.key, etag="1"), **me)
assert found["ErrorInfo"].metadata["current_version"] == str(started.version), found
held = do(tasks.Hold, Move, reason="no paint")
assert held.status == "on_hold" and held.version > started.version
_, found = refused(Code.FAILED_PRECONDITION, "TRANSITION_NOT_ALLOWED", tasks.Start, Move(id=created.key), **me)
assert found["ErrorInfo"].metadata["allowed"] == "resume,complete,cancel", found
assert found["PreconditionFailure"].violations[0].type == "TRANSITION_NOT_ALLOWED"
do(tasks.Resume, Move)
assigned = do(tasks.Assign, tasks_pb2.AssigneesRequest, assignees=[login.user.id])
assert [person.id for person in assigned.assignees] == [login.user.id]
assert do(tasks.SetProgress, tasks_pb2.SetProgressRequest, progress=60).progress == 60
assert do(tasks.SetProgress, tasks_pb2.SetProgressRequest, progress=0).progress == 0
comment = do(tasks.AddComment, tasks_pb2.AddCommentRequest, text="Half of it is dry.").comment.id
edit = tasks_pb2.UpdateTaskRequest(id=created.key, title="Mend the old boat", base_version=created.version)
edit.update_mask.paths.extend(["title", "due"])
edited = until(tasks.Update, edit, **me)
assert edited.title == "Mend the old boat" and not edited.HasField("due"), edited
edit.title = "Nobody saw the other one"
_, found = refused(Code.ABORTED, "FIELD_CONFLICT", tasks.Update, edit, **me)
assert "title" in found["ErrorInfo"].metadata["conflicting_fields"], found
done = do(tasks.Complete, Move)
assert done.status == "done"

# Reading what was written.
at = {"min_position": done.position}
read = until(queries.Get, task_queries_pb2.GetTaskRequest(id=created.id, **at), **me)
assert (read.version, read.status, read.title) == (done.version, "done", "Mend the old boat"), read
assert read.description == "It *leaks*." and list(read.labels) == ["harbour"] and read.progress == 0
assert read.assignees[0].name and not read.HasField("due") and read.create_time.seconds > 0
listed = until(queries.List, task_queries_pb2.ListTasksRequest(status=["done"], label=["harbour"], **at), **me)
assert [task.id for task in listed.items] == [created.id] and listed.position >= done.position
comments = until(queries.ListComments, task_queries_pb2.ListCommentsRequest(id=created.id, **at), **me)
assert [(item.id, item.text) for item in comments.items] == [(comment, "Half of it is dry.")]
history = until(queries.ListHistory, task_queries_pb2.ListTaskHistoryRequest(id=created.id, **at), **me)
assert history.items[0].changes[0].field == "status" and history.items[0].changes[0].new.string_value == "done"
assert history.items[-1].version == 1 and history.items[0].actor.id == login.user.id
ahead = task_queries_pb2.GetTaskRequest(id=created.id, min_position=10**12)
refused(Code.OUT_OF_RANGE, "POSITION_AHEAD", queries.Get, ahead, **me)
nowhere = task_queries_pb2.GetTaskRequest(id=str(uuid.uuid4()))
refused(Code.NOT_FOUND, "NOT_FOUND", queries.Get, nowhere, **me)

# What else there is to do with a task, and to hear of it.
further.walk(me, login.user.id)
following.walk(me)

# No longer than one waits.
try:
    tasks.Start(Move(id=created.key), timeout=0.000001, **me)
    raise AssertionError("answered in a microsecond")
except grpc.RpcError as error:
    assert error.code() == Code.DEADLINE_EXCEEDED, error

# Going out.
auth.Logout(auth_pb2.LogoutRequest(), **me)
refused(Code.UNAUTHENTICATED, "TOKEN_INVALID", tasks.Create, new, **me)
print("the whole life of a task")
