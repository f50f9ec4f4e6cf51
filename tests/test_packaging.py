"""What is shipped: wheel, sdist, dependencies, the lock file."""

from __future__ import annotations

import ast
import configparser
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LOCK = ROOT / ".ci" / "requirements.lock"
MARK = "-".join(["planted", "for", "this", "test"])  # not as such in this file, which is shipped
SECRET = re.compile(rb"GOCSPX-[\w-]+|\bya29\.[\w-]+|\"1//[\w-]+")
PLANTED = (
    "credentials/token.json",
    "credentials/client_secrets.json",
    "credentials/token.json.lock",
    "exports/x.csv",
    "state/mirror.sqlite3",
    "cron.log",
    "calendar-sync.toml",
    "calendar.dat",
    "token.json",
    "calendar_sync/__pycache__/cli.cpython-311.pyc",
)
# Where strings that look like secrets are invented on purpose.
INVENTED = ("tests/", "calendar_sync/emulator/")


def _checkout(folder: Path) -> Path:
    """Copy what git would ship: tracked files, and new ones that nothing ignores."""
    if not (ROOT / ".git").exists():
        ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".venv", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=ignore)
        return folder
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """The contents of wheel and sdist, built from a checkout that somebody lives in."""
    checkout = _checkout(tmp_path_factory.mktemp("checkout"))
    for name in PLANTED:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(f'{{"refresh_token": "{MARK}"}}')
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name: archive.read(name) for name in archive.namelist()}
    in_sdist = {}
    with tarfile.open(fileobj=io.BytesIO(sdist.read_bytes())) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None, f"{member.name} is no plain file"
            in_sdist[member.name.partition("/")[2]] = file.read()
    return {"wheel": in_wheel, "sdist": in_sdist}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_wheel_holds_the_package_and_nothing_else(shipped: dict[str, Any]) -> None:
    """Also that it is typed, and under which licence."""
    tops = {name.split("/")[0] for name in shipped["wheel"]}
    assert len(tops) == 2
    assert tops >= {"calendar_sync"}
    others = [n for n in shipped["wheel"] if n.startswith("calendar_sync/") and n[-3:] != ".py"]
    assert sorted(others) == ["calendar_sync/help.txt", "calendar_sync/py.typed"]
    assert any(name.endswith("licenses/LICENSE") for name in shipped["wheel"])


def test_the_wheel_holds_every_module(shipped: dict[str, Any]) -> None:
    """A package folder that the build forgets would be missed only after installing."""
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "calendar_sync").rglob("*.py")}
    assert {name for name in shipped["wheel"] if name.endswith(".py")} == modules


def test_the_sdist_holds_what_is_needed_to_test_and_build_it(shipped: dict[str, Any]) -> None:
    """Tests, cron example, how to get a client, the pinned versions; nobody's home."""
    names = set(shipped["sdist"])
    tops = {name.split("/")[0] for name in names}
    wanted = {"calendar_sync", "tests", "cron", "credentials", ".ci"}
    files = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"}
    assert tops <= wanted | files | {".gitignore", "PKG-INFO"}
    assert tops >= wanted | files
    assert {n for n in names if n.startswith("credentials/")} <= {
        "credentials/README.md",
        "credentials/.gitignore",
    }
    assert {"tests/conftest.py", "tests/test_packaging.py", "cron/crontab.example"} <= names
    assert "calendar_sync/py.typed" in names
    assert not [name for name in names if name.endswith((".pyc", ".sqlite3"))]


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_no_secret_of_a_home_is_shipped(shipped: dict[str, Any], kind: str) -> None:
    """Not one of the planted files, and no text that looks like a secret outside invented ones."""
    files: dict[str, bytes] = shipped[kind]
    assert set(PLANTED) & set(files) == set()
    assert [name for name, content in files.items() if MARK.encode() in content] == []
    suspicious = [
        (name, match[0])
        for name, content in files.items()
        if not name.startswith(INVENTED)
        for match in SECRET.finditer(content)
    ]
    assert suspicious == []


def test_both_names_start_the_same_program(shipped: dict[str, Any]) -> None:
    """The console script, and `python -m calendar_sync`."""
    (entry_points,) = (n for n in shipped["wheel"] if n.endswith("entry_points.txt"))
    scripts = configparser.ConfigParser()
    scripts.read_string(shipped["wheel"][entry_points].decode())
    assert dict(scripts["console_scripts"]) == {"calendar-sync": "calendar_sync.__main__:main"}


def test_the_wheel_runs_where_nothing_else_of_the_project_is(
    shipped: dict[str, Any], tmp_path: Path
) -> None:
    """Its own files suffice, the emulator's samples included."""
    for name, content in shipped["wheel"].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from importlib.metadata import Distribution\n"
        "from pathlib import Path\n"
        "import calendar_sync; assert calendar_sync.__file__.startswith(sys.argv[1])\n"
        "(entry,) = Distribution.at(next(Path(sys.argv[1]).glob('*.dist-info'))).entry_points\n"
        "entry.load()(['--version']); entry.load()(['--help']); assert 'click' not in sys.modules"
    )
    command = [sys.executable, "-P", "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout[:13]) == (0, "calendar-sync"), done.stderr


# -- dependencies ----------------------------------------------------------------------------------

IMPORTED_AS = {
    "google-auth": "google",
    "google-auth-oauthlib": "google_auth_oauthlib",
    "google-api-python-client": "googleapiclient",
    "python-dateutil": "dateutil",
}


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _imported() -> set[str]:
    found = set()
    for path in (ROOT / "calendar_sync").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found


def test_every_dependency_is_used_and_says_why(project: dict[str, Any]) -> None:
    """Dependencies are guests: each has its reason in a comment beside it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    imported = _imported()
    for requirement in project["dependencies"]:
        name = _name(requirement)
        line = next(line for line in text.splitlines() if f'"{requirement}"' in line)
        assert re.search(r"#\s+\w.{15,}", line), f"{name} does not say why"
        assert IMPORTED_AS.get(name, name) in imported, f"{name} is not used"


def test_everything_imported_is_declared(project: dict[str, Any]) -> None:
    """Nothing is used only because something else happens to bring it."""
    extras = [r for name, of in project["optional-dependencies"].items() for r in of
              if name not in ("test", "dev", "opinions")]  # fmt: skip
    declared = {IMPORTED_AS.get(_name(r), _name(r)) for r in [*project["dependencies"], *extras]}
    # Parts of the Google clients: their types, and what google-auth signs with.
    carried = {"google_auth_httplib2", "httplib2", "oauthlib", "cryptography"}
    foreign = _imported() - set(sys.stdlib_module_names) - {"calendar_sync"}
    assert foreign - declared - carried == set()


def test_the_four_fixed_packages_are_there(project: dict[str, Any]) -> None:
    """They were not ours to choose."""
    names = {_name(requirement) for requirement in project["dependencies"]}
    fixed = {"google-auth", "google-auth-oauthlib", "google-api-python-client", "apscheduler"}
    assert fixed <= names
    assert "apscheduler>=3.11.3,<4" in project["dependencies"]


def test_python_and_licence_are_said(project: dict[str, Any]) -> None:
    """Debian 12's Python is the oldest."""
    assert project["requires-python"] == ">=3.11"
    assert project["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def _locked() -> dict[str, str]:
    """Return the entries of the lock file, each with its continuation lines, by name."""
    joined = LOCK.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    entries = [line for line in lines if line and not line.startswith("#")]
    return {_name(entry): entry for entry in entries}


def test_the_lock_names_no_host() -> None:
    """Where packages come from is the installer's business, not ours."""
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text


def test_the_lock_pins_every_version_with_hashes() -> None:
    """`pip install --require-hashes` takes it."""
    loose = [
        entry
        for entry in _locked().values()
        if not re.match(r"[\w.-]+(\[[\w,]+\])?==[\w.!+]+ .*--hash=sha256:[0-9a-f]{64}", entry)
    ]
    assert loose == []


def test_the_lock_covers_every_dependency(project: dict[str, Any]) -> None:
    """At a version that pyproject.toml accepts."""
    locked = _locked()
    for requirement in project["dependencies"]:
        name = _name(requirement)
        assert name in locked, f"{name} is not locked"
        version = re.search(r"==([\d.]+)", locked[name])
        lowest = re.search(r">=([\d.]+)", requirement)
        assert version is not None
        assert lowest is not None
        assert _numbers(version[1]) >= _numbers(lowest[1])


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.strip(".").split(".")]
