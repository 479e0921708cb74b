"""The documents of a report: JSON files, alone, in folders, or of a campaign.

The content of a document is not examined here, except for the step of a campaign that it belongs
to.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.console import warn
from mixnet_common.documents import NoResultsError, read_document
from mixnet_common.readers import is_folder

HINT = (
    "give what --json or -o of latency, count, paper, parity or predict wrote, or the folder of a"
    " campaign or search"
)

RESULTS = "results"
FILES = "files"
STATE = "unfinished"
"""Folders in a campaign's folder."""

Documents = dict[Path, dict[str, Any]]
"""By the file that each was read from, in the order of display."""


def read_documents(paths: Sequence[Path]) -> tuple[Documents, list[str]]:
    """Read files, and of folders all that count; the files that are not results are named.

    Raises UsageError if none is a result, where one does not exist, and where one is of another
    version's format.
    """
    found: Documents = {}
    skipped: list[UsageError] = []
    for path in paths:
        if is_folder(path):
            found |= _of_folder(path, skipped)
        else:
            found |= _read_all([path], skipped)
    if skipped and not found:
        raise skipped[0]
    for each in skipped:
        warn(f"{each.message}: left out")
    return found, [each.message for each in skipped]


def result_files(paths: Sequence[Path]) -> list[Path]:
    """The files that would be read, and what else a campaign's folder keeps beside them."""
    found: list[Path] = []
    for path in paths:
        if not is_folder(path):
            found.append(path)
        elif is_folder(path / RESULTS):
            found += [path / RESULTS, path / FILES, path / STATE]
        else:
            found += path.glob("*.json")
    return found


def _of_folder(folder: Path, skipped: list[UsageError]) -> Documents:
    """The newest result of each step in a campaign's folder; all JSON files in other folders."""
    inner = folder / RESULTS
    if not is_folder(inner):
        return _read_all(sorted(folder.glob("*.json")), skipped)
    documents = _read_all(sorted(inner.glob("*.json")), skipped)
    newest = _newest(documents)
    if len(newest) < len(documents):
        old = len(documents) - len(newest)
        warn(f"{folder}: results of steps that have newer ones are left out: {old}")
    return newest


def _read_all(paths: Sequence[Path], skipped: list[UsageError]) -> Documents:
    found: Documents = {}
    for path in paths:
        try:
            found[path] = read_document(path, HINT)
        except NoResultsError as error:
            skipped.append(error)
    return found


def _newest(documents: Documents) -> Documents:
    """A campaign also stores results for other inputs, in files without a time.

    So the files' times decide, and of files of one time their names.
    """
    last: dict[object, Path] = {}
    for path in sorted(documents, key=lambda each: (each.stat().st_mtime_ns, each.name)):
        last[_step(documents[path]) or path] = path
    kept = set(last.values())
    return {path: document for path, document in documents.items() if path in kept}


def _step(document: Mapping[str, Any]) -> tuple[str, str] | None:
    """Kind and name of a document's step, if it contains them."""
    about = document.get("step")
    if not isinstance(about, dict):
        return None
    kind, name = about.get("kind"), about.get("name")
    return (kind, name) if isinstance(kind, str) and isinstance(name, str) else None
