"""The process that judges one file for the intake: a task on standard input, a report in its working folder.

Started by ``judging`` with nothing but its task: no secret, no open socket, and limits that it sets itself before it
looks at the file. What it prints on standard error names places in the code, never anything of the feed.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import sys
import threading
import traceback
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from pipelines.intake.judging import PAGE, REPORT, TOO_MUCH

MAX_FILES_OPEN = 1024


def main() -> None:
    """Do the task. Ends with 0 when there is a report, with ``TOO_MUCH`` when memory or disk were refused."""
    sys.excepthook = _tell_where
    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_intake, daemon=True).start()
    for limit, value in (
        (resource.RLIMIT_CPU, task["cpu_seconds"]),
        (resource.RLIMIT_AS, task["memory_bytes"]),
        (resource.RLIMIT_FSIZE, task["disk_bytes"]),
        (resource.RLIMIT_NOFILE, MAX_FILES_OPEN),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing then fails with EFBIG, which says more
    try:
        _judge(task)
    except MemoryError:
        sys.exit(TOO_MUCH)
    except OSError as error:
        if error.errno in (errno.EFBIG, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT):
            sys.exit(TOO_MUCH)
        raise


def _judge(task: dict[str, Any]) -> None:
    # After the limits are set, for they are about these too.
    from hubs.check import json_text, refusal_json, report_json
    from hubs.check_html import report_html
    from hubs.instruments import instruments
    from hubs.registration import Registration, unregistered
    from pipelines.check import check

    path, name = Path(task["path"]), task["name"]
    is_known = task["registration"] is not None
    registration = Registration.model_validate(task["registration"]) if is_known else unregistered(name)
    banks = instruments(*map(Path, task["instruments"]))
    now, scratch = datetime.fromisoformat(task["now"]), Path("scratch")
    scratch.mkdir()
    checked = check(str(path), registration, banks, now, scratch.resolve())
    if checked.refusal is not None:
        report, page = refusal_json(*checked.refusal), ""
    elif checked.verdict is not None:
        report, page = report_json(checked.verdict), report_html(checked.verdict, name, now, checked.digest)
    Path(PAGE).write_text(page, encoding="utf-8")
    Path(REPORT).write_text(json_text(report), encoding="utf-8")


def _end_with_the_intake() -> None:
    """Wait for the end of standard input, which comes when the intake dies; then go, with all that was started."""
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


def _tell_where(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
    """Instead of a traceback: the error's kind and where it came from. Its message may quote the feed."""
    frames = "\n".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(trace)[-8:])
    sys.stderr.write(f"{kind.__name__}\n{frames}\n")


if __name__ == "__main__":
    main()
