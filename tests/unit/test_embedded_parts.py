"""The parts of the bundled servers that need no server."""

import os
from pathlib import Path

import pytest

from linnet.embedded import logs
from linnet.embedded.account import Account, reach
from linnet.embedded.postgres_settings import server_settings
from linnet.embedded.programs import find_programs, programs_for


def test_a_grown_log_is_cut_and_keeps_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_LIMIT_BYTES", 10)
    path = tmp_path / "log"
    fd = logs.open_log(path)
    os.write(fd, b"0123456789abcdef")
    logs.trim_log(path)
    os.write(fd, b"after")
    os.close(fd)
    assert path.read_bytes() == b"after"
    assert (tmp_path / "log.1").read_bytes() == b"6789abcdef"


def test_lines_since_an_offset_are_read_also_when_the_log_was_cut_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\nnew\n")
    assert logs.read_log_since(path, 4) == ["new"]
    assert logs.read_log_since(path, 1000) == []
    assert logs.read_log_since(tmp_path / "none", 0) == []


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        logs.open_log(tmp_path / "log")


def test_settings_quote_their_values_and_keep_the_disk_honest() -> None:
    text = server_settings("/o'hara", durable=True)
    assert "unix_socket_directories = '/o''hara'\n" in text
    assert "fsync = 'on'\n" in text
    assert "listen_addresses = ''\n" in text
    hasty = server_settings("/run", durable=False)
    assert "fsync = 'off'\n" in hasty
    assert "dynamic_shared_memory_type = 'mmap'\n" in hasty, "killed, it leaves nothing in the machine's shared memory"


def test_an_ordinary_user_reaches_directories_by_their_names(tmp_path: Path) -> None:
    with reach(None, tmp_path) as reached:
        assert reached.names == (str(tmp_path),)
        assert reached.fds == ()


def test_another_account_reaches_directories_by_descriptors_that_do_not_stay_open(tmp_path: Path) -> None:
    (tmp_path / "inside").touch()
    with reach(Account("nobody", 65534, 65534), tmp_path) as reached:
        assert os.listdir(reached.names[0]) == ["inside"]
    assert not Path(reached.names[0]).exists() or not Path(reached.names[0]).samefile(tmp_path)


def test_programs_are_copied_whole_when_the_account_cannot_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linnet.embedded.programs._can_read", lambda account, path: tmp_path in path.parents)
    account = Account("nobody", 65534, 65534)
    copies = tmp_path / "copies"
    programs = programs_for(account, copies)
    assert copies in programs.valkey_server.parents
    assert Path(programs.of_postgres("postgres")).stat().st_mode & 0o777 == 0o755
    assert programs_for(account, copies) == programs
    damaged = Path(programs.of_postgres("initdb"))
    os.truncate(damaged, 0)
    assert programs_for(account, copies) == programs
    assert damaged.stat().st_size == Path(find_programs().of_postgres("initdb")).stat().st_size
    assert len(list(copies.iterdir())) == 1
