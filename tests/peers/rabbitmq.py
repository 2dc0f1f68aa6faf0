"""Debian's rabbitmq-server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.program import RunningProgram, find_program, free_port, server_folder


@contextmanager
def rabbitmq_server() -> Iterator[RunningProgram]:
    """Run a RabbitMQ node of its own name, with its own port mapper, so that it meets no other."""
    program = find_program("rabbitmq-server", package="rabbitmq-server", folders=["/usr/lib/rabbitmq/bin"])
    # Debian's wrapper in /usr/sbin insists on the system's own user and folders.
    program = program.replace("/usr/sbin/", "/usr/lib/rabbitmq/bin/")
    port, mapper_port = free_port(), free_port()
    with server_folder() as folder:
        (folder / "plugins").write_text("[].")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\ndisk_free_limit.absolute = 10MB\n"
            "vm_memory_high_watermark.relative = 0.9\n"
        )
        environment = {
            "HOME": str(folder),  # the Erlang cookie
            "ERL_EPMD_PORT": str(mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"cxr{port}@localhost",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        mapper = RunningProgram(
            [find_program("epmd", package="erlang-base"), "-port", str(mapper_port), "-address", "127.0.0.1"],
            folder=folder,
            port=mapper_port,
        )
        server = RunningProgram([program], folder=folder, port=port, environment=environment)
        try:
            mapper.start()
            server.start()
            yield server
        finally:
            server.kill()
            mapper.kill()
