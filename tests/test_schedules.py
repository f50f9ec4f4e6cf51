"""Who starts the job: `schedule install|remove`, and the files under cron/, each by its own tool."""

from __future__ import annotations

import grp
import gzip
import json
import os
import plistlib
import pwd
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import googleapiclient
import pytest
from organisation_steps import ADMIN, add_users, write_key

from calendar_sync.schedules.crontab import MARK
from calendar_sync.schedules.examples import HOME, PROGRAM, render_examples
from calendar_sync.schedules.placing import Placing, fill, unit_words
from calendar_sync.schedules.systemd import system_units, unit_name, user_units

CRON = Path(__file__).parent.parent / "cron"
LOGROTATE = shutil.which("logrotate") or shutil.which("logrotate", path="/usr/sbin:/sbin")
ODD = "caf\udce9\x0c\u2028\r"
OTHERS = f"MAILTO=ada\n# mine\n5 4 * * * /usr/bin/true # {ODD}\n\n@reboot echo calendar-sync\n"
FAKE_CRONTAB = """#!/bin/sh
case "$1" in
-l) test -f "$KEPT" && exec cat "$KEPT"; echo "no crontab for ada" >&2; exit 1 ;;
-) cat >"$KEPT"; echo written >>"$KEPT.log" ;;
esac
"""
FAKE_SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$KEPT.log"
"""


@pytest.fixture
def fake(home: Any, tmp_path: Path) -> Callable[..., Any]:
    """Run a command with a crontab and a systemctl that keep what they are told in files."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("crontab", FAKE_CRONTAB), ("systemctl", FAKE_SYSTEMCTL)):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "KEPT": str(tmp_path / "kept"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    return lambda *arguments, **more: home.run(*arguments, environment=environment, **more)


def _crontab(tmp_path: Path) -> str:
    return (tmp_path / "kept").read_bytes().decode("utf-8", "surrogateescape")


# -- the crontab -----------------------------------------------------------------------------------


def test_install_adds_one_line_and_keeps_all_others(fake: Any, home: Any, tmp_path: Path) -> None:
    """Foreign lines stay as they are, in bytes; the new one is what `show` prints, with a mark."""
    (tmp_path / "kept").write_bytes(OTHERS.encode("utf-8", "surrogateescape"))
    fake("schedule", "install")
    shown = fake("schedule", "show").stdout.strip()
    assert _crontab(tmp_path) == f"{OTHERS}{shown} {MARK}\n"


def test_install_again_changes_nothing_and_a_new_schedule_replaces(
    fake: Any, home: Any, tmp_path: Path
) -> None:
    """crontab is not even written to; there is never a second line for the home."""
    fake("schedule", "install")
    done = fake("schedule", "install")
    assert "already" in done.stderr
    assert (tmp_path / "kept.log").read_text() == "written\n"
    home.configure('schedule = "7 3 * * *"')
    fake("schedule", "install")
    (line,) = _crontab(tmp_path).splitlines()
    assert line.startswith("7 3 * * * ")


def test_remove_takes_this_homes_line_only(
    fake: Any, home: Any, new_home: Callable[..., Any], tmp_path: Path
) -> None:
    """Another home's line stays, and so does one whose folder only begins alike."""
    (tmp_path / "kept").write_bytes(OTHERS.encode("utf-8", "surrogateescape"))
    fake("schedule", "install")
    other = fake("--home", str(home.folder) + "-2", "schedule", "install")
    assert other.returncode == 0
    fake("schedule", "remove")
    rest = _crontab(tmp_path).removeprefix(OTHERS)
    assert len(rest.splitlines()) == 1
    assert f"--home {home.folder}-2 " in rest
    assert "Nothing was installed" in fake("schedule", "remove").stderr


def test_a_line_written_by_hand_is_neither_doubled_nor_removed(
    fake: Any, home: Any, tmp_path: Path
) -> None:
    """78, and the crontab is untouched."""
    line = fake("schedule", "show").stdout
    (tmp_path / "kept").write_text(line)
    done = fake("schedule", "install", expect=78)
    assert "crontab -e" in done.stderr
    fake("schedule", "remove")
    assert _crontab(tmp_path) == line


def test_a_crontab_that_cannot_be_read_is_not_written(fake: Any, home: Any, tmp_path: Path) -> None:
    """An error is not an empty crontab."""
    script = '#!/bin/sh\ntest "$1" = - && touch "$KEPT.log"\necho not allowed >&2\nexit 1\n'
    (tmp_path / "bin" / "crontab").write_text(script)
    done = fake("schedule", "install", expect=78)
    assert "not allowed" in done.stderr
    assert not (tmp_path / "kept.log").exists()


def test_show_changes_nothing(fake: Any, home: Any, tmp_path: Path) -> None:
    """Neither backend; not even with a crontab at hand."""
    fake("schedule", "show")
    fake("schedule", "show", "--backend", "systemd")
    assert not (tmp_path / "kept").exists()
    assert not (tmp_path / "config").exists()


def test_without_cron_the_other_backend_is_named(home: Any, tmp_path: Path) -> None:
    """78, with the command to type."""
    done = home.run("schedule", "install", expect=78, environment={"PATH": str(tmp_path)})
    assert "--backend systemd" in done.stderr


# -- a user's systemd ------------------------------------------------------------------------------


def test_systemd_units_are_installed_once_and_removed(fake: Any, home: Any, tmp_path: Path) -> None:
    """Service and timer of this home, enabled; afterwards nothing is left."""
    folder = tmp_path / "config" / "systemd" / "user"
    fake("schedule", "install", "--backend", "systemd")
    name = unit_name(home.folder)
    assert {path.name for path in folder.iterdir()} == {f"{name}.service", f"{name}.timer"}
    said = (tmp_path / "kept.log").read_text()
    assert f"--user enable --now {name}.timer" in said
    done = fake("schedule", "install", "--backend", "systemd")
    assert "already" in done.stderr
    (folder / "mine.service").write_text("[Service]\n")
    fake("schedule", "remove", "--backend", "systemd")
    assert [path.name for path in folder.iterdir()] == ["mine.service"]
    assert f"--user disable --now {name}.timer" in (tmp_path / "kept.log").read_text()


def test_a_configured_schedule_is_kept_by_the_program(fake: Any, home: Any) -> None:
    """systemd asks every five minutes; without one it starts the job each quarter of an hour."""
    value = json.loads(fake("--json", "schedule", "show", "--backend", "systemd").stdout)
    plain = "".join(value["units"].values())
    assert "OnCalendar=*:0/15" in plain and "--if-due" not in plain
    home.configure('schedule = "30 2 * * *"\ntimezone = "Asia/Taipei"')
    asking = fake("schedule", "show", "--backend", "systemd").stdout
    assert "OnCalendar=*:0/5" in asking and "--if-due" in asking


def test_a_systemd_that_is_not_there_is_78_and_nothing_is_written(
    fake: Any, home: Any, tmp_path: Path
) -> None:
    """Containers and WSL have none."""
    (tmp_path / "bin" / "systemctl").write_text("#!/bin/sh\necho no bus >&2\nexit 1\n")
    done = fake("schedule", "install", "--backend", "systemd", expect=78)
    assert "no bus" in done.stderr
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("word", "written"),
    [("/a/b", "/a/b"), ("/a b", '"/a b"'), ("50%", "50%%"), ("$x", '"$$x"'), ('"', '"\\""'),
     ("a\\b", '"a\\\\b"'), ("a\nb", '"a\\nb"'), ("", '""')],
)  # fmt: skip
def test_systemd_gets_words_as_they_are(word: str, written: str) -> None:
    """Spaces, specifiers, variables, quotes, line breaks."""
    assert unit_words([word]) == written


# -- the files under cron/ -------------------------------------------------------------------------


def test_the_files_are_what_is_rendered() -> None:
    """`python -m calendar_sync.schedules.examples cron` writes them again."""
    rendered = render_examples()
    there = {str(p.relative_to(CRON)) for p in CRON.rglob("*") if p.is_file()}
    assert there - {"crontab.example"} == set(rendered)
    for name, text in rendered.items():
        assert (CRON / name).read_text(encoding="utf-8") == text, name
    assert os.access(CRON / "run.sh", os.X_OK)


def test_every_blank_is_filled_and_every_file_is_named() -> None:
    """No `@NAME@` is left; the table leads to each file or its folder."""
    rendered = render_examples()
    assert not re.search(r"@[A-Z_]+@", "".join(rendered.values()))
    for name in rendered:
        assert (
            name == "README.md"
            or name in rendered["README.md"]
            or f"{Path(name).parent}/" in (rendered["README.md"])
        )
    with pytest.raises(KeyError):
        fill("@NOBODY@")


@pytest.mark.needs_shellcheck
@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_run_sh_is_clean() -> None:
    """POSIX shell, no findings, optional checks too."""
    command = ["shellcheck", "--shell=sh", "--enable=all", "--exclude=SC2250", str(CRON / "run.sh")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_run_sh_takes_over_what_is_lent_and_runs_the_job(home: Any, tmp_path: Path) -> None:
    """The client and, once, the grant; a second run keeps the grant that is there."""
    lent = tmp_path / "lent"
    shutil.move(home / "credentials", lent)
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m calendar_sync "$@"\n')
    program.chmod(0o755)
    environment = home.environment(
        CALENDAR_SYNC_HOME=str(home.folder),
        CALENDAR_SYNC_PROGRAM=str(program),
        CREDENTIALS_DIRECTORY=str(lent),
    )
    run = ["sh", str(CRON / "run.sh")]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    assert (home.exports / "manifest.json").exists()
    assert home.token.stat().st_mode & 0o777 == 0o600
    (lent / "token.json").write_text("another")
    done = subprocess.run([*run, "status"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert home.token.read_text() != "another"


def _units(tmp_path: Path) -> Path:
    """The units with programs that exist, as systemd-analyze wants them."""
    folder = tmp_path / "units"
    folder.mkdir()
    for name, text in system_units(sys.executable, str(CRON / "run.sh")).items():
        (folder / name).write_text(text)
    user = user_units(Placing((sys.executable, "-m", "x"), tmp_path / "a 50% home"), "mine")
    for name, text in user.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.needs_systemd
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    """Not one remark."""
    units = sorted(path for path in _units(tmp_path).iterdir() if "@" not in path.name)
    command = ["systemd-analyze", "verify", "--man=no", *map(str, units)]
    done = subprocess.run(command, capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "calendar-sync" in line or "mine" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.needs_systemd
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", [n for n in system_units("p", "r") if n.endswith(".service")])
def test_system_units_are_hardened(tmp_path: Path, name: str) -> None:
    """An exposure of at most 1.5 of 10."""
    unit = _units(tmp_path) / name
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=15", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.skipif(LOGROTATE is None, reason="needs logrotate")
def test_a_real_logrotate_turns_the_log_of_a_crontab_line(
    new_home: Callable[..., Any], tmp_path: Path
) -> None:
    """The next run opens a new one; a month without a word is no error."""
    home = new_home(granted=False)
    log, conf = home / "cron.log", tmp_path / "logrotate"
    mine = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"
    text = (CRON / "logrotate.example").read_text()
    conf.write_text(text.replace(HOME, str(home.folder)).replace("su ada ada", f"su {mine}"))
    conf.chmod(0o644)

    def turn() -> None:
        command = [str(LOGROTATE), "--force", "--state", str(tmp_path / "turned"), str(conf)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    turn()
    for number in (1, 2):
        with log.open("ab") as opened:
            subprocess.run(home.command("export", "--quiet"), stderr=opened, check=False)
        assert log.read_text().count("There is no grant yet") == 1
        turn()
        assert not log.exists()
        kept = sorted(path.name for path in home.folder.glob("cron.log*"))
        assert kept == [f"cron.log.{each}.gz" for each in range(1, number + 1)]
    assert b"There is no grant yet" in gzip.decompress((home / "cron.log.2.gz").read_bytes())


def test_the_plist_starts_the_job() -> None:
    """launchd's own format, read by Python's own reader."""
    value = plistlib.loads((CRON / "launchd" / "calendar-sync.plist").read_bytes())
    assert value["ProgramArguments"][1:3] == ["export", "--home"]
    assert [entry["Minute"] for entry in value["StartCalendarInterval"]] == [0, 15, 30, 45]


def test_the_windows_task_starts_the_job() -> None:
    """Well-formed, in the task's namespace, never twice at once."""
    root = ET.fromstring((CRON / "windows" / "calendar-sync.xml").read_bytes())
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    assert root.findtext(".//t:MultipleInstancesPolicy", namespaces=space) == "IgnoreNew"
    assert "export --home" in str(root.findtext(".//t:Arguments", namespaces=space))


def test_the_cronjob_runs_one_at_a_time_and_writes_only_its_volume() -> None:
    """Read by a YAML parser where there is one."""
    yaml = pytest.importorskip("yaml")
    claim, job = yaml.safe_load_all((CRON / "kubernetes" / "cronjob.yaml").read_text())
    assert (claim["kind"], job["kind"]) == ("PersistentVolumeClaim", "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_indexed_job_reads_every_user_once(new_home: Callable[..., Any]) -> None:
    """What each of its pods runs, run here, index by index: one number of pods all over the file."""
    yaml = pytest.importorskip("yaml")
    text = (CRON / "kubernetes" / "organisation.yaml").read_text()
    configuration, _, job = yaml.safe_load_all(text)
    spec = job["spec"]["jobTemplate"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    pods = spec["completions"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert spec["completionMode"] == "Indexed"
    assert environment == {"JOB_COMPLETION_COUNT": str(pods)}
    assert spec["parallelism"] == pods
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert {*mounts} == {volume["name"] for volume in pod["volumes"]}
    home = new_home("acme", granted=False)
    write_key(home)
    people = add_users(home.google, 3)
    home.google.control("add_account", account=ADMIN)
    ((name, toml),) = configuration["data"].items()
    toml = toml.replace(f"{mounts['lent']}/key.json", str(home / "key.json"))
    (home / "pod.toml").write_text(toml.replace("admin@acme.example", ADMIN))
    place = f"{mounts['configuration']}/{name}"
    arguments = [str(home / "pod.toml") if a == place else a for a in container["args"]]
    home.google.requests.clear()
    for index in range(pods):
        home.run(*arguments, environment=environment | {"JOB_COMPLETION_INDEX": str(index)})
    read = {path.name for path in home.exports.iterdir()}
    assert {*people, ADMIN} <= read
    assert home.google.requests.count("calendarList") == len(read)
    assert len([*home.folder.glob("state/acme/shard-*-of-4/run.lock")]) == 4


def test_the_dockerfile_keeps_the_documents_that_are_used() -> None:
    """Calendar, and the directory of an organisation's users."""
    kept = re.findall(r"! -name (\S+)", (CRON / "Dockerfile").read_text())
    assert kept == ["calendar.v3.json", "admin.directory_v1.json"]
    for name in kept:
        assert (Path(googleapiclient.__path__[0]) / "discovery_cache/documents" / name).exists()


def test_the_dockerfile_copies_what_exists_and_no_secret() -> None:
    """Its sources are in the checkout, it runs as nobody, and no credentials get in."""
    text = (CRON / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M)
    sources = [source for line in copied for source in line.split()]
    assert len(sources) >= 5
    assert [source for source in sources if not (CRON.parent / source).exists()] == []
    assert not {"credentials", "."} & set(sources)
    assert re.search(r"^USER 10001", text, re.M)


def test_no_file_names_a_machine_of_ours() -> None:
    """Ada's paths and the machine's, nobody else's."""
    for name, text in render_examples().items():
        homes = set(re.findall(r"/(?:home|Users|root|work)/\w+", text))
        assert homes <= {"/home/ada", "/Users/ada"}, name
    assert HOME.startswith("/home/ada") and PROGRAM.startswith("/home/ada")
