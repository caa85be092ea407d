"""Estimates are kept beside the intent: the same answer, without learning again; what is broken or of other data counts for nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recommend_samples import make_intent

from giqplan.catalog import open_catalog
from giqplan.catalog.kept import Kept
from giqplan.errors import RecommendError
from giqplan.model.recommendation import Reason
from giqplan.recommend import recommend

INTENT = {"model": {"id": "google/gemma-2-27b-it"}, "accelerator": {"types": ["nvidia-l4"]}}
AGAIN = (
    "import sys\n"
    "from pathlib import Path\n"
    "from giqplan.catalog import open_catalog\n"
    "from giqplan.recommend import recommend\n"
    "from recommend_samples import make_intent\n"
    f"found = recommend(make_intent(**{INTENT!r}), open_catalog(Path(sys.argv[1])))\n"
    "print(found.evidence.estimate, found.operating_point, 'numpy' in sys.modules, sep=chr(10))\n"
)


def again(home: Path) -> list[str]:
    """Estimate, operating point, and whether numpy was imported, of a fresh process."""
    done = subprocess.run([sys.executable, "-c", AGAIN, str(home)], capture_output=True, text=True, cwd=Path(__file__).parent, check=True)
    return done.stdout.splitlines()


def files(home: Path) -> list[Path]:
    return sorted((home / ".giqplan" / "cache").rglob("*.json"))


def test_what_is_kept_is_the_answer_and_what_is_broken_is_worked_out_again(tmp_path: Path) -> None:
    (tmp_path / ".giqplan" / "cache" / "estimates-of-other-data").mkdir(parents=True)
    found = recommend(make_intent(**INTENT), open_catalog(tmp_path))
    (file,) = files(tmp_path)
    assert [path.name for path in (tmp_path / ".giqplan" / "cache").iterdir()] == [file.parent.name], "other data's is gone"
    kept = again(tmp_path)
    assert kept == [str(found.evidence.estimate), str(found.operating_point), "False"]
    content = file.read_text()
    for broken in ("", "null", "[]", '[{"grade": "A"}]', content.replace('"grade":"', '"grade":"Z')):
        file.write_text(broken)
        assert again(tmp_path) == [*kept[:2], "True"]
        assert file.read_text() == content


def test_nothing_is_kept_where_giqplan_has_no_folder(tmp_path: Path) -> None:
    recommend(make_intent(**INTENT), open_catalog(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    Kept(tmp_path / "cache").put("group", "key", [1])
    assert Kept(tmp_path / "cache").get("group", "key") is None


def test_a_file_in_the_place_of_the_folder_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    kept = Kept(tmp_path / "cache")
    kept.put("group", "key", [1])
    assert kept.get("group", "key") is None
    (tmp_path / "cache").unlink()
    kept.put("group", "key", [1])
    assert (kept.get("group", "key"), kept.get("other", "key")) == ([1], None)
    assert json.loads(next((tmp_path / "cache").rglob("key.json")).read_text()) == [1]
    shutil.rmtree(tmp_path / "cache")
    assert kept.get("group", "key") is None


def test_a_replica_that_the_estimator_has_no_answer_for_is_rejected_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / ".giqplan").mkdir()
    recommend(make_intent(**INTENT), open_catalog(tmp_path))
    (file,) = files(tmp_path)
    answers = json.loads(file.read_text())
    file.write_text(json.dumps([{"why": "nobody knows"}, *answers[1:]]))
    found = recommend(make_intent(**INTENT), open_catalog(tmp_path))
    assert found.profile.accelerator_count == 8
    assert [(r.profile.accelerator_count, r.detail) for r in found.rejected if r.reason is Reason.NOT_MODELLED] == [(4, "nobody knows")]
    file.write_text(json.dumps([{"why": "nobody knows"}] * 2))
    with pytest.raises(RecommendError, match="nobody knows"):
        recommend(make_intent(**INTENT), open_catalog(tmp_path))
