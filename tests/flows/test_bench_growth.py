"""The larger runs of ``linnet bench``: one of each in small, and what becomes of their figures."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from linnet.bench.growth_figures import Size
from linnet.bench.growth_report import summed_up, this_machine
from linnet.capacity.figures import decode_figures
from linnet.cli import main


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def test_growth_measures_everything_and_planning_goes_on_from_there(tmp_path: Path) -> None:
    written, plots = tmp_path / "growth.json", tmp_path / "plots"
    options = ("--quick", "--people", "400", "--rounds", "1", "--seconds", "0.3", "--json", str(written))
    result = run("bench", "growth", *options, "--plots", str(plots))
    assert result.exit_code == 0, result.output
    assert "home page, from the first to the last size: " in result.output
    [size] = json.loads(written.read_bytes())["sizes"]
    assert (size["people"], size["fanout_windows"]) == (400, 30)
    assert size["fanout"]["deliveries"] >= 90
    assert all(page["count"] > 0 for page in (size["cold"], size["oracle"], size["deep_page"]))
    assert len(size["window_bytes"]) == 30
    # Of two sizes the rounds in which both took turns say how the home page grew.
    sizes = [msgspec.convert(size | {"home_ratio": 2.0}, Size)] * 2
    assert summed_up(this_machine(), sizes, [[100.0, 110.0], [100.0, 150.0], [100.0, 120.0]]).home_growth == 1.2
    assert not summed_up(this_machine(), sizes, [[100.0, 130.0]]).is_met
    picture = plots / "growth.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 100_000
    # Its figures are costs to plan with.
    taken = run("capacity", "--take", str(written))
    assert taken.exit_code == 0, taken.output
    figures = decode_figures(taken.output.encode(), name="taken")
    assert figures["page_web_us"] == size["home_us"]
    assert figures.figures["page_web_us"].how == "linnet bench growth"
    assert [load.posts for load in figures.loads][:2] == [3, 3]


def test_online_fills_a_valkey_and_writes_and_reads_in_it(tmp_path: Path) -> None:
    written = tmp_path / "online.json"
    options = ("--quick", "--windows", "5000", "--full", "600", "--rounds", "1", "--json", str(written))
    result = run("bench", "online", *options)
    assert result.exit_code == 0, result.output
    found = json.loads(written.read_bytes())
    assert found["real"]["windows"] == 5000
    # 800 entries of 16 to 32 bytes, and what lists and keys take beside.
    assert 14_000 < found["full"]["bytes_each"] < 22_000
    assert found["real"]["bytes_each"] < found["full"]["bytes_each"]
    assert found["push"]["rate"] > 0
    assert found["read"]["rate"] > 0
    taken = run("capacity", "--take", str(written))
    assert decode_figures(taken.output.encode(), name="taken")["full_window_bytes"] == found["full"]["bytes_each"]


def test_what_streams_take_goes_into_the_plan(tmp_path: Path) -> None:
    written = tmp_path / "streams.json"
    result = run("bench", "streams", "--quick", "--streams", "10", "--rounds", "1", "--json", str(written))
    assert result.exit_code == 0, result.output
    found = json.loads(written.read_bytes())
    # So few streams may fit into memory that the process has already, or has just given back.
    next(one for one in found["measured"][0]["comparisons"] if one["name"] == "idle stream")["ours"] = 40.0
    written.write_text(json.dumps(found))
    taken = run("capacity", "--take", str(written))
    assert taken.exit_code == 0, taken.output
    figures = decode_figures(taken.output.encode(), name="taken").figures
    assert figures["stream_bytes"].value == 40 * 1024
    for name in ("stream_bytes", "stream_delivery_us"):
        assert "10 streams on one web process" in figures[name].where


@pytest.mark.parametrize(
    ("args", "exit_code", "said"),
    [
        (("place", "--people", "99"), 1, "linnet: a place has at least 100 people, and not 99."),
        (("place",), 2, "Missing option '--people'"),
        (("growth", "--people", "5"), 1, "linnet: a place has at least 100 people, and not 5."),
        (("growth", "--rounds", "0"), 2, "Invalid value for '--rounds'"),
        (("online", "--windows", "3"), 2, "Invalid value for '--windows'"),
        (("online", "--lengths", "pyproject.toml"), 1, "is not what `linnet bench growth --json` writes."),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(args: tuple[str, ...], exit_code: int, said: str) -> None:
    result = run("bench", *args)
    assert result.exit_code == exit_code
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["place", "growth", "online"])
def test_each_run_has_its_own_help_and_bench_names_them(name: str) -> None:
    assert f"linnet bench {name}" in run("bench", name, "--help").output.replace("main", "linnet")
    assert name in run("bench", "--help").output


def test_a_place_is_made_in_a_new_directory_and_refused_in_one_that_is_used(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    options = ("bench", "place", "--people", "200", "--follows", "10", "--data-dir", str(data_dir), "--json")
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["people"] == 200
    again = CliRunner().invoke(main, options)
    assert again.exit_code == 1
    assert "linnet: Somebody lives there already" in again.output
