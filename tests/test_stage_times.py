"""Times of a build: what each stage took, and what is expected of the next build."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from latentdx_book.build.stage_times import StageReporter

COMMITTED = {"seconds": 552.0, "machine": {"cores": 2, "processor": "a processor"}}
SECONDS = {"chapter:a": 100, "chapter:b": 40, "chapter:c": 70, "site": 25}


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., str]:
    """Build a site of three chapters, whose sources are files, and return what was printed."""
    for name in "abc":
        (tmp_path / name).write_text("first")

    def copy(source: Path, target: Path) -> None:
        target.write_text(source.read_text())

    def task_chapter():
        for name in "abc":
            source, target = tmp_path / name, tmp_path / f"{name}.made"
            yield {
                "name": name,
                "file_dep": [str(source)],
                "targets": [str(target)],
                "actions": [(copy, [source, target])],
            }

    def task_site():
        return {"task_dep": ["chapter"], "file_dep": [str(tmp_path / "a.made")], "actions": [lambda: None]}

    def task_train():
        return {"actions": [lambda: None]}

    def run(*selected: str, committed: dict | None = None) -> str:
        reporter = StageReporter(tmp_path, 2, "site", committed)
        reporter.outstream = io.StringIO()
        config = {
            "dep_file": str(tmp_path / ".doit.json"),
            "backend": "json",
            "num_process": 2,
            "par_type": "thread",
            "reporter": reporter,
        }
        tasks = {
            "task_chapter": task_chapter,
            "task_site": task_site,
            "task_train": task_train,
            "DOIT_CONFIG": config,
        }
        assert DoitMain(ModuleTaskLoader(tasks)).run(["run", *selected]) == 0
        return reporter.outstream.getvalue()

    return run


def test_a_first_build_quotes_the_committed_measurement_if_there_is_one(build, tmp_path: Path) -> None:
    said = build("site", committed=COMMITTED)
    assert said.startswith("== 4 of 4 stages to do: 9 min 12 s when measured on 2 cores of a processor")
    assert re.search(r"^== chapter:b: \d+ s \(\d of 4 done\)$", said, re.MULTILINE)
    assert json.loads((tmp_path / "stage_times.json").read_text()).keys() == SECONDS.keys()


def test_without_any_measurement_there_is_no_estimate(build) -> None:
    assert "== 1 of 1 stages to do: no estimate, because 1 never ran" in build("chapter:a")
    said = build("site", committed=COMMITTED)  # the measurement is not of a part
    assert "3 of 4 stages to do: no estimate" in said and "9 min" not in said


def test_the_next_build_is_estimated_from_the_last_on_this_machine(build, tmp_path: Path) -> None:
    (tmp_path / "stage_times.json").write_text(json.dumps(SECONDS))
    # a beside b and then c, so 110 s, and 25 for the pages
    assert "== 4 of 4 stages to do: about 2 min 15 s, by the last" in build("site", committed=COMMITTED)

    (tmp_path / "stage_times.json").write_text(json.dumps(SECONDS))
    (tmp_path / "c").write_text("second")
    said = build("site")
    assert "== 2 of 4 stages to do: about 1 min 35 s" in said
    assert "== chapter:c: 0 s (1 of 2 done, about 25 s left)" in said
    assert "to do" not in build("site")


def test_other_tasks_are_timed_but_not_estimated(build, tmp_path: Path) -> None:
    said = build("train")
    assert "== train: 0 s\n" in said and "to do" not in said
