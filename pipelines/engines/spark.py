"""Counting by Spark: on this machine, or on the executors of the cluster whose master a setting names.

Executors read the store at the same path as this process (a shared folder); nothing is written there but by this
process. What Spark listens to when it is on its own machine is loopback; its web page, which has no log-in, is off.
Anything else that a cluster wants is set where Spark looks for it (``spark-defaults.conf``, ``SPARK_CONF_DIR``).
"""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as everybody calls it

from pipelines.engines.frames import FILE, POSITION, Frame, Frames
from pipelines.settings import SPARK_MASTER, UnusableSettings

# It says so when it is imported, and is asked for nothing that has to do with pandas.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)

_UNWRITTEN = re.compile(r'[\x00-\x20"<>\[\]\\^`{|}#?%\x7f]')
"""Characters that Java does not write in the path of an address as they are."""
_GLOB = re.compile(r"([\\*?\[\]{}])")


class Spark(Frames):
    """Spark, whose session begins with the first count and ends with this process."""

    name = "spark"

    def __init__(self, master: str) -> None:
        self.master = master

    @contextmanager
    def opened(self) -> Iterator[_Session]:
        session = _Session(self._session())
        try:
            yield session
        finally:
            session.forget()

    def executors_n(self) -> int:
        """How many processes work for the session, which begins if there is none."""
        known: Any = self._session().sparkContext._jsc.sc().statusTracker().getExecutorInfos()
        return len(known) - 1  # and the driver

    def stop(self) -> None:
        """End the session, and what Spark has started for it."""
        if (session := SparkSession.getActiveSession()) is not None:
            session.stop()

    def _session(self) -> SparkSession:
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            raise UnusableSettings("counting = 'spark': needs Java 17 or newer, as in Debian's default-jre-headless")
        builder = SparkSession.builder.master(self.master).appName("hubpacks").config(map=_SETTINGS)
        if self.master.startswith("local"):
            builder = builder.config(map=_ALONE).config("spark.driver.memory", f"{_half_of_memory_mb()}m")
        try:
            return builder.getOrCreate()
        except PySparkRuntimeError as error:
            raise UnusableSettings(f"{SPARK_MASTER} = {self.master!r}: Spark does not start: {error}") from error


_SETTINGS: dict[str, str | int | float | bool | None] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a number that does not fit is an error, not another number
    "spark.driver.maxResultSize": "0",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
_ALONE: dict[str, str | int | float | bool | None] = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",  # Spark's own 200 are for clusters, and each takes its time
}


def _half_of_memory_mb() -> int:
    """Spark's own limit, 1 GB, is too little for 20 million answers; the other half is for this process."""
    return max(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 // 2**20, 1024)


class _Session:
    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._kept: list[DataFrame] = []

    def read(self, paths: Sequence[Path], columns: Sequence[str]) -> Frame:
        whole = [str(path.absolute()) for path in paths]
        read = self._spark.read.parquet(*("file://" + _GLOB.sub(r"\\\1", path) for path in whole))
        rows = read.select(
            *columns,
            F.regexp_replace(F.col("_metadata.file_path"), "^file:/+", "/").alias("path"),
            F.col("_metadata.row_index").alias(POSITION),
        )
        numbers = self.table({"path": [_as_java_writes(path) for path in whole], FILE: range(len(whole))})
        return nw.from_native(rows).join(numbers, on="path", how="left")

    def table(self, columns: Mapping[str, Sequence[Any]]) -> Frame:
        table = pa.table({name: pa.array(list(values)) for name, values in columns.items()})
        return nw.from_native(self._spark.createDataFrame(table))

    def keep(self, frame: Frame) -> Frame:
        kept: DataFrame = frame.to_native().persist()
        self._kept.append(kept)
        return nw.from_native(kept)

    def forget(self) -> None:
        """Let go of all that was kept."""
        for kept in self._kept:
            kept.unpersist()
        self._kept.clear()


def _as_java_writes(path: str) -> str:
    """The path as it stands in the address by which Spark names a file."""
    return _UNWRITTEN.sub(lambda found: f"%{ord(found[0]):02X}", path)
