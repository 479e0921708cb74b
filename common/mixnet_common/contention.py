"""When CPU time is compared instead of wall-clock time: if other programs occupied the cores."""

STARVED = 0.10
"""Share of the time without a core, from which a measurement is of the other programs too."""


def needs_cpu_time(wall: float, cpu: float, threads: int) -> bool:
    """Whether CPU time must stand in for time: one thread, often without a core.

    How long it waits for a core is the other programs' doing, and drowns everything else; with a
    core of its own, a thread's CPU time is its latency. Of several threads this can't be said, nor
    if the system reports no CPU time. Both are sums over all compared files, in one unit.

    >>> needs_cpu_time(10.0, 8.5, 1), needs_cpu_time(10.0, 9.5, 1), needs_cpu_time(10.0, 8.5, 2)
    (True, False, False)
    """
    return threads == 1 and 0 < cpu < (1 - STARVED) * wall
