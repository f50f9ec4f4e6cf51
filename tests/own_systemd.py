"""A user's systemd of a test's own, which needs no booted system; mounts that nobody else sees."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")

# In a cgroup, a mount namespace and a /run of its own.
_MANAGE = """
set -e
hierarchy=/sys/fs/cgroup/systemd; [ -d $hierarchy ] || hierarchy=/sys/fs/cgroup
own=$hierarchy/calendar-sync-test-$$
mkdir $own; echo $$ > $own/cgroup.procs
trap 'echo $$ > $hierarchy/cgroup.procs; find $own -depth -type d -exec rmdir {} +' EXIT
mount -t tmpfs none /run; mount --make-rshared /
mkdir -p /run/systemd/system /run/user/0
export XDG_RUNTIME_DIR=/run/user/0
/lib/systemd/systemd --user >/dev/null 2>&1 & manager=$!
tries=100
until systemctl --user is-system-running 2>/dev/null | grep -Eqx "running|degraded"; do
    tries=$((tries - 1)); [ $tries -gt 0 ] || { kill $manager; wait $manager || :; exit 99; }
    sleep 0.1
done
code=0
"$@" || code=$?
kill $manager; wait $manager || :
exit $code
"""


def needs_a_manager(test: pytest.Function) -> pytest.Function:
    """Mark a test of a real `systemd --user`."""
    absent = shutil.which("systemd-run") is None
    marked = pytest.mark.skipif(absent, reason="no systemd here")(test)
    return as_root(pytest.mark.needs_systemd(marked))


def unshared(script: str, environment: Mapping[str, str], *command: str) -> tuple[int, str, str]:
    """Run a shell script, with a command as its arguments, among mounts of its own."""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def managed(environment: Mapping[str, str], *command: str) -> tuple[int, str, str]:
    """Run a command beside a systemd of its own; skip the test where none can be started."""
    code, out, said = unshared(_MANAGE, environment, *command)
    if code == 99 or "Permission denied" in said or "Read-only file system" in said:
        pytest.skip("systemd does not start here")
    return code, out, said
