"""Settings of one configuration that exclude each other (criterion 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_DEEPEST = 8
_DEVICE = re.compile(r"device|accelerator|device_map")
_BITS = re.compile(r"load_in_(8|4)bit|use_(8|4)bit|int8|int4|qlora|quanti[sz]ed?|quanti[sz]ation")
_PRECISION = re.compile(r"precision|dtype|torch_dtype|quanti[sz]ation|quant_type|mixed_precision|bits")
_QUANTISED = re.compile(r"(int|nf|fp)?[48](-?bit)?|int8|int4|nf4|fp4|8bit|4bit", re.IGNORECASE)
_TOTAL = re.compile(r"(max|total|num_training)_steps")


@dataclass(frozen=True, slots=True)
class _Setting:
    keys: tuple[str, ...]
    value: object

    @property
    def key(self) -> str:
        return self.keys[-1].lower()

    def __str__(self) -> str:
        shown = str(self.value).lower() if isinstance(self.value, bool) else self.value
        return f"{'.'.join(self.keys)}: {shown}"


class CON001(Rule):
    """Two settings exclude each other."""

    name = "contradicting-settings"
    criterion = 7
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("config-contradiction",)
    doc = Doc(
        what="In one configuration: device cpu and 8-bit or 4-bit weights; fp16 and bf16; 8 and 4 bits; a warm-up as "
        "long as the training.",
        why="One of the two does not do what it says, and the results are said to be of both.",
        example="device: cpu\nprecision: int8",
        instead="device: cuda\nprecision: int8",
        limits="What the code makes of the settings plays no part.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        for path, document in repo.documents.items():
            settings = list(_settings(document.value))
            for first, second in _contradictions(settings):
                yield self.finding(
                    f"'{second}' contradicts '{first}'",
                    document.place(second.keys),
                    evidence=document.quote(second.keys),
                    fix="decide on one of the two",
                    related=(document.place(first.keys),),
                    runs=tuple(run.run_id for run in repo.runs if run.path == path),
                )


def _contradictions(settings: list[_Setting]) -> Iterator[tuple[_Setting, _Setting]]:
    cpu = next((item for item in settings if _DEVICE.fullmatch(item.key) and item.value == "cpu"), None)
    bits = next((item for item in settings if _quantised(item)), None)
    if cpu is not None and bits is not None:
        yield cpu, bits
    for names in (("fp16", "bf16"), ("load_in_8bit", "load_in_4bit")):
        both = [item for item in settings if item.key in names and item.value is True]
        if len({item.key for item in both}) == len(names) and both[0].keys[:-1] == both[1].keys[:-1]:
            yield both[0], both[1]
    total = next((item for item in settings if _TOTAL.fullmatch(item.key) and _is_whole(item.value)), None)
    warmup = next((item for item in settings if item.key == "warmup_steps" and _is_whole(item.value)), None)
    if total is not None and warmup is not None and 0 < total.value <= warmup.value:  # type: ignore[operator]
        yield total, warmup


def _quantised(item: _Setting) -> bool:
    if _BITS.fullmatch(item.key) and item.value is True:
        return True
    return bool(_PRECISION.fullmatch(item.key)) and bool(_QUANTISED.fullmatch(str(item.value)))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _settings(value: object, keys: tuple[str, ...] = ()) -> Iterator[_Setting]:
    if isinstance(value, dict) and len(keys) < _DEEPEST:
        for key, inner in value.items():
            if str(key) != "search_space":  # what a study may try, not what is set
                yield from _settings(inner, (*keys, str(key)))
    elif keys and not isinstance(value, list):
        yield _Setting(keys, value)
