"""The units that we render, started by a real systemd: what `systemd-analyze` cannot know."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from grant_steps import make_due
from own_systemd import managed, needs_a_manager

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.schedules.systemd import system_units, unit_name

CHECKOUT = Path(__file__).parent.parent
PROGRAM = Path(sys.executable).with_name("calendar-sync")
STATE = "-p ActiveState,Result,ExecMainStatus,StatusText"

pytestmark = pytest.mark.slow


@needs_a_manager
def test_installed_user_units_run_the_job_until_they_are_removed(
    home: Any, google: LocalGoogle, tmp_path: Path
) -> None:
    """The timer starts the service; a passing trouble is no failure, a dead grant is one."""
    name = unit_name(home.folder)
    environment = home.environment(XDG_CONFIG_HOME=str(tmp_path / "config"))
    units = tmp_path / "config/systemd/user"
    program = f"{PROGRAM} --home {home.folder}"
    by_timer = f"""
        {program} schedule install --backend systemd && systemctl --user is-enabled {name}.timer
        systemctl --user show {name}.timer -p NextElapseUSecRealtime
        mkdir {units}/{name}.timer.d
        printf '[Timer]\\nOnActiveSec=1ms\\nAccuracySec=1ms\\nRandomizedDelaySec=0\\n' \\
            >{units}/{name}.timer.d/soon.conf
        systemctl --user daemon-reload && systemctl --user restart {name}.timer
        until [ -e {home.exports}/manifest.json ]; do sleep 0.1; done
        systemctl --user start {name}.service && systemctl --user show {name}.service {STATE}
    """
    code, out, said = managed(environment, "timeout", "90", "sh", "-c", by_timer)
    assert code == 0, (out, said)
    assert "enabled" in out and "NextElapseUSecRealtime=" in out
    assert "Result=success" in out and "ExecMainStatus=0" in out
    start = f"systemctl --user start {name}.service; systemctl --user show {name}.service {STATE}"
    make_due(home.token)
    google.faults.add("html_502", on="token", count=None)
    code, out, said = managed(environment, "sh", "-c", start)
    assert "ExecMainStatus=75" in out and "Result=success" in out, (out, said)
    google.faults.clear()
    google.revoke_grants()
    remove = f"{program} schedule remove --backend systemd && systemctl --user list-unit-files"
    end = f"{start}; systemctl --user is-active {name}.timer; {remove}"
    code, out, said = managed(environment, "sh", "-c", end)
    assert code == 0, (out, said)
    assert "ExecMainStatus=77" in out and "ActiveState=failed" in out, (out, said)
    assert "\nactive\n" in out, "the timer stays: a consent is all that is missing"
    assert "Removed" in said and name not in out.partition("\nactive\n")[2]


@needs_a_manager
def test_the_machines_units_run_in_their_whole_sandbox(
    new_home: Callable[..., Any], tmp_path: Path
) -> None:
    """A user made up for it, no capability, few system calls: the job, then the daemon.

    Only where things lie is changed, and what hides the checkout and its Python from a service.
    """
    home = new_home()
    state = tmp_path / "config" / "calendar-sync"
    units = tmp_path / "config/systemd/user"
    units.mkdir(parents=True)
    places = {"/etc/calendar-sync": home.token.parent, "/var/lib/calendar-sync": state}
    seen = " ".join({str(CHECKOUT), sys.prefix, sys.base_prefix, "/run/user/0/systemd/notify"})
    for name, text in system_units(str(PROGRAM), str(CHECKOUT / "cron" / "run.sh")).items():
        for place, here in places.items():
            text = text.replace(place, str(here))
        (units / name).write_text(text)
        if "@" not in name and name.endswith(".service"):
            (units / f"{name}.d").mkdir()
            (units / f"{name}.d" / "here.conf").write_text(
                f"[Service]\nProtectHome=tmpfs\nBindReadOnlyPaths={seen}\n"
                f"StandardError=append:{tmp_path}/said\n"
            )
    script = f"""
        chmod a+w $XDG_RUNTIME_DIR/systemd/notify  # as the one of process 1 is
        systemctl --user start calendar-sync.service || exit
        systemctl --user show calendar-sync.service {STATE}; echo --
        echo 'schedule = "0 0 1 1 *"' >{state}/calendar-sync.toml
        systemctl --user start calendar-sync-daemon.service || exit
        systemctl --user show calendar-sync-daemon.service {STATE},WatchdogUSec; echo --
        systemctl --user stop calendar-sync-daemon.service
        systemctl --user show calendar-sync-daemon.service {STATE}
    """
    environment = home.environment(XDG_CONFIG_HOME=str(tmp_path / "config"))
    code, out, said = managed(environment, "timeout", "90", "sh", "-c", script)
    heard = (tmp_path / "said").read_text()
    assert code == 0, (out, said, heard)
    job, running, stopped = out.split("--\n")
    assert {"Result=success", "ExecMainStatus=0", "ActiveState=inactive"} < {*job.split()}, out
    assert "ActiveState=active" in running and "StatusText=Running '0 0 1 1 *'" in running, out
    assert "WatchdogUSec=5min" in running
    assert "Result=success" in stopped and "ActiveState=inactive" in stopped, out
    exported = (state / "exports/manifest.json").stat()
    assert exported.st_uid >= 61184, "a user of DynamicUser="
    assert exported.st_mode & 0o777 == 0o600
