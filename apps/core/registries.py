"""Lists that the apps fill in `AppConfig.ready`, so that `core` serves them without knowing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """`check` returns None when all is well, else a sentence that says what is wrong."""

    name: str
    check: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class BootstrapStep:
    """Run by `up` after the migrations, in ascending `order`; must be safe to repeat."""

    name: str
    run: Callable[[], None]
    order: int


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure for `/metrics`, read when scraped; with `label`, a figure for each of its values."""

    name: str
    help: str
    read: Callable[[], float | Mapping[str, float]]
    label: str = ""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A task that beat enqueues every so many seconds; must be safe to run late, or twice."""

    name: str
    task_name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StorageCheck:
    """Stored bytes that `verify_storage` hashes again: `verify` yields None or a sentence for each."""

    name: str
    count: Callable[[], int]
    verify: Callable[[], Iterator[str | None]]


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What a worker of `queue` loads before it takes its first task."""

    name: str
    queue: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class DemoStep:
    """A part of `up --demo`, run in ascending `order` once the platform is ready."""

    name: str
    run: Callable[[], None]
    order: int


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """An ordered list of named entries; a name may be registered once."""

    def __init__(self) -> None:
        self._entries: dict[str, T] = {}

    def register(self, entry: T) -> None:
        """Add an entry; raises `ValueError` on a name already taken."""
        if entry.name in self._entries:
            raise ValueError(f"{entry.name!r} is registered twice.")
        self._entries[entry.name] = entry

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())


readiness_checks: Registry[ReadinessCheck] = Registry()
bootstrap_steps: Registry[BootstrapStep] = Registry()
gauges: Registry[Gauge] = Registry()
periodic_tasks: Registry[PeriodicTask] = Registry()
warm_ups: Registry[WarmUp] = Registry()
demo_steps: Registry[DemoStep] = Registry()
storage_checks: Registry[StorageCheck] = Registry()
