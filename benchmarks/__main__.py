"""`make bench`: a table of speed and memory, with peers measured in the same run. It only reports.

`make bench BENCH="--scales 1 --engines sail --web-shop 0.01"` measures less.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measurement, measure
from benchmarks.pre_send import pre_send_rows
from benchmarks.web_shop import Size, deliver_first_day, deliver_second_day
from lakehouse.utils.process_tuning import SMALL_PAGES
from tests.support.homes import ROOT, Home, free_ports

AS_OF = "2018-01-02T00:00:00Z"
Row = tuple[str, str, str, str]


def main() -> None:
    arguments = argparse.ArgumentParser(prog="make bench")
    arguments.add_argument("--scales", default="1,10", help="sample scales of the data work, comma separated")
    arguments.add_argument("--engines", default="sail,spark", help="engines of the whole run at scale 1")
    arguments.add_argument(
        "--web-shop", type=float, default=1.0, help="size of the web shop: 1 is a million contacts, 0 leaves it out"
    )
    arguments.add_argument(
        "--people", type=int, default=1_000_000, help="profiles in the audience of the export, 0 leaves it out"
    )
    arguments.add_argument("--pre-send", type=int, default=10, help="sample scale of the pre-send run, 0 leaves it out")
    arguments.add_argument(
        "--profiles", type=int, default=1_000_000, help="profiles that are loaded into stores, 0 leaves them out"
    )
    chosen = arguments.parse_args()
    console = Console(width=150)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        for engine in (value for value in chosen.engines.split(",") if value):
            rows += _whole_run(Path(folder) / f"run-{engine}", engine, console)
        for scale in (int(value) for value in chosen.scales.split(",") if value):
            rows += _data_work(Path(folder) / f"scale-{scale}", scale, console)
        if chosen.web_shop:
            rows += _two_days(Path(folder) / "web-shop", Size(chosen.web_shop), console)
        if chosen.people:
            rows += _exports(Path(folder) / "exports", chosen.people, console)
        if chosen.pre_send:
            rows += _pre_send(Path(folder) / "pre-send", chosen.pre_send, console)
        if chosen.profiles:
            rows += _profiles(Path(folder) / "profiles", chosen.profiles, console)
    table = Table("what", "measured", "bar", "command", title="lakehouse bench", show_lines=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _whole_run(folder: Path, engine: str, console: Console) -> list[Row]:
    home = Home(folder, engine)
    bin_ = Path(sys.executable).parent
    rows: list[Row] = []

    def lakehouse(*words: str) -> Measurement:
        return _checked(
            measure([str(bin_ / "lakehouse"), *words], home.environment(LAKEHOUSE_ENGINE_MEMORY_GB="0"), ROOT, folder),
            words,
            console,
        )

    if engine == "sail":
        rows.append(
            (
                "lakehouse --help",
                f"{min(lakehouse('--help').seconds for _ in range(5)):.2f} s",
                "<= 0.4 s",
                "lakehouse --help",
            )
        )
    lakehouse("sample", "build")
    start = lakehouse("engine", "start")
    rows.append(
        (
            f"{engine} engine cold start",
            f"{start.seconds:.1f} s",
            "<= 3 s" if engine == "sail" else "<= 15 s",
            "lakehouse engine start",
        )
    )
    lakehouse("engine", "stop")
    run = ("run", "--campaign", "champions_thank_you", "--as-of", AS_OF)
    first = lakehouse(*run)
    bar = "~120 s" if engine == "sail" else "~300 s"
    rows.append(
        (f"whole run, scale 1, {engine}", f"{first.seconds:.0f} s, peak {first.peak_gib:.1f} GiB", bar, "lakehouse run")
    )
    second = lakehouse(*run)
    share = second.seconds / first.seconds
    rows.append(
        (
            f"second run, nothing changed, {engine}",
            f"{second.seconds:.0f} s = {share:.2f} of the first",
            "<= 1/3",
            "lakehouse run",
        )
    )
    if engine == "sail":
        query = lakehouse("sql", "select count(*) from gold.dim_customers", "--format", "json")
        rows.append(("lakehouse sql", f"{query.seconds:.2f} s", "<= 1.5 s", 'lakehouse sql "select count(*) ..."'))
    lakehouse("engine", "stop")
    shutil.rmtree(folder)
    return rows


def _data_work(folder: Path, scale: int, console: Console) -> list[Row]:
    home = Home(folder)
    env = home.environment(LAKEHOUSE_ENGINE_MEMORY_GB="6", **SMALL_PAGES)  # as the scheduler has it
    python, program = sys.executable, str(Path(sys.executable).parent / "lakehouse")

    def call(*words: str) -> Measurement:
        return _checked(measure(list(words), env, ROOT, folder), words, console)

    call(program, "sample", "build", "--scale", str(scale))
    peer = call(python, "benchmarks/duckdb_peer.py", str(folder / "sample"), str(folder / "peer"))
    work = [python, "-m", "benchmarks.data_work"]
    call(program, "engine", "start")
    parsed = call(python, "-c", "from lakehouse.gold.dbt_manifest import dbt_manifest_path; dbt_manifest_path()")
    full = call(*work)
    stages = json.loads(full.output.splitlines()[-1])
    imports = stages.pop("imports")
    # both without the imports
    seconds_in_all, peer_seconds = stages.pop("all"), json.loads(peer.output.splitlines()[-1])["total_seconds"]
    rows: list[Row] = [
        (
            f"dumps -> gold, scale {scale}: DuckDB peer",
            f"{peer_seconds:.1f} s, peak {peer.peak_gib:.1f} GiB",
            "",
            "benchmarks/duckdb_peer.py",
        ),
        (
            f"dumps -> gold, scale {scale}: sail",
            f"{seconds_in_all:.1f} s = {seconds_in_all / peer_seconds:.1f} x DuckDB, peak {full.peak_gib:.1f} GiB",
            "<= 3 x, <= 8 GiB",
            "data_work",
        ),
    ]
    rows += [
        (f"  of which {name}", f"{seconds:.1f} s", "", "")
        for name, seconds in stages.items()
        if seconds > seconds_in_all / 50
    ]
    rows.append(("  before it, once per scheduler: import libraries, warm up dbt", f"{imports:.1f} s", "", "data_work"))
    rows.append(
        (
            "  before it, once per change of the dbt project: parse it",
            f"{parsed.seconds:.1f} s",
            "",
            "dbt_manifest_path()",
        )
    )
    changed = json.loads(call(*work, "--changed-share", "0.01").output.splitlines()[-1])
    of_gold, of_all = changed["gold"] / stages["gold"], changed["gold"] / seconds_in_all
    what = f"1 % of customers changed, scale {scale}: gold"
    rows.append(
        (
            what,
            f"{changed['gold']:.1f} s = {of_all:.2f} of dumps -> gold, {of_gold:.2f} of gold",
            "<= 0.15",
            "data_work --changed-share 0.01",
        )
    )
    call(program, "engine", "stop")
    shutil.rmtree(folder)
    return rows


def _two_days(folder: Path, size: Size, console: Console) -> list[Row]:
    """The data work of a shop with many people, from its first dumps and on its second day."""
    home, conf, deliveries = Home(folder), folder / "conf", folder / "deliveries"
    env = home.environment(LAKEHOUSE_CONF=str(conf), LAKEHOUSE_ENGINE_MEMORY_GB="6", **SMALL_PAGES)
    program, work = str(Path(sys.executable).parent / "lakehouse"), (sys.executable, "-m", "benchmarks.data_work")

    def call(*words: str) -> Measurement:
        return _checked(measure(list(words), env, ROOT, folder), words, console)

    deliver_first_day(deliveries, conf, size)
    call(program, "engine", "start")
    days = [call(*work)]
    deliver_second_day(deliveries, size)
    days.append(call(*work))
    call(program, "engine", "stop")
    shutil.rmtree(folder)
    first, second = (json.loads(day.output.splitlines()[-1]) for day in days)
    shop = f"web shop, {size.contacts:,} contacts"
    share = second["identities"] / first["identities"]
    rows: list[Row] = [
        (f"{shop}: first day", f"{first['all']:.1f} s, peak {days[0].peak_gib:.1f} GiB", "", "data_work"),
        (f"{shop}: second day", f"{second['all']:.1f} s = {second['all'] / first['all']:.2f}", "", "data_work"),
    ]
    for name in ("silver contacts", "silver transactions", "identities", "gold"):
        rows.append((f"  of which {name}", f"{first[name]:.1f} s, then {second[name]:.1f} s", "", ""))
    rows.append(("  identities on the second day", f"{share:.2f} of the first", "<= 0.2", ""))
    return rows


def _profiles(folder: Path, people: int, console: Console) -> list[Row]:
    """Loading profiles into servers, and answering them."""
    home = Home(folder)

    def call(*step: str) -> dict[str, float]:
        words = (sys.executable, "-m", "benchmarks.profiles", *step)
        done = _checked(measure(list(words), home.environment(), ROOT, folder), words, console)
        found: dict[str, float] = json.loads(done.output.splitlines()[-1])
        return found

    rows: list[Row] = []
    for kind, peer in (("redis", "redis-cli --pipe"), ("postgresql", "\\copy")):
        loaded = call("load", kind, "--people", str(people))
        share, slower = loaded["peer"] / loaded["seconds"], loaded["p99_during"] / loaded["p99_before"]
        speed = f"{loaded['seconds']:.0f} s = {share:.2f} x the speed of {peer}"
        rows.append((f"load {people:,} profiles, {kind}", speed, ">= 0.5 x", f"profiles load {kind}"))
        reads = f"p99 {loaded['p99_during']:.1f} ms = {slower:.1f} x that of before"
        rows.append(("  reads meanwhile", reads, "<= 2 x", ""))
    served = call("serve")
    for name, bar in (("profile", 3), ("batch", 5)):
        ratio = served[name] / served["bare"]
        measured = f"p99 {served[name]:.1f} ms = {ratio:.1f} x a bare endpoint with one Redis GET"
        what = "profile API, 300 requests/s" if name == "profile" else "profile API, 10 batches of 100 a second"
        rows.append((what, measured, f"<= {bar} x", "profiles serve"))
    return rows


def _exports(folder: Path, people: int, console: Console) -> list[Row]:
    """The first export of an audience, and the next one, with 1 % changed."""
    home = Home(folder)
    env = home.environment(LAKEHOUSE_CONF=str(folder / "conf"), LAKEHOUSE_LAKE_ROOT="")

    def call(step: str) -> tuple[float, Measurement]:
        words = (sys.executable, "-m", "benchmarks.activation", step, "--people", str(people))
        done = _checked(measure(list(words), env, ROOT, folder), words, console)
        return json.loads(done.output.splitlines()[-1])["seconds"], done

    call("build")
    first_seconds, first = call("send")
    call("change")
    pairs = [(call("plan"), call("peer")) for _ in range(3)]
    next_seconds, following = call("send")
    rows = [row for platform in ("klaviyo", "braze") for row in _sending(folder, env, platform, console)]
    shutil.rmtree(folder)
    (plan_seconds, plan), (peer_seconds, peer) = (
        min(runs, key=lambda run: run[0]) for runs in zip(*pairs, strict=True)
    )
    what = f"{people:,} profiles"
    times = plan_seconds / peer_seconds
    return [
        (
            f"{what}, 1 % changed: DuckDB by hand",
            f"{peer_seconds:.1f} s, peak {peer.peak_gib:.1f} GiB",
            "",
            "activation peer",
        ),
        (
            "  selection, firewall, difference, plan",
            f"{plan_seconds:.1f} s = {times:.1f} x DuckDB, peak {plan.peak_gib:.1f} GiB",
            "<= 3 x, <= 1.5 GiB",
            "activation plan",
        ),
        ("  the whole export to the outbox", f"{next_seconds:.1f} s, peak {following.peak_gib:.1f} GiB", "", "export"),
        (f"{what}: first export to the outbox", f"{first_seconds:.1f} s, peak {first.peak_gib:.1f} GiB", "", "export"),
        *rows,
    ]


def _pre_send(folder: Path, scale: int, console: Console) -> list[Row]:
    env = Home(folder).environment(LAKEHOUSE_ENGINE_MEMORY_GB="6")
    program = str(Path(sys.executable).parent / "lakehouse")

    def lakehouse(*words: str) -> Measurement:
        return _checked(measure([program, *words], env, ROOT, folder), words, console)

    rows = pre_send_rows(folder, scale, AS_OF, lakehouse)
    shutil.rmtree(folder)
    return rows


def _sending(folder: Path, env: dict[str, str], platform: str, console: Console) -> list[Row]:
    """The audience to a platform without a limit, and a bare loop that sends the same bytes, three times in turn."""
    port, record = free_ports(1)[0], folder / f"{platform}.calls"

    def call(step: str, account: str = "mails") -> tuple[dict[str, float], Measurement]:
        words = (sys.executable, "-m", "benchmarks.sending", step, "--platform", platform, "--port", str(port))
        words += ("--account", account, "--record", str(record))
        done = _checked(measure(list(words), env, ROOT, folder), words, console)
        return json.loads(done.output.splitlines()[-1]), done

    with _receiving(platform, port, record):
        call("export", f"{platform}0")
    with _receiving(platform, port):
        pairs = [(call("export", f"{platform}{turn}"), call("bare")) for turn in (1, 2, 3)]
    ratios = sorted(bare["seconds"] / sent["sending"] for (sent, _), (bare, _) in pairs)
    best = max(sent["found"] / sent["sending"] for (sent, _), _ in pairs)
    peak = max(done.peak_gib for (_, done), _ in pairs)
    what = f"  to {platform} without a limit"
    measured = f"{best:,.0f} profiles/s, {ratios[1]:.2f} x a bare loop, peak {peak:.1f} GiB"
    return [(what, measured, ">= 0.6 x, <= 1 GiB, reach 30,000/s", "sending")]


@contextmanager
def _receiving(platform: str, port: int, record: Path | None = None) -> Iterator[None]:
    words = [sys.executable, "-m", "benchmarks.receiving_server", "--platform", platform, "--port", str(port)]
    words += ["--record", str(record)] if record else []
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield
        finally:
            server.terminate()


def _checked(result: Measurement, words: tuple[str, ...], console: Console) -> Measurement:
    console.print(f"{result.seconds:7.1f} s  {' '.join(words)}")
    if result.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{result.output[-4000:]}")
    return result


if __name__ == "__main__":
    main()
