"""The measurements for a table so far: a file of lines beside it, so that work can be resumed.

The first line has the conditions, every other line a launch. A line is on disk before the next
launch begins; a last line that a crash cut short is measured again.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mixnet_bench.results.latency_tables import Logarithm
from mixnet_common import MixnetError, UsageError
from mixnet_common.files import replaceable
from mixnet_common.json_object import WrongValueError
from mixnet_common.printable import shown
from mixnet_common.readers import is_file, parse_json, read_text, show
from mixnet_common.result import Count, Milliseconds, Positive, ResultRecord, decode, encode

SUFFIX = ".partial"
HINT = "remove it to begin anew, or name another table with -o"


class LaunchLine(ResultRecord):
    """One launch: files that took turns with the anchor in one process."""

    number: Count
    """counted over all passes"""
    passed: Count
    """the pass that it belongs to"""
    anchor_ms: Milliseconds
    seconds: Positive
    log_ratios: dict[str, Logarithm]
    """by key, the logarithm of a file's time over the anchor's"""


class PartialTable:
    """The launches of a table that is being made."""

    def __init__(self, table: Path, conditions: Mapping[str, Any]) -> None:
        """Take up the file beside ``table``, if there is one.

        Raises UsageError if it is of other conditions, or no such file at all.
        """
        self.path = self.at(table)
        self.conditions = {key: _plain(value) for key, value in conditions.items()}
        self.launches: list[LaunchLine] = []
        if is_file(self.path):
            self._read()

    def add(self, launch: LaunchLine) -> None:
        """Append a launch. Raises MixnetError if the disk refuses."""
        lines = [] if self.launches else [{"conditions": self.conditions}]
        lines.append(encode(launch))
        self._append("".join(f"{json.dumps(line)}\n" for line in lines))
        self.launches.append(launch)

    @staticmethod
    def at(table: Path) -> Path:
        """The path of a table's file."""
        return table.with_name(table.name + SUFFIX)

    def _append(self, text: str) -> None:
        try:
            with replaceable(self.path).open(
                "a" if self.launches else "w", encoding="utf-8"
            ) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise MixnetError(
                f"cannot write {show(self.path)}: {error.strerror or error}",
                "free some space and run it again: earlier measurements are saved",
            ) from error

    def _read(self) -> None:
        text = read_text(self.path, HINT)
        whole = text[: text.rfind("\n") + 1]
        lines = whole.splitlines()
        if not lines:
            return
        self._check_conditions(lines[0])
        for number, line in enumerate(lines[1:], 2):
            where = f"{show(self.path)}: line {number}"
            try:
                self.launches.append(decode(LaunchLine, parse_json(line, where, HINT)))
            except WrongValueError as error:
                raise UsageError(f"{where}: {error}", HINT) from error
        if whole != text:
            self._rewrite(whole)

    def _rewrite(self, text: str) -> None:
        """Cut off what a crash left of the last line."""
        from mixnet_common import write_whole

        write_whole(self.path, text)

    def _check_conditions(self, line: str) -> None:
        where = f"{show(self.path)}: line 1"
        head = parse_json(line, where, HINT)
        kept = head.get("conditions") if isinstance(head, dict) else None
        if not isinstance(kept, dict):
            raise UsageError(f"{show(self.path)} is not an unfinished latency table", HINT)
        for key in dict.fromkeys([*self.conditions, *kept]):
            before, now = kept.get(key), self.conditions.get(key)
            if before != now:
                raise UsageError(
                    f"{show(self.path)} was measured under other conditions: {key} was"
                    f" {shown(before)} and is {shown(now)}",
                    f"finish it under the earlier conditions, or {HINT}",
                )


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(
        list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
    )
