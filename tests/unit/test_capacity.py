"""Machines for so many people: more never need fewer, any may be lost, and the busy hour delivers every tweet once."""

import itertools
import json
import math
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.capacity.demand import Demand, Machine
from linnet.capacity.figures import NEEDED, BadFigures, Figure, Figures, MeasuredLoad, decode_figures, read_figures
from linnet.capacity.hour import costs_of, held_against_measured, plant_of
from linnet.capacity.plan import Plan, plan
from linnet.capacity.simulation import Failure, Hour, Plant, Traffic, simulate
from linnet.capacity.taking import take_figures
from linnet.cli import main

FIGURES = read_figures(None)

demands = st.builds(
    Demand,
    online=st.integers(1, 50_000_000),
    reads_per_hour=st.floats(0, 200),
    posts_per_hour=st.floats(0, 20),
    searches_per_hour=st.floats(0, 50),
    cold_share=st.floats(0, 1),
    mean_followers=st.floats(0, 5000),
    windows_per_online=st.floats(1, 20),
    streams_share=st.floats(0, 1),
    celebrity_share=st.floats(0, 1),
    celebrity_followers=st.integers(0, 10_000_000),
    peak=st.floats(1, 10),
)
machines = st.builds(
    Machine,
    cores=st.integers(1, 128),
    memory_gib=st.floats(1, 1024),
    busy=st.floats(0.1, 1),
    spare=st.integers(0, 4),
)
# Whatever was measured: what holds must not hang on it.
costs = st.builds(
    Figures,
    st.fixed_dictionaries(
        {name: st.floats(0, 1e6).map(lambda value: Figure(value, "test", "test")) for name in NEEDED}
    ),
)


def counts(found: Plan) -> dict[str, int]:
    return {role.name: role.machines for role in found.roles}


@settings(max_examples=50)
@given(demands, machines, costs, st.floats(1, 10))
def test_more_people_never_need_fewer_machines(
    demand: Demand, machine: Machine, figures: Figures, times: float
) -> None:
    more = msgspec.structs.replace(demand, online=math.ceil(demand.online * times))
    few, many = counts(plan(demand, machine, figures)), counts(plan(more, machine, figures))
    assert all(many[role] >= few[role] for role in few)


@settings(max_examples=50)
@given(demands, machines, costs)
def test_what_is_left_when_machines_are_lost_carries_the_busiest_minute(
    demand: Demand, machine: Machine, figures: Figures
) -> None:
    for role in plan(demand, machine, figures).roles:
        left = role.machines - machine.spare
        assert left >= 1
        assert left >= role.needed or role.name == "Valkey"
        assert left * machine.usable_cores >= role.total("cores") * (1 - 1e-9)
        assert left * machine.usable_bytes >= role.total("GiB") * 2**30 * (1 - 1e-9)


@settings(max_examples=50)
@given(demands, machines)
def test_a_line_of_the_reasoning_is_a_count_times_a_cost(demand: Demand, machine: Machine) -> None:
    for role in plan(demand, machine, FIGURES).roles:
        for need in role.needs:
            scale = 1e6 if need.unit == "cores" else 2**30
            assert math.isclose(need.value, need.count * need.each / scale, rel_tol=1e-9, abs_tol=1e-12)
        if role.total("cores"):
            assert role.needed >= role.total("cores") / machine.usable_cores * (1 - 1e-9)


def test_costs_that_come_with_linnet_say_where_they_are_from() -> None:
    assert set(FIGURES.figures) == set(NEEDED)
    for name, figure in FIGURES.figures.items():
        assert figure.value > 0, name
        assert figure.how.startswith("linnet bench "), name
        assert "cores" in figure.where or "streams" in figure.where, name
    assert FIGURES.loads


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"not json", "is no file of measured costs"),
        (b'{"figures": {}}', "does not say page_web_us"),
        (b"[]", "is no file of measured costs"),
    ],
)
def test_a_file_of_costs_that_is_none_is_refused_in_one_sentence(text: bytes, said: str) -> None:
    with pytest.raises(BadFigures, match=said):
        decode_figures(text, name="costs.json")


def test_costs_that_are_unknown_or_negative_are_refused() -> None:
    written = msgspec.to_builtins(FIGURES)
    written["figures"]["page_web_us"]["value"] = -1
    with pytest.raises(BadFigures, match="page_web_us is -1"):
        decode_figures(msgspec.json.encode(written), name="costs.json")
    written = msgspec.to_builtins(FIGURES)
    written["figures"]["tea_us"] = written["figures"]["page_web_us"]
    with pytest.raises(BadFigures, match="tea_us, which is no cost"):
        decode_figures(msgspec.json.encode(written), name="costs.json")


# The busy hour

TRAFFIC = Traffic(seconds=20, posts_per_second=100, peak=2, mean_followers=50, celebrity_share=0.02, reactions=5)


def played(
    *, workers: int = 2, seed: int = 1, traffic: Traffic = TRAFFIC, failures: list[Failure] | None = None
) -> Hour:
    return simulate(traffic, plant_of(workers, valkeys=2), costs_of(FIGURES), seed=seed, failures=failures)


def assert_delivered_once_and_in_order(hour: Hour, *, posts_in_order: bool = True) -> None:
    assert len(hour.lags) == len(hour.committed) == len(hour.deliveries) > 0
    # Not a number would be a tweet that never arrived.
    assert all(lag >= 0 for lag in hour.lags)
    assert hour.committed == sorted(hour.committed) or not posts_in_order


@settings(max_examples=30)
@given(
    st.integers(0, 1000),
    st.integers(2, 5),
    st.sampled_from(["worker", "valkey"]),
    st.floats(0, 4),
    st.floats(0, 10),
)
def test_every_tweet_is_delivered_once_whatever_dies(
    seed: int, workers: int, role: str, at_seconds: float, seconds: float
) -> None:
    failure = Failure("worker" if role == "worker" else "valkey", at_seconds, seconds)
    traffic = msgspec.structs.replace(TRAFFIC, seconds=3)
    hour = played(workers=workers, seed=seed, traffic=traffic, failures=[failure])
    assert_delivered_once_and_in_order(hour)
    calm = played(workers=workers, seed=seed, traffic=traffic)
    # What people do does not depend on what dies.
    assert sum(calm.deliveries) >= 0
    assert max(hour.lags) <= max(calm.lags) + seconds + 5


def test_the_same_seed_is_the_same_hour() -> None:
    assert played(seed=3) == played(seed=3)
    assert played(seed=3).committed != played(seed=4).committed


def test_a_celebritys_tweet_is_pushed_to_nobody_and_brings_tweets_of_others() -> None:
    calm = msgspec.structs.replace(TRAFFIC, celebrity_share=0, followers=10)
    assert set(played(traffic=calm).deliveries) == {10}
    stirred = msgspec.structs.replace(calm, celebrity_share=0.1)
    hour = played(traffic=stirred)
    assert set(hour.deliveries) == {0, 10}
    celebrities = hour.deliveries.count(0)
    assert len(hour.committed) > 0.8 * len(played(traffic=calm).committed) + 4 * celebrities


def test_who_dies_with_events_in_hand_makes_them_late_by_as_long_as_nobody_knows() -> None:
    hour = played(failures=[Failure("worker", 10, 8)])
    assert hour.again > 0
    late = [lag for lag in hour.lags if lag >= 8]
    assert len(late) >= hour.again
    assert max(played().lags) < 8


def test_more_workers_are_never_much_later() -> None:
    crowded = Traffic(seconds=3, posts_per_second=3000, mean_followers=50)
    lags = [played(workers=workers, traffic=crowded).quantiles(0.99)[0] for workers in (1, 2, 4, 8)]
    for fewer, more in itertools.pairwise(lags):
        assert more <= fewer * 1.5
    assert lags[0] >= lags[-1]


def test_a_lane_is_in_one_hand_at_a_time_and_keeps_its_order() -> None:
    # One lane alone: each of its batches begins after the one before, so no tweet overtakes another.
    plant = msgspec.structs.replace(plant_of(3), batch_size=1, lanes_at_once=1)
    assert isinstance(plant, Plant)
    traffic = Traffic(seconds=10, posts_per_second=500, mean_followers=1)
    hour = simulate(traffic, plant, costs_of(FIGURES), seed=1)
    assert hour.batches == len(hour.lags)


def test_nobody_left_to_apply_what_waits_is_refused() -> None:
    with pytest.raises(ValueError, match="somebody has to be left"):
        played(workers=1, failures=[Failure("worker", 1, 1)])


def test_loads_that_were_measured_are_simulated() -> None:
    load = MeasuredLoad("a few", 5.0, 20, 100.0, 50.0, 100.0)
    [held] = held_against_measured(msgspec.structs.replace(FIGURES, loads=[load]), seed=1)
    assert 0 < held.p50_ms <= held.p99_ms


# The command


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["capacity", *args])


def test_the_command_shows_each_role_with_its_reasoning() -> None:
    result = run("--online", "1000000")
    assert result.exit_code == 0, result.output
    for role in ("web", "worker", "jobs", "PostgreSQL", "Valkey"):
        assert f"\n{role}: " in result.output
    assert "home pages/s ×" in result.output
    assert "1,000,000 people online" in result.output


def test_json_says_the_same_and_can_be_read_by_machines() -> None:
    said = json.loads(run("--online", "20000", "--json").output)
    assert said["machines"] == sum(role["machines"] for role in said["plan"]["roles"])
    assert said["plan"]["demand"]["online"] == 20_000
    assert said["hour"] == []


def test_a_small_hour_is_simulated_and_held_against_what_was_measured() -> None:
    said = json.loads(run("--online", "3000", "--simulate", "--json").output)
    assert [scene["what"].split()[0] for scene in said["hour"]] == ["nothing", "a", "a"]
    assert all(scene["p50_ms"] <= scene["p99_ms"] <= scene["max_ms"] for scene in said["hour"])
    assert len(said["held"]) == len(FIGURES.loads)
    text = run("--online", "3000", "--simulate").output
    assert "the busy hour" in text
    assert "loads that were measured" in text


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--online", "0"), "Invalid value for '--online'"),
        (("--online", "many"), "Invalid value for '--online'"),
        (("--streams", "2"), "Invalid value for '--streams'"),
        (("--spare", "-1"), "Invalid value for '--spare'"),
        (("--measured", "/nowhere"), "Invalid value for '--measured'"),
        (("--teapots", "1"), "No such option"),
    ],
)
def test_bad_options_are_refused_in_a_sentence(args: tuple[str, ...], said: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_costs_are_taken_from_what_the_bench_writes(tmp_path: Path) -> None:
    machine = {"processors": 2, "memory_gb": 8.0, "python": "3.11.2", "measured_at": "2026-01-02T", "load_before": 0.5}
    kind = {"windows": 1000, "mean_entries": 9.0, "bytes_each": 1234.0, "resident_bytes_each": 1.0, "build_seconds": 1}
    online = tmp_path / "online.json"
    online.write_text(json.dumps({"machine": machine, "real": kind, "full": None, "push": {}, "read": {}}))
    result = run("--take", str(online))
    assert result.exit_code == 0, result.output
    taken = decode_figures(result.output.encode(), name="taken")
    assert taken["window_bytes"] == 1234
    assert taken.figures["window_bytes"].how == "linnet bench online"
    assert taken["page_web_us"] == FIGURES["page_web_us"]
    # And the file can be planned with.
    again = tmp_path / "measured.json"
    again.write_text(result.output)
    assert run("--measured", str(again)).exit_code == 0
    other = tmp_path / "other.json"
    other.write_text('{"push": 1}')
    with pytest.raises(BadFigures, match=r"other\.json is nothing that"):
        take_figures([other], FIGURES)
    result = run("--take", str(other))
    assert result.exit_code == 1
    assert result.output.startswith("linnet: ")
    assert result.output.count("\n") == 1
