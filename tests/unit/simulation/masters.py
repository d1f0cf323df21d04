"""A master's process: the real state machine with its election, its registry and its streams."""

from __future__ import annotations

from random import Random

from mesosctl.runtime import internal
from mesosctl.runtime.coordination.registry import Changes
from mesosctl.runtime.master.actions import Abort, Action, CloseAgent, CloseScheduler, Persist, ToAgent, ToScheduler
from mesosctl.runtime.master.allocator import Options
from mesosctl.runtime.master.core import Master, check_call
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.scheduler import Call
from tests.unit.simulation.books import Books
from tests.unit.simulation.coordination import ZooKeeper
from tests.unit.simulation.world import DiedError, Process, Stream, World

_STORE_TIMEOUT_SECONDS = 20.0


class MasterProcess(Process):
    def __init__(self, world: World, zookeeper: ZooKeeper, books: Books, host: str, run: int) -> None:
        super().__init__(world, host)
        self.name = f"{host}.{run}"
        self._zookeeper = zookeeper
        self._books = books
        self._streams: dict[str, Stream] = {}
        self._count = 0
        self._epoch = 0
        self._writing = False
        self.ready = False
        info = MasterInfo(id=self.name, ip=0, port=5050, hostname=host)
        options = MasterOptions(
            info=info,
            allocation=Options(allocation_interval=5.0),
            offer_timeout=world.random.choice([None, 20.0]),
            agent_ping_timeout=5.0,
            max_agent_ping_timeouts=4,
            agent_reregister_timeout=60.0,
            agent_removal_interval=world.random.choice([0.0, 10.0]),
        )
        self.master = Master(options, self, self._carry_out)
        self.master.state.allocator._random = Random(world.random.random())
        world.clock.after(world.between(0, 2), lambda: self.run(lambda: zookeeper.enter(self)))

    def __str__(self) -> str:
        return self.name

    def kill(self) -> None:
        if not self.alive:
            return
        super().kill()
        self.ready = False
        self._books.master_died(self.name)
        for stream in self._streams.values():
            stream.close_server()
        self._streams.clear()

    # Leadership.

    def elected(self) -> None:
        """ZooKeeper says that this one leads."""
        self.world.clock.after(self.world.latency(), lambda: self.run(self._take_over))

    def _take_over(self) -> None:
        if not self._zookeeper.reaches(self):
            self.after(1.0, self._take_over)
            return
        if self._zookeeper.leader is not self:
            raise DiedError("deposed before it led")
        self._epoch, content = self._zookeeper.take_over(self)
        self.world.log(self.name, "takes over, epoch", self._epoch)
        self.after(self.world.latency(), lambda: self._lead(content))

    def _lead(self, content: dict[str, bytes]) -> None:
        self.master.recover(content)
        self.master.start()
        self.ready = True

    def guard(self) -> None:
        if self.ready and not self._zookeeper.valid(self):
            raise DiedError("lost leadership")

    # What it wants done.

    def _carry_out(self, action: Action) -> None:
        self.guard()
        match action:
            case ToScheduler(stream_id, event):
                self._books.to_scheduler(self.name, stream_id, event)
                if stream := self._streams.get(stream_id):
                    client = stream.client
                    stream.send(lambda: client.event(event))
            case ToAgent(stream_id, message):
                self._books.to_agent(self.name, stream_id, message)
                self.world.log(self.name, "->", stream_id, message)
                if stream := self._streams.get(stream_id):
                    client = stream.client
                    stream.send(lambda: client.from_master(message))
            case CloseScheduler(stream_id) | CloseAgent(stream_id):
                if stream := self._streams.get(stream_id):
                    stream.close_server()
                    self.after(0, lambda: self._ended(stream_id))
            case Abort(reason):
                raise DiedError(reason)
            case Persist(changes):
                assert not self._writing
                self._writing = True
                deadline = self.now() + _STORE_TIMEOUT_SECONDS
                self.after(self.world.latency(), lambda: self._write(changes, deadline))

    def _write(self, changes: Changes, deadline: float) -> None:
        if not self._zookeeper.reaches(self):
            if self.now() > deadline:
                raise DiedError("cannot write the registry")
            self.after(1.0, lambda: self._write(changes, deadline))
            return
        if not self._zookeeper.write(self, self._epoch, changes):
            raise DiedError("another master has taken the registry over")
        self.after(self.world.latency(), self._persisted)

    def _persisted(self) -> None:
        self.guard()
        self._writing = False
        self.master.persisted()

    # What clients ask for.

    def serve_subscribe(self, client, call: Call) -> Stream | None:
        """None where this one does not lead."""
        self.guard()
        if not self.ready:
            return None
        stream_id = self._open(client)
        self.master.subscribe(stream_id, call)
        return self._streams.get(stream_id)

    def serve_call(self, stream_id: str, call: Call) -> int:
        self.guard()
        if not self.ready:
            return 307
        try:
            check_call(call)
            framework = self.master.framework_for(call, stream_id)
            self._books.called(self.name, framework.id, call)
            return self.master.call(framework, call)
        except Refusal as refusal:
            return refusal.status

    def serve_agent(self, client, message: internal.Register) -> Stream | None:
        self.guard()
        if not self.ready:
            return None
        stream_id = self._open(client)
        self._books.registering(self.name, stream_id, message)
        self.master.register_agent(stream_id, client.host, message)
        return self._streams.get(stream_id)

    def serve_message(self, stream_id: str, message: internal.FromAgent) -> None:
        """What it does not take ends the connection."""
        self.guard()
        if (stream := self._streams.get(stream_id)) is None:
            return
        try:
            if stream_id in self.master.state.agents_by_stream:
                self._books.from_agent(self.name, stream_id, message)
            self.master.agent_message(stream_id, message)
        except Refusal:
            stream.close_server()
            self.after(0, lambda: self._ended(stream_id))

    def _open(self, client) -> str:
        self._count += 1
        stream_id = f"{self.name}/{client.name}/{self._count}"
        stream = Stream(self.world, client, self, lambda: client.ended(stream_id), lambda: self._ended(stream_id))
        stream.id, stream.client = stream_id, client
        self._streams[stream_id] = stream
        return stream_id

    def _ended(self, stream_id: str) -> None:
        if self._streams.pop(stream_id, None) is None:
            return
        self._books.disconnected(self.name, stream_id)
        self.master.scheduler_disconnected(stream_id)
        self.master.agent_disconnected(stream_id)
