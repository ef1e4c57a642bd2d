#!/usr/bin/env python3
"""rowkind beside Flink SQL and Debezium's JDBC sink: the same topics, one run, each result compared with the truth.

usage: compare.py --peers DIR --rowkind BINARY --out DIR [--rounds N] [--events N] [--debezium-events N] [--loads w1,w2,w3] [--without NAME]...

DIR of --peers is a folder in which the peers' set-up has run: its Kafka and Postgres are started here, what is missing of the topics is
written, and its `bin/bench.py` runs and times each system. Goes out: `performance.md`, a table, and `performance.svg`, a plot of it.
Rounds take the systems in turn; a figure is the median of them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

BROKERS = "127.0.0.1:29492"
TARGET = "postgres://bench:bench@127.0.0.1:55433/bench"
LOADS = {
    "w1": "w1: inserts alone",
    "w2": "w2: half inserts, 40 % updates, 10 % deletes",
    "w3": "w3: 10,000 rows, 95 % updates",
}
COLOURS = {"rowkind": "#c2410c", "Flink SQL": "#64748b", "Debezium JDBC sink": "#94a3b8"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--rowkind", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--debezium-events", type=int, default=100_000)
    parser.add_argument("--loads", default="w1,w2,w3")
    parser.add_argument("--without", action="append", default=[], help="leave a system out")
    return parser.parse_args()


def started(peers):
    """Postgres and Kafka, which may run already."""
    for script in ("pg.sh", "kafka.sh"):
        subprocess.run([peers / "bin" / script, "start"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def written(peers, load, layout, n_events):
    """The topic of a load, written where it is not there yet. Its truth is beside it."""
    topic = f"{load}.{layout}.p1.{n_events}"
    known = subprocess.run(["kcat", "-b", BROKERS, "-L", "-J"], capture_output=True, check=True, text=True)
    if topic not in {found["topic"] for found in json.loads(known.stdout)["topics"]}:
        subprocess.run([peers / "bin" / "gen.sh", load, layout, "1", str(n_events)], stdout=subprocess.DEVNULL, check=True)
    return topic


def command(system, args, load, run):
    """How a system is run, and for how many events."""
    if system == "rowkind":
        topic = written(args.peers, load, "n", args.events)
        words = [args.rowkind.resolve(), "run", "--name", run, "--source-brokers", BROKERS, "--source-topics", topic,
                 "--source-time-precision", "adaptive", "--source-decimal-mode", "string",
                 "--sink-table", "{table}", "--sink-url", TARGET]
        return words, args.events, {}
    if system == "Flink SQL":
        topic = written(args.peers, load, "n", args.events)
        words = [args.peers / "bin" / "run-flink.sh", "--topic", topic, "--par", "1", "--dup", "false",
                 "--flush-rows", "3000", "--ckpt-dir", f"/tmp/{run}", "--group", run]
        return words, args.events, {}
    topic = written(args.peers, load, "s", args.debezium_events)
    words = [args.peers / "bin" / "run-dbz-jdbc.sh", topic, "3000", "true"]
    return words, args.debezium_events, {"GROUP": run}


def measured(system, args, load):
    """One run."""
    run = f"compare{time.time_ns()}"
    words, n_events, environment = command(system, args, load, run)
    bench = [args.peers / "bin" / "bench.py", "--name", run, "--truth", f"{load}.{n_events}", "--events", str(n_events),
             "--sentinels", "1", "--", *words]
    ended = subprocess.run([sys.executable, *map(str, bench)], capture_output=True, check=False, text=True,
                           env={**os.environ, **environment})
    lines = ended.stdout.splitlines()
    if not lines:
        sys.exit(f"{system}, {load}: {ended.stderr}")
    result = json.loads(lines[-1])
    if result["rows_s"] is None or not result["truth"].endswith(" EQUAL"):
        sys.exit(f"{system}, {load}: not the truth: {lines[-1]}")
    print(f"{load} {system}: {result['rows_s']} events/s", file=sys.stderr)
    return {
        "events_per_s": result["rows_s"],
        "cpu": result["cpu_active_s"] * 1e6 / n_events,
        "postgres_cpu": result["pg_cpu_s"] * 1e6 / n_events,
        "mb": result["rss_mb"],
        "noise": result["noise_cores"],
    }


def copied(args, load):
    """Rows a second that COPY loads of a load's final rows, from a file into the empty table."""
    ended = subprocess.run([args.peers / "bin" / "raw-pg.sh", f"{load}.{args.events}"], capture_output=True, check=True, text=True)
    line = next(line for line in ended.stdout.splitlines() if "COPY into empty" in line)
    return float(line.split()[-2])


def table(results, limits):
    lines = ["| load | system | events/s | rowkind is | sink CPU µs/event | Postgres CPU µs/event | memory MB |", "|---|---|---|---|---|---|---|"]
    for load, of_load in results.items():
        ours = of_load["rowkind"]
        for system, found in of_load.items():
            ratio = "" if system == "rowkind" else f"{ours['events_per_s'] / found['events_per_s']:.1f} × as fast, 1/{found['mb'] / ours['mb']:.1f} of the memory"
            lines.append(f"| {load} | {system} | {found['events_per_s']:,.0f} | {ratio} | {found['cpu']:.1f} | {found['postgres_cpu']:.1f} | {found['mb']:.0f} |")
        if load in limits:
            share = ours["events_per_s"] / limits[load]
            lines.append(f"| {load} | `COPY` of the rows from a file | {limits[load]:,.0f} | {share:.2f} of it | | | |")
    return "\n".join(lines)


def plot(results):
    width, bar, left = 720, 22, 190
    most = max(found["events_per_s"] for of_load in results.values() for found in of_load.values())
    parts, y = [], 10
    for load, of_load in results.items():
        parts.append(f'<text x="10" y="{y + 14}" font-weight="bold">{LOADS[load]}</text>')
        y += 24
        for system, found in of_load.items():
            length = (width - left - 90) * found["events_per_s"] / most
            parts.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{system}</text>'
                         f'<rect x="{left}" y="{y}" width="{length:.0f}" height="{bar - 4}" fill="{COLOURS[system]}"/>'
                         f'<text x="{left + length + 6:.0f}" y="{y + 15}">{found["events_per_s"]:,.0f}</text>')
            y += bar
        y += 12
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" font-family="sans-serif" font-size="13" fill="#334155">'
            f'<title>Events a second</title><rect width="{width}" height="{y}" fill="#ffffff"/>{"".join(parts)}</svg>\n')


def main():
    args = arguments()
    started(args.peers)
    systems = [system for system in COLOURS if system not in args.without]
    loads = args.loads.split(",")
    runs = {load: {system: [] for system in systems} for load in loads}
    for number in range(args.rounds):
        for load in loads:
            for system in systems:
                # the peers are slow, and their figures are far away: once is enough
                if system == "rowkind" or number == 0:
                    runs[load][system].append(measured(system, args, load))
    limits = {load: copied(args, load) for load in loads if load == "w1"}
    median = lambda runs: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    results = {load: {system: median(found) for system, found in of_load.items()} for load, of_load in runs.items()}
    noise = max(found["noise"] for of_load in results.values() for found in of_load.values())
    args.out.mkdir(parents=True, exist_ok=True)
    said = f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, noise of other work at most {noise:.2f} cores; rowkind: median of {args.rounds} runs."
    (args.out / "performance.md").write_text(f"{table(results, limits)}\n\n{said}\n")
    (args.out / "performance.svg").write_text(plot(results))
    print((args.out / "performance.md").read_text())


if __name__ == "__main__":
    main()
