"""The client and the key as a service manager lends them: 0400 in a read-only folder."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from grant_steps import make_due
from own_systemd import as_root, managed, needs_a_manager, unshared

if TYPE_CHECKING:
    from conftest import HomeFolder

CONFIGURATION = 'credentials_from = "systemd"\ntoken_key = "systemd:calendar-key"\n'

# As LoadCredential= does it: a ramfs of the service's own, filled, then made read-only.
LEND = """
set -e
mount -t ramfs -o mode=0700 none "$LENT"
cp "$SOURCE"/* "$LENT"/
chmod 0400 "$LENT"/*
chmod 0500 "$LENT"
mount -o remount,ro "$LENT"
CREDENTIALS_DIRECTORY=$LENT
export CREDENTIALS_DIRECTORY
exec setpriv --bounding-set=-dac_override,-dac_read_search,-fowner \
    --inh-caps=-dac_override,-dac_read_search,-fowner "$@"
"""


@pytest.fixture
def lending(new_home: Callable[..., HomeFolder], tmp_path: Path) -> tuple[HomeFolder, Path]:
    """A home whose client and key are elsewhere, and the folder where they are."""
    home, source = new_home(), tmp_path / "source"
    source.mkdir()
    home.client_secrets.rename(source / "client_secrets.json")
    (source / "calendar-key").write_bytes(Fernet.generate_key() + b"\n")
    home.configure(CONFIGURATION)
    return home, source


def lent_by_mount(home: HomeFolder, source: Path, *command: str) -> tuple[int, str, str]:
    lent = source.with_name("lent")
    lent.mkdir(exist_ok=True)
    return unshared(LEND, home.environment(LENT=str(lent), SOURCE=str(source)), *command)


def is_encrypted_with(key: Path, token: Path) -> bool:
    sealed = json.loads(token.read_bytes())
    opened = Fernet(key.read_bytes().strip()).decrypt(sealed["content"])
    return "refresh_token" in json.loads(opened)


@as_root
def test_files_lent_read_only_are_enough_for_every_command(
    lending: tuple[HomeFolder, Path],
) -> None:
    """Nobody may write there, not even root; the grant, which changes, stays in the home."""
    home, source = lending
    if lent_by_mount(home, source, "true")[0] != 0:
        pytest.skip("this machine allows no mount namespaces")
    probe = (
        'touch "$CREDENTIALS_DIRECTORY/calendar-key" && exit 3; umask 0; cat "$LENT"/* >/dev/null'
    )
    assert lent_by_mount(home, source, "sh", "-c", probe)[0] == 0, "a reader, no writer"
    make_due(home.token)
    for verb in (["export"], ["doctor"], ["calendars"], ["status"]):
        code, out, said = lent_by_mount(home, source, *home.command(*verb))
        assert code == 0, (verb, out, said)
        assert "open to others" not in out + said
    assert is_encrypted_with(source / "calendar-key", home.token)
    assert stat.S_IMODE(home.token.stat().st_mode) == 0o600
    assert not home.client_secrets.exists()
    code, _, said = lent_by_mount(home, source, *home.command("revoke"))
    assert code == 0, said
    assert home.google.oauth.grants() == []


@needs_a_manager
@pytest.mark.slow
def test_a_real_systemd_lends_the_client_and_the_key(lending: tuple[HomeFolder, Path]) -> None:
    """LoadCredential= by systemd itself, in a service that runs the real program."""
    home, source = lending
    make_due(home.token)
    service = ["systemd-run", "--user", "--wait", "--pipe", "--quiet"]
    for name in ("client_secrets.json", "calendar-key"):
        service += ["-p", f"LoadCredential={name}:{source / name}"]
    code, out, said = managed(home.environment(), *service, *home.command("export"))
    assert code == 0, (out, said)
    assert is_encrypted_with(source / "calendar-key", home.token)
    assert (home.exports / "manifest.json").exists()
    look = "import os; f = os.environ['CREDENTIALS_DIRECTORY']; print(sorted(os.listdir(f)))"
    code, out, said = managed(home.environment(), *service, sys.executable, "-c", look)
    assert (code, out.strip()) == (0, "['calendar-key', 'client_secrets.json']"), said
