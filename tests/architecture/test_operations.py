"""Alert rules, dashboard and runbook speak of the same things, and of metrics that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import REGISTRY

# Whoever defines metrics.
from linnet.bootstrap import metrics, web, worker  # noqa: F401

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs/operations/runbook.md").read_text("utf-8")
# Said by Prometheus itself.
_GIVEN = {"up"}
_FUNCTIONS = "sum|max|min|rate|absent|histogram_quantile|by|or"
_LABELS = "le|job|store|status|outcome|replica|instance"
_WORDS = re.compile(rf'"[^"]*"|\b(?:{_FUNCTIONS}|{_LABELS})\b')


class Rule(msgspec.Struct, frozen=True, rename={"for_": "for"}):
    alert: str
    expr: str
    for_: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Group(msgspec.Struct, frozen=True):
    name: str
    rules: list[Rule]


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    groups: list[Group]


RULES = msgspec.yaml.decode((ROOT / "deploy/prometheus/alerts.yml").read_bytes(), type=Rules).groups[0].rules
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/linnet.json").read_bytes())


def known() -> set[str]:
    """Names of series: of what processes count, and of what is asked at a scrape."""
    counted = {sample for family in REGISTRY.collect() for sample in _series(family.name, family.type)}
    waiting = metrics._Waiting({}, 0.0, 0, {}, 0, 0, 0, 0, 0)
    return counted | {family.name for family in metrics._families(waiting)} | {"linnet_store_up"} | _GIVEN


def _series(name: str, kind: str) -> Iterator[str]:
    yield f"{name}_total" if kind == "counter" else name
    if kind == "histogram":
        yield from (f"{name}_{end}" for end in ("bucket", "count", "sum"))


def named_in(expression: str) -> set[str]:
    return set(re.findall(r"[a-z][a-z_]+", re.sub(r"\{[^}]*\}", "", _WORDS.sub(" ", expression)))) - {"m"}


def test_every_series_that_is_looked_at_exists() -> None:
    series = known()
    shown = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    for expression in [rule.expr for rule in RULES] + shown:
        names = named_in(expression)
        assert names, expression
        assert names <= series, expression


def test_a_series_that_does_not_exist_is_caught() -> None:
    assert not named_in("sum(rate(linnet_tweets_total[5m]))") <= known()


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    assert sections == [rule.alert for rule in RULES]
    for rule in RULES:
        assert rule.annotations["runbook"] == f"docs/operations/runbook.md#{rule.alert.lower()}"
        assert rule.annotations["summary"].endswith(".")
        assert rule.labels["severity"] in ("page", "ticket")
    for section in RUNBOOK.split("\n## ")[1:]:
        assert all(part in section for part in ("*People notice*", "*Look*", "*Do*")), section


def test_every_alert_of_a_panel_exists() -> None:
    described = " ".join(panel["description"] for panel in DASHBOARD["panels"])
    assert set(re.findall(r"Linnet\w+", described)) <= {rule.alert for rule in RULES}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
