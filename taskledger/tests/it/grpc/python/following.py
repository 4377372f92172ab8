"""The log, followed and consumed."""

import json
import queue
import time
import uuid

import grpc

from calling import PATIENCE, channel, details, until
from further import create
from taskledger.v1 import events_pb2, events_pb2_grpc, tasks_pb2, tasks_pb2_grpc

tasks = tasks_pb2_grpc.TasksStub(channel)
events = events_pb2_grpc.EventsStub(channel)
Move = tasks_pb2.TransitionRequest
Nack = events_pb2.Nack


def walk(me):
    task = create(me, "Launch the boat")
    started = until(tasks.Start, Move(id=task.id), **me)
    place = follows(me, task, started)
    consumes(me, task, place)


def follows(me, task, started):
    """From a place to the end and on as it grows; then from where that ended."""
    interest = events_pb2.Interest(aggregate=task.id)
    stream = events.Subscribe(events_pb2.SubscribeRequest(after=0, interest=interest), **me)
    seen = []
    for message in stream:
        what = message.WhichOneof("message")
        if what == "event":
            seen.append(message.event)
        elif what == "caught_up":
            place = message.caught_up
            break
    assert [event.type for event in seen] == ["task.created.v1", "task.started.v1"], seen
    assert [event.position for event in seen] == [task.position, started.position] and place.after >= started.position
    event = seen[0]
    assert (event.specversion, event.subject, event.aggregateversion) == ("1.0", task.id, 1), event
    assert json.loads(event.data)["title"] == "Launch the boat" and event.authtype == "user", event
    done = until(tasks.Complete, Move(id=task.id), **me)
    live = next(message.event for message in stream if message.WhichOneof("message") == "event")
    assert (live.position, live.type) == (done.position, "task.completed.v1"), live
    stream.cancel()

    again = events_pb2.SubscribeRequest(after=place.after, epoch=place.epoch, interest=interest)
    stream = events.Subscribe(again, **me)
    first = next(message.event for message in stream if message.WhichOneof("message") == "event")
    assert first == live, first
    stream.cancel()
    other_log = events_pb2.SubscribeRequest(after=place.after, epoch=str(uuid.uuid4()))
    try:
        next(events.Subscribe(other_log, **me))
        raise AssertionError("it is a place of another log")
    except grpc.RpcError as error:
        seen = (error.code(), details(error)["ErrorInfo"].reason)
        assert seen == (grpc.StatusCode.OUT_OF_RANGE, "POSITION_EXPIRED"), seen
    return place


class Member:
    """One who consumes a group."""

    def __init__(self, me, group):
        self.said = queue.Queue()
        self.say(start=events_pb2.StartConsuming(group=group, max_in_flight=10))
        self.heard = events.Consume(iter(self.said.get, None), **me)
        first = next(self.heard)
        assert first.started.max_in_flight == 10, first

    def say(self, **message):
        self.said.put(events_pb2.ConsumeRequest(**message))

    def delivery(self):
        """The next event and which attempt it is."""
        for message in self.heard:
            if message.WhichOneof("message") == "delivery":
                return message.delivery.event, message.delivery.attempt
        raise AssertionError("it has ended")

    def leave(self):
        """What was said is heard, then it is over."""
        self.said.put(None)
        for _ in self.heard:
            pass


def becomes(me, name, good):
    """The group, when it is as it should be: what was answered is written down a little later."""
    end = time.monotonic() + PATIENCE
    while True:
        group = until(events.GetConsumerGroup, events_pb2.GetConsumerGroupRequest(name=name), **me)
        if good(group):
            return group
        assert time.monotonic() < end, group


def consumes(me, task, place):
    """A group hands out the events of one task in their order: done, once more, aside, and never."""
    name = f"walk-{uuid.uuid4()}"
    made = events_pb2.MakeConsumerGroupRequest(name=name, aggregate=task.id, start="beginning")
    assert until(events.MakeConsumerGroup, made, **me).epoch == place.epoch
    member = Member(me, name)
    event, attempt = member.delivery()
    assert (event.type, attempt) == ("task.created.v1", 1), event
    again = Nack(position=event.position, action=Nack.RETRY, reason="not now")
    again.delay.FromMilliseconds(0)
    member.say(nack=again)
    same, attempt = member.delivery()
    assert (same, attempt) == (event, 2), (same, attempt)
    member.say(ack=events_pb2.Ack(positions=[event.position]))
    event, attempt = member.delivery()
    assert (event.type, attempt) == ("task.started.v1", 1), event
    member.say(nack=Nack(position=event.position, action=Nack.PARK, reason="broken"))
    member.leave()

    becomes(me, name, lambda group: group.parked == 1 and not group.consumed)
    parked = until(events.ListParked, events_pb2.ListParkedRequest(name=name), **me).items
    assert [(one.position, one.reason, one.subject) for one in parked] == [(event.position, "broken", task.id)], parked
    replayed = until(events.ReplayParked, events_pb2.ReplayParkedRequest(name=name), **me)
    assert replayed.events == 1, replayed
    member = Member(me, name)
    same, attempt = member.delivery()
    assert (same, attempt) == (event, 2), (same, attempt)
    member.say(ack=events_pb2.Ack(positions=[event.position]))
    event, _ = member.delivery()
    assert event.type == "task.completed.v1", event
    member.say(nack=Nack(position=event.position, action=Nack.SKIP))
    member.leave()
    done = becomes(me, name, lambda group: group.skipped == 1 and group.position >= event.position)
    assert (done.parked, done.waiting) == (0, 0), done
    events.DeleteConsumerGroup(events_pb2.DeleteConsumerGroupRequest(name=name), **me)
