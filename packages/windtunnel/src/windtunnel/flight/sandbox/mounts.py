"""What a sandbox shows of the file system: the same absolute paths as outside, and nothing that is not named here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from windtunnel.errors import FlightError
from windtunnel.flight.sandbox.interpreter import editable_sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind = Literal["read-only", "writable", "hidden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """The paths of one flight, inside as outside. A deeper path goes before a higher one, whatever its kind.

    Attributes:
        python: the interpreter that commands are flown with.
        read_only: what may be read: the interpreter, the environment, sources that are installed as editable, others.
        writable: the copy of the repository, its home, its folder for temporary files, the results folder.
        hidden: below a writable folder, what is neither seen nor changed: an empty folder that cannot be written to.
        guarded: below a writable folder, files that are seen and cannot be changed.
        sockets: unix sockets that can be connected to.
    """

    python: Path
    read_only: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    guarded: tuple[Path, ...] = ()
    sockets: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """One step in making the file system: at ``path``, a link to ``target`` or what ``kind`` says.

    Attributes:
        path: absolute, and without links in its parents.
        kind: what it is.
        target: where a link leads.
    """

    path: Path
    kind: Kind | Literal["link"]
    target: str = ""


def environment_mounts(
    python: Path,
    *,
    prefix: Path,
    base_prefix: Path,
    read_only: Iterable[Path] = (),
    writable: Iterable[Path] = (),
    hidden: Iterable[Path] = (),
    guarded: Iterable[Path] = (),
    sockets: Iterable[Path] = (),
) -> Mounts:
    """Return the mounts of a flight in the environment of ``python``, whether this windtunnel runs in it or not.

    Args:
        python: the environment's interpreter.
        prefix: its ``sys.prefix``.
        base_prefix: its ``sys.base_prefix``.
        read_only: further paths to show, such as the observer's folder.
        writable: see :class:`Mounts`.
        hidden: see :class:`Mounts`.
        guarded: see :class:`Mounts`.
        sockets: see :class:`Mounts`.

    Raises:
        FlightError: one of the paths would show the user's whole home.
    """
    shown = (prefix, base_prefix, *_collections(base_prefix), *editable_sources(prefix, base_prefix), *read_only)
    return Mounts(
        python=python,
        read_only=tuple(dict.fromkeys(shown)),
        writable=tuple(writable),
        hidden=tuple(hidden),
        guarded=tuple(guarded),
        sockets=tuple(sockets),
    )


# package managers whose interpreter needs libraries that lie beside it, each in a folder of its own
_COLLECTIONS = (Path("/nix/store"), Path("/gnu/store"), Path("/home/linuxbrew/.linuxbrew"))
# what every sandbox shows of the system anyway, see system.py
SYSTEM = (Path("/usr"), Path("/bin"), Path("/sbin"), Path("/lib"), Path("/lib32"), Path("/lib64"), Path("/libx32"))


def _collections(base_prefix: Path) -> list[Path]:
    return [folder for folder in _COLLECTIONS if base_prefix.resolve().is_relative_to(folder)]


def places(mounts: Mounts) -> list[Place]:
    """Return the steps that make the file system of ``mounts``, in an order in which each finds its parents.

    Raises:
        FlightError: one of the paths would show the user's whole home, or does not exist.
    """
    home = Path.home().resolve()
    wanted: list[tuple[Path, Kind]] = [
        *((path, "read-only") for path in (*mounts.read_only, *mounts.guarded, *mounts.sockets)),
        *((path, "writable") for path in mounts.writable),
        *((path, "hidden") for path in mounts.hidden),
    ]
    found: dict[Path, Place] = {}
    links: dict[Path, Place] = {}
    for path, kind in wanted:
        if kind != "hidden" and not path.exists():
            raise FlightError(f"{path} does not exist, and the sandbox should show it; make it, or leave it out")
        real = path.resolve()
        if kind != "hidden" and home.is_relative_to(real):
            raise FlightError(
                f"{path} holds the user's home ({home}), which the sandbox does not show; "
                "move what the flight needs to a folder of its own"
            )
        if kind == "read-only" and any(real.is_relative_to(folder) for folder in SYSTEM):
            continue
        links.update({link.path: link for link in _links(path)})
        if found.get(real, Place(real, "read-only")).kind == "read-only":
            found[real] = Place(real, kind)
    links.update({link.path: link for link in _links(mounts.python)})
    covered = [*SYSTEM, *(place.path for place in found.values() if place.kind != "hidden")]
    needed = [link for link in links.values() if not any(link.path.is_relative_to(path) for path in covered)]
    return sorted([*found.values(), *needed], key=lambda place: (len(place.path.parts), place.path))


def _links(path: Path) -> Iterator[Place]:
    """Yield every symbolic link on the way to ``path``, each at a path whose parents are no links."""
    real = Path(path.anchor)
    parts = list(path.absolute().parts[1:])
    followed = 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            real = real.parent
            continue
        step = real / part
        if not step.is_symlink():
            real = step
            continue
        followed += 1
        if followed > 40:  # as many as the kernel follows
            return
        target = step.readlink()
        yield Place(step, "link", str(target))
        if target.is_absolute():
            real = Path(target.anchor)
        parts = [*(part for part in target.parts if part != target.anchor), *parts]
