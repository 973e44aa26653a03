"""An address and a rate in, answers counted and timed out; knows nothing of the program it posts to.

    python -m routing.bench.load URL --token T --stored N --rate 100 --seconds 10

posts at Poisson instants, without waiting for answers, and times each from the instant at which it was due.
Without `--rate` every connection posts as fast as it is answered: what wrk does with less, where it is installed.
Standard library only, because it runs as a process of its own beside the program.
"""

import argparse
import http.client
import json
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

POOLS, COMPANIES = 20, 120_000
COUNTRIES, LEAD_TYPES = ("US", "DE", "FR", "GB"), ("demo", "trial", "contact", "content")
PRODUCTS = ("core", "pro", "ent")
SENDERS = 64
"""Threads of the open loop: at most so many posts are under way."""


def lead_payload(chance: random.Random, stored: int, hot: bool = False) -> dict[str, Any]:
    """One lead: of ten one repeats a stored e-mail, five come from a stored domain. `hot`: all into one pool."""
    kind, known, fresh = chance.random(), chance.randrange(1, stored + 1), chance.getrandbits(52)
    line = 1 if hot else chance.randrange(1, POOLS + 1)
    domain = f"c{known % min(COMPANIES, stored)}.example" if kind < 0.5 else f"n{fresh}.example"
    return {
        "submission_id": f"{fresh:x}-{chance.getrandbits(40):x}",
        "email": f"u{known}@{domain}" if kind < 0.1 else f"x{fresh}@{domain}",
        "phone": f"+1{2_000_000_000 + known if kind < 0.1 else 4_000_000_000 + fresh % 5_000_000_000}",
        "first_name": "Ann",
        "last_name": f"Lee {known}",
        "company_name": f"Company {domain}",
        "company_domain": domain,
        "company_size": chance.randrange(20_000),
        "country": chance.choice(COUNTRIES),
        "lead_type": chance.choice(LEAD_TYPES),
        "campaign": f"line-{line}-{chance.randrange(5)}",
        "product_interest": chance.choice(PRODUCTS),
        "utm_source": "ads",
        "utm_campaign": "q3",
        "consent_to_contact": True,
        "message": "please call me " * 5,
    }


LUA = """
local stored, companies, token = {stored}, {companies}, "{token}"
local countries = {{"US", "DE", "FR", "GB"}}
local types = {{"demo", "trial", "contact", "content"}}
local products = {{"core", "pro", "ent"}}
local threads = {{}}
local random, form = math.random, string.format

function setup(thread)
  table.insert(threads, thread)
  thread:set("seed", {seed} + #threads)
end

function init(args)
  math.randomseed(seed)
  statuses = {{}}
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. token
end

function request()
  local kind, known, fresh = random(), random(1, stored), random(0, 4503599627370495)
  local domain, email, phone
  if kind < 0.5 then domain = form("c%d.example", known % companies)
  else domain = form("n%.0f.example", fresh) end
  if kind < 0.1 then
    email, phone = form("u%d@%s", known, domain), 2000000000 + known
  else
    email, phone = form("x%.0f@%s", fresh, domain), 4000000000 + fresh % 5000000000
  end
  wrk.body = form('{{"submission_id":"%.0f-%d","email":"%s","phone":"+1%.0f","first_name":"Ann","last_name":"Lee %d",'
    .. '"company_name":"Company %s","company_domain":"%s","company_size":%d,"country":"%s","lead_type":"%s",'
    .. '"campaign":"line-%d-%d","product_interest":"%s","utm_source":"ads","utm_campaign":"q3",'
    .. '"consent_to_contact":true,"message":"' .. string.rep("please call me ", 5) .. '"}}',
    fresh, random(0, 1000000000), email, phone, known, domain, domain, random(0, 19999), countries[random(4)],
    types[random(4)], random({pools}), random(0, 4), products[random(3)])
  return wrk.format()
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local counts = {{}}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do counts[status] = (counts[status] or 0) + count end
  end
  local parts = {{}}
  for status, count in pairs(counts) do table.insert(parts, form('"%d":%d', status, count)) end
  local errors = summary.errors
  io.write(form('RESULT {{"seconds":%f,"p50_ms":%f,"p99_ms":%f,"errors":%d,"statuses":{{%s}}}}\\n',
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(parts, ",")))
end
"""


def saturate(url: str, token: str, stored: int, connections: int, seconds: float) -> dict[str, Any]:
    """Post over keep-alive connections as fast as answers come.

    Gives `seconds`, `p50_ms`, `p99_ms`, `errors` (posts without an answer) and `statuses` (status → answers).
    """
    if not (wrk := shutil.which("wrk")):
        return _own_process(url, token, stored, seconds, ["--connections", str(connections)])
    seed = random.randrange(1, 2**31)
    with tempfile.TemporaryDirectory(prefix="revroute-bench-") as folder:
        script = Path(folder, "leads.lua")
        companies = min(COMPANIES, stored)
        script.write_text(LUA.format(stored=stored, companies=companies, token=token, seed=seed, pools=POOLS))
        command = [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "15s"]
        done = subprocess.run([*command, "-s", str(script), url], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise RuntimeError(f"wrk gave no result: {done.stderr.strip() or done.stdout.strip()[-300:]}")
    return json.loads(lines[0].removeprefix("RESULT "))


def arrive(url: str, token: str, stored: int, rate: float, seconds: float) -> dict[str, Any]:
    """Post at Poisson instants, `rate` a second, whatever the answers do; as `saturate` otherwise."""
    return _own_process(url, token, stored, seconds, ["--rate", str(rate)])


def _own_process(url: str, token: str, stored: int, seconds: float, more: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "routing.bench.load", url, "--token", token, "--stored", str(stored)]
    folder = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run([*command, "--seconds", str(seconds), *more], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


# The generator's own process -------------------------------------------------------------------------------


class _Tally:
    """What the threads saw."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.errors = 0
        self._mutex = threading.Lock()

    def add(self, status: int | None, latency: float) -> None:
        with self._mutex:
            if status is None:
                self.errors += 1
            else:
                self.statuses[status] += 1
                self.latencies.append(latency)

    def summary(self, seconds: float) -> dict[str, Any]:
        return {
            "seconds": seconds,
            "p50_ms": percentile(self.latencies, 0.5) * 1000,
            "p99_ms": percentile(self.latencies, 0.99) * 1000,
            "max_ms": max(self.latencies, default=0.0) * 1000,
            "errors": self.errors,
            "statuses": {str(status): count for status, count in self.statuses.items()},
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class _Sender:
    """One keep-alive connection."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._path = parts.path
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

    def post(self, body: bytes) -> int | None:
        """The status; None when there was no answer."""
        try:
            self._connection.request("POST", self._path, body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None


def _closed_loop(connections: int, seconds: float, sender: Callable[[], _Sender], stored: int) -> _Tally:
    tally, until = _Tally(), time.perf_counter() + seconds

    def post_on() -> None:
        chance, own = random.Random(), sender()
        while (begun := time.perf_counter()) < until:
            status = own.post(json.dumps(lead_payload(chance, stored)).encode())
            tally.add(status, time.perf_counter() - begun)

    _together([post_on] * connections)
    return tally


def _open_loop(rate: float, seconds: float, sender: Callable[[], _Sender], stored: int) -> _Tally:
    tally, due = _Tally(), queue.SimpleQueue()
    chance = random.Random()

    def dispatch() -> None:
        instant = end = time.perf_counter()
        end += seconds
        while (instant := instant + chance.expovariate(rate)) < end:
            body = json.dumps(lead_payload(chance, stored)).encode()
            time.sleep(max(0.0, instant - time.perf_counter()))
            due.put((instant, body))
        for _ in range(SENDERS):
            due.put(None)

    def serve() -> None:
        own = sender()
        while job := due.get():
            instant, body = job
            status = own.post(body)
            tally.add(status, time.perf_counter() - instant)

    _together([dispatch] + [serve] * SENDERS)
    return tally


def _together(jobs: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description="Post leads and print what was answered, as JSON.")
    parser.add_argument("url")
    parser.add_argument("--token", required=True)
    parser.add_argument("--stored", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()

    def sender() -> _Sender:
        return _Sender(options.url, options.token)

    begun = time.perf_counter()
    if options.rate:
        tally = _open_loop(options.rate, options.seconds, sender, options.stored)
    else:
        tally = _closed_loop(options.connections, options.seconds, sender, options.stored)
    print(json.dumps(tally.summary(time.perf_counter() - begun)))


if __name__ == "__main__":
    main()
