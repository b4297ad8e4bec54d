"""junit.xml: the run as a test case, so that any CI shows it.

Rules     the run is one case, named after its scenario: the name stays the same from day to day.
          When it was kept going after failures, each failure is a case too. The board failed:
          failure. The rig failed, the run was interrupted or killed: error, for nothing is said
          about the board.
"""

from __future__ import annotations

from junitparser import Error, JUnitXml, TestCase, TestSuite
from junitparser import Failure as Failed

from rig.report import told
from rig.report.material import BAD_SHOWN, Failure, Material
from rig.verdict import Cause, Outcome


def render(material: Material) -> str:
    run, figures = material.run, material.figures
    suite = TestSuite("kyu soak")
    if run.started:
        suite.timestamp = run.started
    for name, value in told.circumstances(material):
        suite.add_property(name, value)
    place = f"kyu.{run.option('board') or 'board'}"
    whole = TestCase(run.scenario, classname=place, time=round(figures.seconds, 3))
    message, last = told.headline(material), material.failures[-1:]
    if figures.verdict is Outcome.FAILED:
        cause = figures.cause.value if figures.cause else "failed"
        whole.result = [_failed(message, cause, last[0] if last else None)]
    elif figures.verdict is not Outcome.PASSED:
        whole.result = [Error(message, figures.cause.value if figures.cause else "unfinished")]
        if last:  # what a starved host excused leaves its evidence too
            whole.result[0].text = f"failures/{last[0].name}"
    suite.add_testcase(whole)
    if len(material.failures) > 1:
        for failure in material.failures[:BAD_SHOWN]:
            case = TestCase(f"{run.scenario} failures/{failure.name}", classname=place)
            board = failure.cause != Cause.RIG.value
            failed = _failed(failure.detail, failure.cause, failure)
            case.result = [failed if board else Error(failure.detail, failure.cause)]
            suite.add_testcase(case)
    document = JUnitXml("kyu soak")
    document.add_testsuite(suite)
    document.update_statistics()
    rendered: bytes | str = document.tostring()
    return rendered.decode("utf-8") if isinstance(rendered, bytes) else rendered


def _failed(message: str, cause: str, failure: Failure | None) -> Failed:
    result = Failed(message, cause)
    if failure is not None:
        parts = (f"failures/{failure.name}", failure.traceback, failure.repeat)
        result.text = "\n\n".join(part for part in parts if part)
    return result
