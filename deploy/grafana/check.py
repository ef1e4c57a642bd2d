#!/usr/bin/env python3
"""Looks at the dashboard beside it: by itself alone, or against a Prometheus that scrapes a rowkind at work.

usage: check.py [PROMETHEUS_URL]

With a URL every query is evaluated with the dashboard's variables filled in, those of "All" and each value by itself. It fails on an
error, on a query that gives no series or nothing but NaN, and on a legend that names a label which the series do not have.
"""

import json
import math
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
METRICS = HERE.parent.parent / "docs" / "metrics.md"
# What Grafana fills in itself; long enough for two scrapes that are half a minute apart.
OF_GRAFANA = {"__rate_interval": "2m", "__range": "15m"}
SHOWN_SECONDS = 300
STEP_SECONDS = 15

failures = []


def fail(text):
    failures.append(text)
    print(f"✗ {text}")


def queries(dashboard):
    """Each query with the title of its panel."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target


def check_layout(dashboard):
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    titles = [(panel["type"], panel["title"]) for panel in panels]
    if len(ids) != len(set(ids)):
        fail("two panels have the same id")
    if len(titles) != len(set(titles)):
        fail("two panels of a type have the same title")
    taken = {}
    for panel in panels:
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24:
            fail(f"{panel['title']}: wider than the page")
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    fail(f"{panel['title']} lies over {other}")
        if panel["type"] != "row" and not panel.get("description"):
            fail(f"{panel['title']}: no description")
        if panel["type"] == "stat" and not panel["fieldConfig"]["defaults"]["mappings"]:
            fail(f"{panel['title']}: does not say what it shows where there is nothing")
    refs = [panel.get("datasource") for panel in panels if panel["type"] != "row"]
    refs += [target["datasource"] for _, target in queries(dashboard)]
    if any(ref != {"type": "prometheus", "uid": "${datasource}"} for ref in refs):
        fail("a query asks another data source than the one that is chosen")


def check_names(dashboard):
    """Metrics are those of docs/metrics.md, variables those that the dashboard has."""
    known = set(re.findall(r"`((?:rowkind|process)_\w+)`", METRICS.read_text()))
    known |= {name + suffix for name in known for suffix in ("_bucket", "_sum", "_count")}
    variables = {variable["name"] for variable in dashboard["templating"]["list"]} | OF_GRAFANA.keys()
    for title, target in queries(dashboard):
        for name in sorted(set(re.findall(r"\b(?:rowkind|process)_\w+", target["expr"])) - known):
            fail(f"{title}: {name} is no metric of docs/metrics.md")
        for name in sorted(set(re.findall(r"\$\{?(\w+)", target["expr"])) - variables):
            fail(f"{title}: ${name} is no variable")


class Prometheus:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def ask(self, path, **parameters):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error).get("error", error)) from None

    def values_of(self, variable, filled):
        """The values of a variable `label_values(SELECTOR, LABEL)`."""
        selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", fill(variable["definition"], filled)).groups()
        return self.ask(f"label/{label}/values", **{"match[]": selector})

    def series(self, target, expr):
        """Labels and values of each series."""
        now = time.time()
        if target["instant"]:
            found = self.ask("query", query=expr, time=now)["result"]
            return [(series["metric"], [series["value"]]) for series in found]
        found = self.ask("query_range", query=expr, start=now - SHOWN_SECONDS, end=now, step=STEP_SECONDS)["result"]
        return [(series["metric"], series["values"]) for series in found]


def fill(text, filled):
    return re.sub(r"\$\{?(\w+)\}?", lambda match: filled[match[1]], text)


def settings(prometheus, dashboard):
    """What the variables can be: all of them `All`, and each value of each by itself."""
    by_query = [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    every = OF_GRAFANA | {variable["name"]: variable["allValue"] for variable in by_query}
    yield "All", every
    for variable in by_query:
        values = prometheus.values_of(variable, every)
        if not values:
            fail(f"the variable {variable['name']} has no values: does this Prometheus scrape a rowkind?")
        for value in values:
            # as Grafana does it in a regular expression within quotes
            yield f"{variable['name']} = {value}", every | {variable["name"]: re.escape(value).replace("\\", "\\\\")}


def check_queries(prometheus, dashboard):
    n = 0
    for which, filled in settings(prometheus, dashboard):
        print(f"\n{which}")
        for title, target in queries(dashboard):
            n += 1
            expr = fill(target["expr"], filled)
            try:
                series = prometheus.series(target, expr)
            except ValueError as error:
                fail(f"{title}: {error}\n  {expr}")
                continue
            values = [float(value) for _, points in series for _, value in points]
            numbers = [value for value in values if not math.isnan(value)]
            legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            if not series:
                fail(f"{title}: no series\n  {expr}")
            elif not numbers:
                fail(f"{title}: nothing but NaN; is there a load?\n  {expr}")
            elif any(legend - labels.keys() for labels, _ in series):
                fail(f"{title}: series without a label of the legend {target['legendFormat']}\n  {expr}")
            else:
                name = f"{title}: {target['legendFormat']}" if target["legendFormat"] else title
                print(f"✓ {name}: {len(series)} series, {min(numbers):.4g} to {max(numbers):.4g}")
    return n


def main():
    if len(sys.argv) > 2 or any(argument.startswith("-") for argument in sys.argv[1:]):
        sys.exit(__doc__)
    dashboard = json.loads((HERE / "rowkind.json").read_text())
    check_layout(dashboard)
    check_names(dashboard)
    n = len(list(queries(dashboard)))
    done = f"{n} queries: names and layout"
    if len(sys.argv) == 2:
        n = check_queries(Prometheus(sys.argv[1]), dashboard)
        done = f"{n} queries evaluated"
    print(f"\n{len(failures)} failures" if failures else done)
    sys.exit(bool(failures))


main()
