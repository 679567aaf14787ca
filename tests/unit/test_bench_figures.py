"""What ``linnet bench`` makes of what it measured: medians, quantiles, goals, tables, files and pictures."""

import json
import math
import random
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from linnet.bench import plots, table
from linnet.bench.catalogue import SCENARIOS
from linnet.bench.command import bench, resolve
from linnet.bench.figures import Comparison, Goal, Measured, Side, bucket_quantile, compare, curve, quantile
from linnet.bench.given import parse_given
from linnet.bench.machine import LoadAverage, Machine, find_versions, look_at_machine
from linnet.bench.mixed import _day
from linnet.bench.plots import draw_plots, refuse_without_matplotlib
from linnet.bench.report import Options, Report, make_report, write_json
from linnet.bench.scenario import Effort, Take, Turn, compare_turns, in_turns, side_of
from linnet.bench.serving import clean_environment
from linnet.bench.table import WIDTH, foot, number, show_report, slowest
from linnet.cli.failures import Failure
from linnet.ids import UserId

AT_LEAST_HALF = Goal("≥ 0.50", ratio_at_least=0.5)


def a_comparison(rounds: list[tuple[float, float]], goal: Goal = AT_LEAST_HALF) -> Comparison:
    return compare("home", "home page, warm", "pages/s", rounds, beside="constant answer, same bytes", goal=goal)


def a_side(name: str, *, p99_ms: float = 9.0) -> Side:
    return Side("home", name, 100, 2.0, p99_ms, curve([1.0, 2.0, p99_ms]), {"web": 120.0}, {"web": 88.0, "Valkey": 4.0})


def a_report(measured: list[Measured], *, load: float = 0.1) -> Report:
    options = Options(["home"], seed=7)
    return make_report(options, measured, stores=None, load=LoadAverage(load, 1.0, 2), seconds=61.0)


def a_turn(times: dict[str, list[float]], **cpu_seconds: float) -> Turn:
    return Turn(times, sum(map(len, times.values())), 2.0, cpu_seconds, {"web": 80.0})


# Figures


def test_a_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians() -> None:
    found = a_comparison([(10, 10), (10, 100), (90, 100)])
    assert (found.ours, found.reference, found.ratio) == (10, 100, 0.9)
    assert found.ratios == [1.0, 0.1, 0.9]


@pytest.mark.parametrize(
    ("goal", "rounds", "is_met"),
    [
        (AT_LEAST_HALF, [(5, 10)], True),
        (AT_LEAST_HALF, [(4.9, 10)], False),
        (Goal("≤ 2", ratio_at_most=2.0), [(2, 1)], True),
        (Goal("≤ 2", ratio_at_most=2.0), [(2.1, 1)], False),
        (Goal("≤ 20 KB", ours_at_most=20.0), [(20, 1)], True),
        (Goal("≤ 20 KB", ours_at_most=20.0), [(21, 1000)], False),
        (AT_LEAST_HALF, [(5, 0)], False),
        (Goal(), [(5, 10)], None),
    ],
)
def test_a_goal_is_met_missed_or_not_there(goal: Goal, rounds: list[tuple[float, float]], is_met: bool | None) -> None:
    assert a_comparison(rounds, goal).is_met is is_met


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_curve_rises_from_the_smallest_to_the_largest(values: list[float]) -> None:
    found = curve(values)
    assert len(found) == 101
    assert (found[0], found[-1]) == (min(values), max(values))
    assert found == sorted(found)
    assert found[50] == quantile(values, 0.5)


def test_of_nothing_there_is_no_quantile_and_no_curve() -> None:
    assert math.isnan(quantile([], 0.5))
    assert curve([]) == []
    assert math.isnan(bucket_quantile({}, 0.5))
    assert bucket_quantile({0.1: 5, 0.5: 9, math.inf: 10}, 0.9) == 0.5


# Turns


async def test_sides_take_turns_and_another_goes_first_each_round(tmp_path: Path) -> None:
    order: list[str] = []

    def side(name: str) -> Take:
        async def take(seconds: float) -> Turn:
            order.append(f"{name} {seconds:g}")
            return a_turn({"": [0.001]})

        return take

    said: list[str] = []
    effort = Effort(scratch=tmp_path, rounds=2, seconds=2, tell=said.append)
    turns = await in_turns({"a": side("a"), "b": side("b")}, effort)
    assert order == ["a 0.5", "b 0.5", "a 2", "b 2", "b 2", "a 2"], "the shorter ones are not counted"
    assert [len(each) for each in turns.values()] == [2, 2]
    assert said[-1] == "a: round 2 of 2"


def test_a_side_tells_quantiles_and_the_cpu_of_each_role_per_request() -> None:
    turns = [a_turn({"home": [0.001, 0.003], "post": [0.005, 0.007]}, web=0.004), a_turn({"home": [0.002]}, web=0.003)]
    side = side_of("mixed", "all", turns)
    assert (side.requests, side.p50_ms, side.p99_ms) == (5, 3.0, 7.0)
    assert side.cpu_us == {"web": 2000.0}
    assert side.memory_mb == {"web": 80.0}
    posts = side_of("mixed", "posts", turns, kind="post")
    assert (posts.requests, posts.p50_ms, posts.cpu_us, posts.memory_mb) == (2, 5.0, {}, {})
    found = compare_turns("mixed", "all", "µs", lambda turn: turn.cpu_us("web"), turns, turns, beside="itself")
    assert found.ratios == [1.0, 1.0]


def test_a_day_is_the_same_again_from_its_seed_and_undoes_whatever_it_does() -> None:
    people = {UserId(number): f"token{number}" for number in range(9)}
    day = _day(random.Random(3), people, people, ["1", "2"])
    assert day == _day(random.Random(3), people, people, ["1", "2"])
    shares = {kind: sum(asked.kind == kind for asked in day) / len(day) for kind in {asked.kind for asked in day}}
    assert sum(shares.pop(kind) for kind in ("home", "profile", "tweet", "notifications")) == pytest.approx(0.9)
    assert shares == {"post": 0.04, "like": 0.04, "follow": 0.02}
    for kind in ("like", "follow"):
        verbs = [asked.sent.split()[0] for asked in day if asked.kind == kind]
        assert verbs.count(b"PUT") == verbs.count(b"DELETE")
        assert verbs[0] == b"PUT"


# What was asked for


def test_what_nobody_says_is_usual_and_quick_is_less_of_it() -> None:
    nothing = {"rounds": None, "seconds": None, "tweets": None, "streams": None, "seed": 1}
    usual = resolve([], quick=False, **nothing)  # type: ignore[arg-type]  # a mixed dict
    quick = resolve([], quick=True, **nothing)  # type: ignore[arg-type]  # a mixed dict
    assert usual == Options(list(SCENARIOS))
    assert usual.scenarios == quick.scenarios
    for less, more in zip(msgspec.structs.astuple(quick)[1:5], msgspec.structs.astuple(usual)[1:5], strict=True):
        assert less < more
    asked = resolve(["memory", "home", "memory"], quick=True, rounds=9, seconds=None, tweets=None, streams=None, seed=5)
    assert asked == Options(["memory", "home"], 9, quick.seconds, quick.tweets, quick.streams, 5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-like-it"], "'nothing-like-it' is not one of"),
        (["--rounds", "0"], "--rounds"),
        (["--seconds", "a while"], "--seconds"),
        (["--database-url", "postgresql:///x"], "belong together"),
        (["--valkey-url", "redis://x"], "belong together"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_usage(arguments: list[str], said: str) -> None:
    outcome = CliRunner().invoke(bench, arguments)
    assert outcome.exit_code == 2
    assert said in outcome.output
    assert "Usage:" in outcome.output


def test_the_list_names_every_scenario_and_what_stands_beside_it() -> None:
    listed = CliRunner().invoke(bench, ["--list"]).output.splitlines()
    assert [line.split()[0] for line in listed] == list(SCENARIOS)
    assert all("beside" in line for line in listed)
    assert set(SCENARIOS) >= {"home", "cold", "scroll", "posting", "fanout", "mixed", "streams", "search", "sign-up"}


def test_given_servers_are_named_by_urls_and_used_under_a_prefix_of_their_own() -> None:
    given_servers = parse_given("postgresql:///x", "redis://localhost")
    assert given_servers.urls.database_url == "postgresql:///x"
    prefixes = {parse_given("postgresql:///x", "redis://localhost").settings["LINNET_VALKEY_PREFIX"] for _ in range(5)}
    assert len(prefixes) == 5
    with pytest.raises(Failure, match="--valkey-url"):
        parse_given("postgresql:///x", "http://localhost")
    with pytest.raises(Failure, match="--database-url"):
        parse_given("mysql:///x", "redis://localhost")


def test_settings_of_this_environment_do_not_reach_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINNET_DATABASE_URL", "postgresql://somebodys.example/place")
    monkeypatch.setenv("PATH_THAT_IS_NEEDED", "/bin")
    assert "PATH_THAT_IS_NEEDED" in clean_environment()
    assert not [name for name in clean_environment() if name.startswith("LINNET_")]


# What is shown


def test_the_table_says_what_was_met_and_missed_and_fits(capsys: pytest.CaptureFixture[str]) -> None:
    measured = [
        Measured("home", [a_comparison([(60, 100)]), a_comparison([(10, 100)])], [a_side("home page")], "100 readers"),
        Measured("memory", [a_comparison([(1, 0)], Goal())]),
    ]
    report = a_report(measured)
    show_report(Console(width=WIDTH), report)
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if "home page, warm" in line]
    assert [row.split()[-1] for row in rows] == ["met", "MISSED", "-"]
    assert "0.60" in rows[0]
    assert "home: 100 readers." in printed
    assert max(map(len, printed.splitlines())) <= WIDTH <= 120
    assert (report.count_goals(), report.count_missed()) == (2, 1)


def test_of_many_kinds_the_table_shows_the_slowest() -> None:
    sides = [a_side(str(number), p99_ms=100 - number) for number in range(24)]
    assert [side.name for side in slowest(sides)] == ["0", "1", "2", "3", "4", "5"]
    assert slowest(sides[:6]) == sides[:6]


def test_the_foot_says_when_the_machine_had_other_work_and_when_rounds_were_few() -> None:
    assert not [line for line in foot(a_report([])) if "BUSY" in line or "rough" in line]
    assert [line for line in foot(a_report([], load=1.5)) if "BUSY" in line]
    quick = msgspec.structs.replace(a_report([]), options=Options(["home"], rounds=1))
    assert [line for line in foot(quick) if "rough" in line]


@pytest.mark.parametrize(
    ("value", "shown"), [(1234567.0, "1,234,567"), (99.94, "99.9"), (1.234, "1.23"), (math.nan, "-")]
)
def test_numbers_have_three_digits_or_more(value: float, shown: str) -> None:
    assert number(value) == shown


def test_the_file_holds_what_it_takes_to_measure_again(tmp_path: Path) -> None:
    report = a_report([Measured("home", [a_comparison([(60, 100), (1, 0), (1, 0)])], [a_side("home page")])])
    write_json(tmp_path / "figures.json", report)
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["options"] == {
        "scenarios": ["home"],
        "rounds": 5,
        "seconds": 2.0,
        "tweets": 100_000,
        "streams": 1000,
        "seed": 7,
    }
    assert set(written["versions"]) >= {"linnet", "granian", "litestar", "psycopg"}
    assert msgspec.convert(written["machine"], Machine) == look_at_machine()
    assert written["machine"]["processors"] >= 1
    assert written["load"] == {"before": 0.1, "after": 1.0, "processors": 2}
    (comparison,) = written["measured"][0]["comparisons"]
    assert comparison["ratios"] == [0.6, None, None], "JSON has no word for what is no number"
    assert comparison["goal"]["ratio_at_least"] == 0.5
    write_json(None, report)
    assert find_versions() == report.versions


# Pictures


def test_pictures_are_drawn_of_whatever_there_is(tmp_path: Path) -> None:
    several = [
        a_comparison([(60, 100), (50, 100)]),
        a_comparison([(17_000, 60_000)], Goal("≤ 20 KB", ours_at_most=2e4)),
    ]
    sides = [a_side(str(number)) for number in range(12)]
    drawn = draw_plots(a_report([Measured("home", several, sides), Measured("memory", [])], load=9.0), tmp_path / "new")
    assert [path.name for path in drawn] == ["ratios.png", "times.png"]
    for path in drawn:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000
    assert draw_plots(a_report([Measured("home", [a_comparison([(1, 0)])])]), tmp_path) == []


def test_pictures_need_an_extra_and_are_refused_in_a_sentence_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_without_matplotlib()
    monkeypatch.setattr(plots, "find_spec", lambda name: None if name == "matplotlib" else find_spec(name))
    with pytest.raises(click.ClickException, match=r"pip install 'linnet\[bench\]'"):
        refuse_without_matplotlib()


def test_nothing_of_matplotlib_is_imported_before_pictures_are_drawn() -> None:
    for module in (plots, table):
        assert "matplotlib" not in vars(module)
