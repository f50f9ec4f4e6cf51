"""An organisation on the local Google, read by each engine; a worker is killed on the way.

Run: python tests/bench/organisation.py [USERS [ENGINE ...]]     (default: 200 threads processes dask)

Each answer takes 200 ms and Google's published rate limits hold. For each engine it prints a first
run and one that finds nothing changed, a JSON object a line, how many users' exports are whole, and in
the end whether every engine's are the same, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from organisation_steps import add_users, organisation, write_key_of

from calendar_sync.emulator.local_google import LocalGoogle

LATENCY = 0.2  # seconds for each answer
PER_USER, PER_PROJECT = 600, 10_000  # requests in a minute, as Google publishes them
AT_ONCE = {"threads": 32, "processes": 8, "dask": 32}  # workers


def main(count: int, engines: list[str]) -> int:
    digests, whole = {}, {}
    with LocalGoogle() as google:
        users = add_users(google, count)
        google.latency = LATENCY
        google.control("api", per_user=PER_USER, per_project=PER_PROJECT)
        for engine in engines:
            with tempfile.TemporaryDirectory() as name, engine_of(engine) as (address, workers):
                home = Path(name)
                write_key_of(google, home)
                text = organisation(users, f'engine = "{address}"', f"workers = {AT_ONCE[engine]}")
                (home / "calendar-sync.toml").write_text(text)
                show(engine, "first read", export(home, google, count, workers))
                show(engine, "nothing changed", export(home, google, count, None))
                digests[engine] = digest(home / "exports")
                sizes = {
                    f"{of}_bytes_a_user": size(home / of) // count for of in ("exports", "state")
                }
                whole[engine] = sum(is_whole(home / "exports" / user) for user in users)
                print(json.dumps({"engine": engine, "whole": whole[engine], **sizes}), flush=True)
    same = len(set(digests.values())) == 1
    print(json.dumps({"users": count, "same_bytes_from_every_engine": same}))
    return 0 if same and set(whole.values()) == {count} else 1


@contextmanager
def engine_of(name: str) -> Iterator[tuple[str, Any]]:
    """Yield what the configuration calls the engine, and how to find its workers' processes."""
    if name != "dask":
        yield name, children if name == "processes" else None
        return
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=16, dashboard_address=None) as cluster:
        yield (
            f"dask:{cluster.scheduler_address}",
            lambda _: [nanny.pid for nanny in cluster.workers.values()],
        )


def children(pid: int) -> list[int]:
    """The worker processes of a run: its children that are no resource tracker."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(each)
        for each in found
        if "spawn_main" in Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ")
    ]


def export(home: Path, google: LocalGoogle, count: int, workers: Any) -> dict[str, Any]:
    """Run an export; with `workers`, kill one when a third of the users are done."""
    google.requests.clear()
    command = [sys.executable, "-m", "calendar_sync", "--home", str(home), "export", "--json"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        lines, killed = [], 0
        for line in run.stdout or ():
            lines.append(line)
            if workers is not None and not killed and len(lines) > count // 3:
                killed = workers(run.pid)[0]
                os.kill(killed, signal.SIGKILL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    totals = json.loads(lines[-1])["totals"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = time.monotonic() - started
    return {
        "exit_code": run.returncode,
        "users": totals["users"],
        "updated": totals["updated"],
        "unchanged": totals["unchanged"],
        "failed": totals["failed"],
        "worker_killed": bool(killed),
        "seconds": round(seconds, 1),
        "users_a_second": round(count / seconds, 1),
        "cpu_ms_a_user": round(cpu / count * 1000, 1),  # a cluster's own is not in it
        "requests": len(google.requests.to("")),
        "refused": sum(1 for entry in google.requests.to("") if entry.status in (403, 429)),
    }


def digest(exports: Path) -> str:
    """Hash every exported file but the manifests, which name their run."""
    whole = hashlib.sha256()
    for path in sorted(exports.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            whole.update(str(path.relative_to(exports)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def is_whole(exports: Path) -> bool:
    """Whether a user's files are there, each as the manifest says."""
    entries = json.loads((exports / "manifest.json").read_bytes())["calendars"]
    files = [file for entry in entries for file in entry["files"]]
    found = [hashlib.sha256((exports / file["path"]).read_bytes()).hexdigest() for file in files]
    return bool(files) and found == [file["sha256"] for file in files]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def show(engine: str, what: str, figures: dict[str, Any]) -> None:
    print(json.dumps({"engine": engine, "run": what, **figures}), flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(int(given[0]) if given else 200, given[1:] or [*AT_ONCE]))
