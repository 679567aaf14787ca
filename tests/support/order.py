"""Which files begin first: those that take longest, so that no worker begins one when the others are done."""

from collections.abc import Sequence

import pytest

LONGEST_FIRST = (
    "tests/flows/test_fresh_clone.py",
    "tests/flows/test_one_command_starts.py",
    "tests/flows/test_home_equals_its_definition.py",
    "tests/flows/test_valkey_failover.py",
    "tests/flows/test_valkey_cluster.py",
    "tests/flows/test_several_hosts.py",
    "tests/flows/test_chaos.py",
    "tests/flows/test_upgrade.py",
    "tests/flows/test_races_of_crossings.py",
    "tests/flows/test_roles_web_and_worker.py",
    "tests/web/test_layout.py",
    "tests/web/test_accessible.py",
    "tests/flows/test_backup_command.py",
    "tests/flows/test_move.py",
    "tests/flows/test_move_command.py",
    "tests/http/test_openapi_holds.py",
    "tests/flows/test_races.py",
    "tests/web/test_hostile_text.py",
    "tests/flows/test_one_command_refusals.py",
    "tests/web/test_story_of_two.py",
    "tests/flows/test_likes_at_once.py",
    "tests/web/test_scripts_live.py",
    "tests/flows/test_races_of_blocks.py",
    "tests/flows/test_demo_town.py",
    "tests/web/test_scripts_acts.py",
    "tests/flows/test_account_deletion.py",
    "tests/flows/test_bench_command.py",
    "tests/flows/test_pgbouncer.py",
    "tests/flows/test_read_replicas.py",
    "tests/apps/test_toot.py",
    "tests/apps/test_story_of_two.py",
    "tests/flows/test_embedded_servers.py",
    "tests/web/test_scripts_lists.py",
    "tests/web/test_top_users.py",
    "tests/web/test_scripts_writing.py",
    "tests/web/test_scripts_offline.py",
    "tests/flows/test_postgresql_stands_still.py",
    "tests/flows/test_writes_in_floods.py",
    "tests/flows/test_rolling_restart.py",
    "tests/http/test_hostile_requests.py",
    "tests/web/test_weight.py",
    "tests/flows/test_badges.py",
    "tests/flows/test_jobs_role.py",
)


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests of these files, then all others as they are."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    return sorted(items, key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))
