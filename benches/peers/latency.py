#!/usr/bin/env python3
"""How long an event takes from its producer to a commit in the target, at a steady rate.

usage: latency.py --rowkind BINARY --brokers HOST:PORT --topic EMPTY-TOPIC --target URL [--rate N] [--seconds N] [-- SETTINGS FOR rowkind run …]

The target's Postgres needs `track_commit_timestamp = on`, and this machine kcat and psql. Each event carries the moment at which it was handed
to kcat; the difference to the commit timestamp of its row, all on one clock, is its latency.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

TABLE = "drop table if exists latency; create table latency (id bigint primary key, sent_us bigint not null, filler text)"
# the first second is the start's
QUANTILES = """
select count(*), round(percentile_cont(0.5) within group (order by ms)::numeric, 1), round(percentile_cont(0.99) within group (order by ms)::numeric, 1),
       round(max(ms)::numeric, 1)
  from (select extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 - sent_us / 1000.0 as ms from latency where id > {skipped}) as found"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rowkind", type=Path, required=True)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True, help="there, empty, of one partition")
    parser.add_argument("--target", required=True)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("settings", nargs="*")
    return parser.parse_args()


def psql(target, sql):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", target, "-c", sql], capture_output=True, check=True, text=True).stdout.strip()


def write(args, topic, n_events):
    """Events at a steady rate, each with its moment."""
    kcat = subprocess.Popen(["kcat", "-P", "-b", args.brokers, "-t", topic, "-p", "0", "-K", "|", "-X", "linger.ms=0"], stdin=subprocess.PIPE)
    began, filler = time.monotonic(), "x" * 600
    for number in range(n_events):
        due = began + number / args.rate
        left = due - time.monotonic()
        if left > 0:
            time.sleep(left)
        row = {"id": number, "sent_us": time.time_ns() // 1_000, "filler": filler}
        event = {"before": None, "after": row, "source": {"db": "shop", "schema": "public", "table": "latency"}, "op": "c"}
        kcat.stdin.write(f'{{"id":{number}}}|{json.dumps(event)}\n'.encode())
        kcat.stdin.flush()
    kcat.stdin.close()
    if kcat.wait() != 0:
        sys.exit("kcat could not write all events")


def main():
    args = arguments()
    topic, n_events = args.topic, args.rate * args.seconds
    if psql(args.target, "show track_commit_timestamp") != "on":
        sys.exit("the target's Postgres needs `track_commit_timestamp = on`")
    psql(args.target, TABLE)
    rowkind = subprocess.Popen([args.rowkind.resolve(), "run", "--name", f"latency{time.time_ns()}", "--source-brokers", args.brokers, "--source-topics", topic,
                                "--sink-table", "{table}", "--sink-url", args.target, *args.settings], stderr=subprocess.DEVNULL)
    try:
        time.sleep(5)
        write(args, topic, n_events)
        deadline = time.monotonic() + 30
        while int(psql(args.target, "select count(*) from latency")) < n_events:
            if time.monotonic() > deadline:
                sys.exit("not all events have come")
            time.sleep(0.1)
    finally:
        rowkind.terminate()
        rowkind.wait()
    n_found, median, p99, most = psql(args.target, QUANTILES.format(skipped=args.rate)).split("|")
    print(f"{args.rate} events/s, {n_found} events: median {median} ms, p99 {p99} ms, most {most} ms")


if __name__ == "__main__":
    main()
