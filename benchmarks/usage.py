"""What a server takes of the box, its children included."""

from dataclasses import dataclass

import psutil

from servers import Server


@dataclass(frozen=True, slots=True)
class Usage:
    """resident: memory in MB (1,000,000 bytes). descriptors: of open files, sockets and pipes."""

    resident: float
    threads: int
    descriptors: int


def usage_of(server: Server) -> Usage:
    """What the server takes now."""
    processes = processes_of(server)
    return Usage(
        sum(int(process.memory_info().rss) for process in processes) / 1e6,
        sum(int(process.num_threads()) for process in processes),
        sum(int(process.num_fds()) for process in processes),
    )


def processes_of(server: Server) -> list[psutil.Process]:
    """The server's process and its children."""
    process = psutil.Process(server.pid)
    return [process, *process.children(recursive=True)]
