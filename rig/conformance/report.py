"""What a run of scripts came to, by folder: text and JSON. Renders, never judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rig.conformance.runs import Outcome, Result


def percent(results: Iterable[Result], *, with_choices: bool = False) -> float:
    """Of the scripts that count, how many passed; 100 when none counts.

    `with_choices`: those count too that expect another system's choice and did not get it.
    """
    counts = Counter(result.outcome for result in results)
    claimed = counts[Outcome.PASSED] + counts[Outcome.FAILED]
    if with_choices:
        claimed += counts[Outcome.CHOICE]
    return 100.0 * counts[Outcome.PASSED] / claimed if claimed else 100.0


def table(results: Sequence[Result]) -> list[str]:
    """A line for each folder and one for all."""
    folders = sorted({result.folder for result in results})
    width = max([len(folder) for folder in folders] + [6])
    lines = [f"{'folder':<{width}}  scripts  claimed  passed  choices  failed"]
    for folder in [*folders, "all"]:
        of = [r for r in results if folder in (r.folder, "all")]
        counts = Counter(result.outcome for result in of)
        passed, failed = counts[Outcome.PASSED], counts[Outcome.FAILED]
        choices = counts[Outcome.CHOICE]
        claimed = passed + failed + choices
        lines.append(
            f"{folder:<{width}}  {len(of):7}  {claimed:7}  {passed:6}  {choices:7}  {failed:6}"
        )
    return lines


def reasons(results: Iterable[Result]) -> list[str]:
    """Why scripts do not count, the most frequent reason first."""
    counts = Counter(r.detail for r in results if r.outcome is Outcome.NOT_CLAIMED)
    return [f"{count:5}  not claimed: {reason}" for reason, count in counts.most_common()]


def failures(results: Iterable[Result]) -> list[str]:
    """One line for each script that is claimed and did not pass, explained ones first."""
    return [
        f"{name}  {r.script}: {r.detail}"
        for outcome, name in ((Outcome.CHOICE, "choice"), (Outcome.FAILED, "failed"))
        for r in results
        if r.outcome is outcome
    ]


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "percent": round(percent(results), 2),
        "percent_with_choices": round(percent(results, with_choices=True), 2),
        "scripts": [
            {
                "script": r.script,
                "folder": r.folder,
                "outcome": r.outcome.value,
                "detail": r.detail,
            }
            for r in results
        ],
    }
