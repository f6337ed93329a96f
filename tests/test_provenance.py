import re
import subprocess

from latentdx import provenance
from latentdx.provenance import code_commit, describe_commit


def test_a_commit_and_whether_the_package_has_changes(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_commit() == "unknown"

    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a", *arguments], check=True
        )

    git("init", "-q")
    file = tmp_path / "a.py"
    file.write_text("1")
    git("add", "a.py")
    git("commit", "-qm", "one")
    clean = code_commit()
    assert re.fullmatch("[0-9a-f]{12}", clean)
    (tmp_path / "untracked").write_text("")
    assert code_commit() == clean
    file.write_text("2")
    assert code_commit() == clean + "+"
    assert describe_commit(clean + "+") == f"{clean} with changes"
