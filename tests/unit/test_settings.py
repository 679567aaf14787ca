"""Settings come from the environment once, all problems are told at once, and no password is ever shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from linnet.cli import main
from linnet.cli.serve import pool_size
from linnet.domain.limits import Quota
from linnet.domain.place import Place
from linnet.settings import SettingsError, read_settings
from linnet.settings.table import SETTINGS, mask_url, shown_value
from linnet.stores.valkey.limits import LimitOptions

REFERENCE_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LINNET_")]:
        monkeypatch.delenv(name)


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_settings(environ)
    return refused.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = read_settings({})
    assert settings.write.text.max_chars == 140
    assert settings.write.top_user_followers == 5000
    assert settings.windows.max_entries == 800
    assert settings.limits == LimitOptions()
    assert settings.trusted_proxies == ()
    assert settings.web.processes >= 1
    assert settings.postgres.url == ""
    assert (settings.log.level, settings.log.format) == ("info", "console")


def test_every_variable_reaches_its_option() -> None:
    settings = read_settings(
        {
            "LINNET_DATABASE_URL": "postgresql://u:p@db.example/linnet",
            "LINNET_DATABASE_POOL_SIZE": "3",
            "LINNET_VALKEY_URL": "redis://cache.example:6380/1",
            "LINNET_VALKEY_PREFIX": "blue:",
            "LINNET_PUBLIC_URL": "https://linnet.example/",
            "LINNET_WEB_PROCESSES": "5",
            "LINNET_TWEET_MAX_CHARS": "500",
            "LINNET_TOP_USER_FOLLOWERS": "7",
            "LINNET_WINDOW_ENTRIES": "20",
            "LINNET_RATE_LIMITS_ENABLED": "No",
            "LINNET_LIMIT_REQUEST": "1000/10s",
            "LINNET_LIMIT_SIGN_UP": "1/2D",
            "LINNET_LIMIT_LOG_IN": "OFF",
            "LINNET_TRUSTED_PROXIES": "10.0.0.0/8,fd00::1 unix",
            "LINNET_LOG_LEVEL": "DEBUG",
            "LINNET_LOG_FORMAT": "json",
            "LINNET_LOG_REQUESTS": "yes",
            "LINNET_OTLP_ENDPOINT": "http://collector.example:4318/",
            "LINNET_TRACES_PERCENT": "5",
            "LINNET_TITLE": "Kitchen",
            "LINNET_DESCRIPTION": "We bake.",
            "LINNET_ABOUT": "Bread.\r\n\r\nAnd buns.",
            "LINNET_RULES": "Be kind | No crumbs\n\nShare",
            "LINNET_CONTACT_EMAIL": "Oven@Kitchen.example",
            "LINNET_CONTACT_USERNAME": "@Ada",
            "LINNET_SIGN_UPS": "Closed",
        }
    )
    assert settings.postgres.url == "postgresql://u:p@db.example/linnet"
    assert settings.postgres.pool_size == 3
    assert settings.valkey.url == "redis://cache.example:6380/1"
    assert settings.valkey_prefix == b"blue:"
    assert settings.web.public_url == "https://linnet.example"
    assert settings.web.processes == 5
    assert settings.write.text.max_chars == 500
    assert settings.write.top_user_followers == 7
    assert settings.windows.max_entries == 20
    assert settings.limits.enabled is False
    assert settings.limits.quotas["request"] == Quota(1000, 10)
    assert settings.limits.quotas["sign_up"] == Quota(1, 2 * 86_400)
    assert settings.limits.quotas["log_in"] is None
    assert settings.limits.quotas["tweet"] == Quota(300, 3 * 3600)
    assert settings.trusted_proxies == ("10.0.0.0/8", "fd00::1", "unix")
    assert (settings.log.level, settings.log.format, settings.log.requests) == ("debug", "json", True)
    assert settings.write.place == Place(
        "Kitchen",
        "We bake.",
        "Bread.\n\nAnd buns.",
        "oven@kitchen.example",
        "ada",
        ("Be kind", "No crumbs", "Share"),
        takes_sign_ups=False,
    )
    assert settings.write.place.paragraphs == ["Bread.", "And buns."]
    assert (settings.traces.endpoint, settings.traces.percent) == ("http://collector.example:4318", 5)


def test_a_small_window_keeps_most_of_itself_when_it_overflows() -> None:
    for entries in (1, 2, 10, 100, 800):
        windows = read_settings({"LINNET_WINDOW_ENTRIES": str(entries)}).windows
        assert windows.kept_entries >= max(1, entries * 3 // 4)


@pytest.mark.parametrize("cores", [1, 2, 8, 32, 89])
def test_all_processes_of_a_machine_fit_into_the_bundled_postgresql(cores: int) -> None:
    size = pool_size(read_settings({"LINNET_WEB_PROCESSES": str(cores)}))
    assert 2 <= size <= 8
    assert size * (cores + 1) <= 180


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    assert read_settings({"LINNET_TWEET_MAX_CHARS": "", "LINNET_WEB_PROCESSES": " "}) == read_settings({})


def test_other_variables_are_none_of_our_business() -> None:
    read_settings({"PATH": "/bin", "linnet_lower": "1", "MY_LINNET_X": "1"})


def test_an_unknown_name_is_refused_and_the_near_one_offered() -> None:
    (problem,) = problems_of(LINNET_TWEET_MAX_CHAR="150")
    assert problem == "LINNET_TWEET_MAX_CHAR is not a setting. Did you mean LINNET_TWEET_MAX_CHARS?"


def test_an_unknown_name_like_no_other_points_to_the_list() -> None:
    (problem,) = problems_of(LINNET_ZZZZZZZZZZZZZZZZZZZZZ="1")
    assert "`linnet settings`" in problem


def test_all_problems_are_told_at_once() -> None:
    problems = problems_of(
        LINNET_TWEET_MAX_CHARS="many",
        LINNET_LOG_LEVEL="loud",
        LINNET_WINDOW_ENTRYS="1",
        LINNET_DATABASE_URL="mysql://h",
    )
    assert [problem.split()[0] for problem in problems] == [
        "LINNET_WINDOW_ENTRYS",
        "LINNET_DATABASE_URL",
        "LINNET_TWEET_MAX_CHARS",
        "LINNET_LOG_LEVEL",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINNET_TWEET_MAX_CHARS", "0"),
        ("LINNET_TWEET_MAX_CHARS", "-1"),
        ("LINNET_TWEET_MAX_CHARS", "1_000"),
        ("LINNET_TWEET_MAX_CHARS", "١٤٠"),
        ("LINNET_TWEET_MAX_CHARS", "1" * 5000),
        ("LINNET_WEB_PROCESSES", "0"),
        ("LINNET_WEB_PROCESSES", "two"),
        ("LINNET_RATE_LIMITS_ENABLED", "maybe"),
        ("LINNET_LIMIT_REQUEST", "0/m"),
        ("LINNET_LIMIT_REQUEST", "300"),
        ("LINNET_LIMIT_REQUEST", "1000001/m"),
        ("LINNET_LIMIT_REQUEST", "300/0m"),
        ("LINNET_LIMIT_REQUEST", "300/31d"),
        ("LINNET_LIMIT_REQUEST", "300/5 m"),
        ("LINNET_LIMIT_REQUEST", "٣/m"),
        ("LINNET_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("LINNET_TRUSTED_PROXIES", "proxy.example"),
        ("LINNET_LOG_FORMAT", "xml"),
        ("LINNET_DATABASE_URL", "host=db password=secret"),
        ("LINNET_DATABASE_URL", "db.example/linnet"),
        ("LINNET_VALKEY_URL", "http://h"),
        ("LINNET_VALKEY_URL", "redis://h:99999999"),
        ("LINNET_VALKEY_URL", "redis://[h"),
        ("LINNET_VALKEY_PREFIX", "{b1}"),
        ("LINNET_PUBLIC_URL", "linnet.example"),
        ("LINNET_PUBLIC_URL", "https://[x/?a=1"),
    ],
)
def test_a_wrong_value_is_refused_with_what_it_must_be(name: str, value: str) -> None:
    (problem,) = problems_of(**{name: value})
    assert problem.startswith(f"{name} must be ")
    assert "\n" not in problem


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://linnet:sesame@db.example:5432/linnet",
        "postgresql://linnet:ses%61me@db.example/linnet?sslmode=require",
        "postgresql:///linnet?host=/run/pg&user=linnet&password=sesame",
        "postgresql://db.example/linnet?sslPassword=sesame&sslmode=require",
        "postgresql://linnet:sesame@forgotten@db.example/linnet",
        "postgresql://linnet:forgotten/sesame@db.example/linnet",
        "redis://:sesame@cache.example",
        "redis://linnet:sesame@cache.example:6379/0",
        "host=db.example password=sesame",
        "sesame",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    shown = mask_url(url)
    assert "***" in shown
    for secret in ("sesame", "ses%61me", "forgotten"):
        assert secret not in shown


def test_a_password_is_not_shown_in_a_problem_or_in_the_list_either() -> None:
    assert "sesame" not in "".join(problems_of(LINNET_VALKEY_URL="http://linnet:sesame@h"))
    environ = {"LINNET_DATABASE_URL": "postgresql://linnet:sesame@db/linnet"}
    for command in (["settings"], ["settings", "--json"]):
        result = CliRunner().invoke(main, command, env=environ)
        assert result.exit_code == 0, result.output
        assert "postgresql://linnet:***@db/linnet" in result.output
        assert "sesame" not in result.output


def test_of_several_urls_no_password_is_shown() -> None:
    several = "postgresql://linnet:sesame@one/linnet postgresql://linnet:forgotten@two/linnet"
    assert mask_url(several) == "postgresql://linnet:***@one/linnet postgresql://linnet:***@two/linnet"
    assert read_settings({"LINNET_DATABASE_REPLICA_URLS": several}).replicas.urls == tuple(several.split())
    [problem] = problems_of(LINNET_DATABASE_REPLICA_URLS=several.replace("postgresql://linnet:f", "mysql://linnet:f"))
    assert "sesame" not in problem
    assert "forgotten" not in problem


def test_urls_without_a_password_are_shown_as_they_are() -> None:
    for url in ("unix:///run/valkey.sock?db=1", "postgresql:///linnet?host=/run/pg&user=postgres", "http://h:80/x"):
        assert mask_url(url) == url


def test_every_setting_says_what_it_is() -> None:
    for setting in SETTINGS:
        assert setting.name.startswith("LINNET_")
        assert setting.meaning.endswith(".")
        assert setting.unit
        assert setting.shown_default
        assert shown_value(setting, {}) == setting.shown_default


def test_the_reference_page_is_the_output_of_the_command() -> None:
    result = CliRunner().invoke(main, ["settings", "--markdown"])
    assert result.exit_code == 0
    assert REFERENCE_PAGE.read_text("utf-8") == result.output, (
        "run: linnet settings --markdown > docs/reference/settings.md"
    )


def test_a_broken_environment_is_told_in_one_line_each_without_a_traceback() -> None:
    result = CliRunner().invoke(main, ["settings"], env={"LINNET_TWEET_MAX_CHARS": "x", "LINNET_LOG_LEVEL": "y"})
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 2


def test_importing_reads_no_setting() -> None:
    modules = "linnet.settings, linnet.cli, linnet.bootstrap, linnet.workers.events"
    environ = {**os.environ, "LINNET_NO_SUCH_SETTING": "1", "LINNET_DATABASE_URL": "nonsense"}
    done = subprocess.run([sys.executable, "-c", f"import {modules}"], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LINNET_TITLE", "x" * 61, "text of at most 60 characters on one line"),
        ("LINNET_TITLE", "two\nlines", "on one line"),
        ("LINNET_DESCRIPTION", "a \x07 bell", "text of at most 300 characters"),
        ("LINNET_ABOUT", "x" * 10_001, "text of at most 10000 characters"),
        ("LINNET_RULES", "x" * 501, "at most 50 rules"),
        ("LINNET_RULES", "x|" * 51, "at most 50 rules"),
        ("LINNET_CONTACT_EMAIL", "nobody", "an e-mail address"),
        ("LINNET_CONTACT_USERNAME", "ada finch", "a username"),
        ("LINNET_SIGN_UPS", "perhaps", "open or closed"),
    ],
)
def test_what_a_place_cannot_say_of_itself_is_refused(name: str, value: str, said: str) -> None:
    [problem] = problems_of(**{name: value})
    assert name in problem
    assert said in problem
