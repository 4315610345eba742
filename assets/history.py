"""Dagster's history of events in SQLite, as Dagster keeps it, with connections that stay open.

Dagster opens each of its databases anew for every event, and waits for the disk, which costs several times what writing
the event does; a hub has a dozen events at each pull. Here a write is safe once the system has it: a power cut may lose
the last events of the history, and never damages it. What hubs sent and what was decided is in the store, which does
wait. The files are the same: an instance may change from one class to the other at any time.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import StringSource
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

FOLDER = "history/runs"
"""Where Dagster keeps the databases, from the home of the instance."""
INDEX = "index"
"""The database over all runs; each run has one of its own beside it."""
MOST_OPEN = 16
"""Databases of runs that stay open at once, the last ones used."""
BUSY_SECONDS = 60
"""How long a write waits for that of another process."""


class OpenEventLog(SqliteEventLogStorage):
    """The same storage over databases that stay open. ``home`` is the home of the instance."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "OpenEventLog":
        return cls(str(Path(config_value["home"]) / FOLDER), inst_data)

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        """The engine over a database, which is made when it is first asked for. To be called by who has the lock."""
        if shard not in self._engines:
            # One connection, which the lock keeps to one thread at a time.
            arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
            engine = create_engine(self.conn_string_for_shard(shard), poolclass=StaticPool, connect_args=arguments)
            event.listen(engine, "connect", _do_not_wait_for_the_disk)
            self._initdb(engine)
            self._engines[shard] = engine
        self._engines.move_to_end(shard)
        runs = [name for name in self._engines if name != INDEX]
        for name in runs[:-MOST_OPEN]:
            self._engines.pop(name).dispose()
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        # Asked before each event of a check. Tables that are there stay.
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def wipe(self) -> None:
        self._close()
        super().wipe()

    def dispose(self) -> None:
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
