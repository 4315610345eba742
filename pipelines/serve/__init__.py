"""The published site over HTTP: a server for this machine and small sites, and a configuration of nginx for all others.

What both answer, and with which headers, is written once, in ``rules``. What is published is for ``publish``.
"""

from pipelines.serve.app import build, serve
from pipelines.serve.nginx import UnusableFolder, configuration

__all__ = ["UnusableFolder", "build", "configuration", "serve"]
