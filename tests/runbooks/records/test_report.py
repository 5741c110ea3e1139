"""The pages: what an auditor must find on them, that nothing becomes markup, and that a browser shows them."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

from runbooks.catalog import RUNBOOKS
from runbooks.probes.samples import Probe
from runbooks.records.keeping import finish
from runbooks.records.record import Record, Verdict
from runbooks.records.record_folder import load_all
from runbooks.records.record_parts import CheckRecord, Objectives, SteadyState
from runbooks.records.report.index_page import CADENCE, drills, index
from runbooks.records.report.run_page import draw, objectives
from tests.runbooks.samples import START, at, failed_failover, failover, probe_of, run_id, write_folder

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; Debian's package is `chromium`")

HOSTILE = (
    "</td><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&{{ 7 * 7 }}$\\frac{"
)


class Page(HTMLParser):
    """What is on a page.

    Attributes:
        tags: every element, with its attributes.
        text: all text.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of that name."""
        return [attributes for found, attributes in self.tags if found == tag]


def page_of(records: Path, record: Record, probe: Probe | None = None) -> Page:
    """Return the report of a run."""
    return Page(draw(write_folder(records, record, probe)))


def test_the_report_says_what_an_auditor_asks(tmp_path: Path) -> None:
    """Who, what, when, the approved plan, RTO and RPO against their objectives, steady states, versions, files."""
    record, probe = failover()
    text = page_of(tmp_path, record, probe).text
    assert record.plan is not None
    for wanted in (
        record.id,
        record.caller,
        record.account,
        record.plan.digest,
        "automatic on local",
        'docdb.failover_db_cluster({"DBClusterIdentifier": "prod", "TargetDBInstanceIdentifier": "prod-1"})',
        "docdb_failover.fail_back",
        "2026-03-01 12:00:00 UTC",
        "Every objective was met.",
        "± 0.5 s, seen by writes",
        "The cluster is available",
        record.source.git_sha,
        "papermill 2.7.0",
        "probe.jsonl",
    ):
        assert wanted in text


def test_a_failed_run_is_shown_as_one(tmp_path: Path) -> None:
    """The error, what was never run, what was undone, the outage without an end and the lost writes."""
    text = page_of(tmp_path, *failed_failover()).text
    for wanted in ("prod-1 was not the writer after 120 s", "never run", "prod-0 is the writer again", "over 28.0 s"):
        assert wanted in text
    assert "Missed: RTO: longest time without a success; RPO: acknowledged writes lost." in text
    assert "Every objective was met" not in text


def test_what_was_not_measured_is_not_met() -> None:
    """An objective without a measurement is `not measured`, never met; a number without an objective says so."""
    record, _ = failover(measured=None)
    assert [row.met for row in objectives(record)] == ["not measured", "not measured"]
    assert {row.met for row in objectives(failover(objectives=Objectives())[0])} == {"no objective"}
    assert objectives(failover(measured=None, objectives=Objectives())[0]) == []
    strict, _ = failover(objectives=Objectives(rto_seconds=1.0, rpo=0))
    assert [row.met for row in objectives(strict)][:2] == ["missed", "met"]


def test_pages_need_nothing_but_themselves(tmp_path: Path) -> None:
    """No script, no link to elsewhere, and a policy that lets the browser load nothing."""
    folder = write_folder(tmp_path, *failover())
    finish(folder)
    for path in (folder / "report.html", tmp_path / "index.html"):
        page = Page(path.read_text())
        assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
        assert {
            "http-equiv": "Content-Security-Policy",
            "content": "default-src 'none'; style-src 'unsafe-inline'",
        } in (page.named("meta"))
        links = [a[key] or "" for _, a in page.tags for key in ("href", "src", "xlink:href") if key in a]
        assert [link for link in links if not link.startswith("#") and link != f"{folder.name}/report.html"] == []
        assert not re.findall(r"url\((?!#)", path.read_text())


def test_pages_are_accessible(tmp_path: Path) -> None:
    """A language, one heading of the first order, tables with headers, pictures with words, ids that are unique."""
    for number in range(2):
        finish(write_folder(tmp_path, *failover(START + timedelta(days=number))))
    for path in (tmp_path / run_id() / "report.html", tmp_path / "index.html"):
        page = Page(path.read_text())
        assert page.named("html") == [{"lang": "en"}]
        assert len(page.named("h1")) == 1
        assert all("scope" in attributes for attributes in page.named("th"))
        assert len(page.named("svg")) == 1
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        for picture in page.named("svg"):
            assert picture["role"] == "img"
            assert set(str(picture["aria-labelledby"]).split()) <= set(ids)
        assert {attributes["aria-labelledby"] for attributes in page.named("section")} <= set(ids)


def test_nothing_becomes_markup(tmp_path: Path) -> None:
    """A hostile value in every text of a record is shown as the text that it is, in tables and in the picture."""
    record, probe = failover()
    cell = record.cells[4].model_copy(update={"title": HOSTILE})
    hostile = record.model_copy(
        update={
            "parameters": {"target": HOSTILE, HOSTILE: HOSTILE, "stack": HOSTILE},
            "caller": HOSTILE,
            "cells": [cell],
            "results": {
                HOSTILE: {
                    HOSTILE: HOSTILE,
                    "checks": [{"group": "x", "name": HOSTILE, "passed": True, "detail": HOSTILE}],
                }
            },
            "steady_state": SteadyState(before=[CheckRecord(name=HOSTILE, passed=False, detail=HOSTILE)]),
            "versions": {HOSTILE: HOSTILE},
        }
    )
    samples = [replace(found, revision=HOSTILE, az=HOSTILE, error=HOSTILE) for found in probe.samples]
    page = page_of(tmp_path, hostile, replace(probe, samples=samples))
    assert page.named("script") == page.named("img") == []
    assert page.text.count(HOSTILE) >= 9
    listing = Page(index(load_all(tmp_path), at(0)))
    assert listing.named("script") == listing.named("img") == []
    assert HOSTILE in listing.text


def test_a_long_probe_makes_no_endless_page(tmp_path: Path) -> None:
    """Minutes at 50 requests a second are drawn by their slowest, and counted in full."""
    probe = probe_of(START, (100, 101), seconds=200, interval=0.02)
    record, _ = failover(measured=None)
    page = draw(write_folder(tmp_path, record, probe))
    assert len(page) < 2_000_000
    assert f"{sum(not found.succeeded for found in probe.samples)} failed" in page


def test_a_run_without_probe_and_journal_has_no_picture(tmp_path: Path) -> None:
    """Cells alone are a table; nothing waits for matplotlib."""
    record, _ = failover(plan=None, measured=None)
    assert page_of(tmp_path, record).named("svg") == []


def test_overdue_drills_are_told() -> None:
    """A success older than its cadence is overdue; failures, dry runs and other targets are no success."""
    record, _ = failover()
    now = at(0) + CADENCE["docdb_failover"]

    def state(*records: Record, later: float = 0.0) -> str:
        return next(
            found.state for found in drills(records, now + timedelta(days=later)) if found.runbook == record.runbook
        )

    assert state(record, later=-1) == "in time"
    assert state(record, later=1) == "overdue"
    assert state(record.model_copy(update={"verdict": Verdict.FAILED})) == "never"
    assert state(record.model_copy(update={"parameters": {"dry_run": True}})) == "never"
    real = record.model_copy(update={"runbook": "drift_check", "parameters": {"target": "aws"}})
    assert state(record, real) == "never"
    assert [found.state for found in drills([record], now - timedelta(days=1))][-1] == "in time"


def test_the_index_has_every_run_and_the_trend(tmp_path: Path) -> None:
    """Runs with their verdict, RTO and RPO, those that can't be read with the reason, and a picture of the trend."""
    for number in range(3):
        finish(write_folder(tmp_path, *failover(START + timedelta(days=number), down=(14, 16 + number))))
    write_folder(tmp_path, *failed_failover(START + timedelta(days=9)))
    (tmp_path / "20270101T000000Z-x-000000").mkdir()
    text = index(load_all(tmp_path), at(0))
    page = Page(text)
    assert "3 runs; the RTO was" in text
    assert "1 more runs, marked with a cross" in text
    assert "there is no record.json" in page.text
    assert "not recovered" in page.text
    assert "no: killed, or still at work" in page.text
    assert len([a for a in page.named("a") if str(a["href"]).endswith("/report.html")]) == 3


def test_every_drill_has_its_title_and_no_cadence_is_for_nothing() -> None:
    """What has a cadence and is in the catalog is one runbook each; the two that deploy have none."""
    assert not {"deploy_prod", "release"} & set(CADENCE)
    assert all(RUNBOOKS[name].title for name in CADENCE if name in RUNBOOKS)


def browse(path: Path, *options: str) -> str:
    """Open a page in the browser and return its standard output."""
    profile = path.parent / "profile"
    assert CHROMIUM is not None
    common = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    done = subprocess.run(
        [CHROMIUM, *common, f"--user-data-dir={profile}", "--hide-scrollbars", *options, path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a hostile parameter, in a directory of its own."""
    directory = tmp_path_factory.mktemp("shown")
    record, probe = failover(parameters={"target": "local", "note": HOSTILE})
    path = directory / "page.html"
    path.write_text(draw(write_folder(directory / "records", record, probe)))
    return path


def colours(png: Path) -> dict[str, int]:
    """Return how many pixels have which colour, `#rrggbb`."""
    found: dict[str, int] = {}
    pixels: Any = imread(png)
    for row in (pixels[::2, ::2, :3] * 255).round().astype(int).reshape(-1, 3).tolist():
        name = "#{:02x}{:02x}{:02x}".format(*row)
        found[name] = found.get(name, 0) + 1
    return found


@needs_browser
def test_a_browser_runs_nothing_of_a_hostile_value(shown: Path) -> None:
    """In the browser's own tree there is no element of the value, and no script of it ran."""
    tree = browse(shown, "--dump-dom", "--virtual-time-budget=2000")
    page = Page(tree)
    assert page.named("script") == page.named("img") == []
    assert re.search(r"<title>[^<]*succeeded", tree)
    assert len(page.named("table")) >= 8


@needs_browser
@pytest.mark.parametrize(
    ("scheme", "page", "line"), [("1", "#ffffff", "#1257a6"), ("0", "#14171a", "#7db4f5")], ids=["light", "dark"]
)
def test_a_browser_paints_both_schemes(shown: Path, tmp_path: Path, scheme: str, page: str, line: str) -> None:
    """Light and dark have their own background, and the picture's dots take the scheme's colour."""
    png = tmp_path / "page.png"
    browse(shown, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1200,1800", f"--screenshot={png}")
    found = colours(png)
    assert max(found, key=lambda colour: found[colour]) == page
    assert found.get(line, 0) > 100


@needs_browser
def test_a_browser_prints_it(shown: Path, tmp_path: Path) -> None:
    """The page prints to PDF."""
    pdf = tmp_path / "page.pdf"
    browse(shown, f"--print-to-pdf={pdf}")
    assert pdf.read_bytes().startswith(b"%PDF")
