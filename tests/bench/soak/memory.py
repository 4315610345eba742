"""How much memory a process and its children take while something else goes on."""

from __future__ import annotations

import threading

import psutil


class Memory(threading.Thread):
    """The most that a process and its children have had at once: resident bytes summed, shared ones counted often."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root, self._over = psutil.Process(pid), threading.Event()
        self.most, self.most_of_server = 0, 0

    def run(self) -> None:
        while not self._over.wait(0.05):
            try:
                family = [self._root, *self._root.children(recursive=True)]
                sizes = [member.memory_info().rss for member in family]
            except psutil.NoSuchProcess:
                continue
            self.most, self.most_of_server = max(self.most, sum(sizes)), max(self.most_of_server, sizes[0])

    def stop(self) -> None:
        self._over.set()
        self.join()
