"""Runs maskproof on workers of a Python project: one pytest item for each property.

    [pytest]
    maskproof_workers = tests/attention_worker.py

or `pytest --maskproof-worker tests/attention_worker.py`. The suite itself is the Node command `maskproof`, which is started once for each worker.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

import pytest

HELP = {
    "maskproof_workers": "workers, one a line: FILE.py, or FILE.py:NAME where a file has several backends",
    "maskproof_runs": "cases for each property",
    "maskproof_seed": "where the cases come from; a fresh one by default, which every failure tells",
    "maskproof_command": "how maskproof is called; by default the nearest node_modules/.bin/maskproof, else npx maskproof",
    "maskproof_args": "further options for maskproof fuzz, such as --known-failures FILE",
}


def pytest_addoption(parser):
    group = parser.getgroup("maskproof", "attention masks, by maskproof")
    group.addoption("--maskproof-worker", action="append", default=[], metavar="FILE[:NAME]", help="a worker beside those of maskproof_workers")
    group.addoption("--maskproof-runs", type=int, metavar="N", help=HELP["maskproof_runs"])
    group.addoption("--maskproof-seed", type=int, metavar="N", help=HELP["maskproof_seed"])
    parser.addini("maskproof_workers", HELP["maskproof_workers"], type="linelist", default=[])
    for name in ("maskproof_runs", "maskproof_seed", "maskproof_command", "maskproof_args"):
        parser.addini(name, HELP[name], default="")


def pytest_configure(config):
    """A worker that is named is collected, wherever it lies: by a bare `pytest` those of the configuration, and always those of the option."""
    given = config.getoption("maskproof_worker")
    named = list(given) if config.args_source == pytest.Config.ArgsSource.ARGS else [*config.getini("maskproof_workers"), *given]
    base = {name: config.rootpath for name in config.getini("maskproof_workers")}
    folders = [Path(config.invocation_params.dir, arg.split("::")[0]).resolve() for arg in config.args]
    for name in named:
        file, _ = worker_of(name, base.get(name, config.invocation_params.dir))
        if not any(file == folder or folder in file.parents for folder in folders):
            config.args.append(str(file))


def worker_of(name, base):
    """FILE.py:NAME as a path and a name; C:\\ is no name."""
    file, colon, variant = name.rpartition(":")
    if not colon or not file.endswith(".py"):
        file, variant = name, None
    return Path(base, file).resolve(), variant


def workers_of(config):
    """The variants that are asked for, by file."""
    workers = {}
    for names, base in ((config.getini("maskproof_workers"), config.rootpath), (config.getoption("maskproof_worker"), config.invocation_params.dir)):
        for name in names:
            file, variant = worker_of(name, base)
            variants = workers.setdefault(file, [])
            if variant not in variants:
                variants.append(variant)
    return workers


def pytest_collect_file(file_path, parent):
    variants = workers_of(parent.config).get(file_path.resolve())
    return None if variants is None else WorkerFile.from_parent(parent, path=file_path, variants=variants)


class WorkerFile(pytest.File):
    """A file of workers: its items, or a collector for each backend of it that is named."""

    def __init__(self, *, variants, **rest):
        super().__init__(**rest)
        self.variants = variants

    def collect(self):
        for variant in self.variants:
            yield Worker.from_parent(self, name=variant or "maskproof", variant=variant)


class Worker(pytest.Collector):
    """One backend: an item for each property, and one run of the suite for all that are selected."""

    def __init__(self, *, variant, **rest):
        super().__init__(**rest)
        self.variant = variant
        self.outcomes = None

    def collect(self):
        for law in laws(self.config):
            yield Law.from_parent(self, name=law["id"], statement=law["statement"])

    def outcome(self, item):
        """What became of an item's property; the first that asks has the suite run for all that are selected."""
        if self.outcomes is None:
            wanted = [other.name for other in item.session.items if isinstance(other, Law) and other.parent is self]
            try:
                self.outcomes = run_suite(self.config, self.path, self.variant, wanted)
            except SuiteFailed as error:
                self.outcomes = error
        if isinstance(self.outcomes, SuiteFailed):
            raise self.outcomes
        return self.outcomes[item.name]


class Law(pytest.Item):
    """One property on one backend."""

    def __init__(self, *, statement, **rest):
        super().__init__(**rest)
        self.statement = statement

    def runtest(self):
        outcome = self.parent.outcome(self)
        if outcome.get("fixed"):
            raise LawBroken(f"{self.name} is listed as a known failure, and holds now: take its entry out.\n{outcome['fixed']['reason']}")
        if outcome.get("known"):
            pytest.xfail(outcome["known"]["reason"])
        if outcome["status"] == "skipped":
            raise pytest.skip.Exception(outcome.get("reason") or "skipped", _use_item_location=True)
        if outcome["status"] != "held":
            raise LawBroken(outcome["text"])

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, (LawBroken, SuiteFailed)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"{self.parent.name}: {self.name}"


class LawBroken(Exception):
    """A property does not hold; the message is the finding with its picture."""


class SuiteFailed(Exception):
    """maskproof did not run to its end."""


_laws = None


def laws(config):
    """The properties, as `maskproof list` tells them."""
    global _laws
    if _laws is None:
        ended = call(config, ["list", "--json", "--backend", "oracle"])
        if ended.returncode != 0:
            raise pytest.UsageError(f"maskproof list ended with status {ended.returncode}.\n{ended.stderr.strip()}")
        _laws = json.loads(ended.stdout)["properties"]
    return _laws


def run_suite(config, file, variant, wanted):
    """Runs the suite on a worker with this very interpreter; the outcomes by property, each with the text of its finding."""
    with tempfile.TemporaryDirectory(prefix="maskproof-") as folder:
        report, junit = Path(folder, "report.json"), Path(folder, "junit.xml")
        args = ["fuzz", "--backend", f"python:{file}" + (f":{variant}" if variant else ""), "--json", str(report), "--junit", str(junit)]
        if len(wanted) < len(laws(config)):
            args += [part for law in wanted for part in ("--property", law)]
        for option in ("runs", "seed"):
            value = config.getoption(f"maskproof_{option}")
            value = config.getini(f"maskproof_{option}") if value is None else value
            if value != "":
                args += [f"--{option}", str(value)]
        ended = call(config, args + shlex.split(config.getini("maskproof_args")))
        if not report.exists():
            raise SuiteFailed(f"maskproof fuzz ended with status {ended.returncode} and without a report.\n{ended.stderr.strip()}")
        outcomes = {outcome["property"]: outcome for outcome in json.loads(report.read_text("utf-8"))["outcomes"]}
        texts = findings(junit)
    for law, outcome in outcomes.items():
        outcome["text"] = texts.get(law) or outcome.get("reason") or outcome["status"]
    missing = [law for law in wanted if law not in outcomes]
    if missing:
        raise SuiteFailed(f"maskproof fuzz ended with status {ended.returncode} and tells nothing of {', '.join(missing)}.\n{ended.stderr.strip()}")
    return outcomes


def findings(junit):
    """The text of each finding, with its picture, by property."""
    texts = {}
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        for found in case:
            if found.tag in ("failure", "error") and found.text:
                texts[case.get("name")] = found.text.strip("\n")
    return texts


def call(config, args):
    command = command_of(config)
    # The worker runs in the environment that pytest runs in.
    env = {**os.environ, "NO_COLOR": "1"}
    if sys.prefix != sys.base_prefix:
        env["VIRTUAL_ENV"] = sys.prefix
    try:
        return subprocess.run([*command, *args], cwd=config.rootpath, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace")
    except OSError as error:
        raise pytest.UsageError(f"maskproof could not be called as {shlex.join(command)}: {error}. Install it (npm install --save-dev maskproof), or set maskproof_command.") from None


def command_of(config):
    told = config.getini("maskproof_command")
    if told:
        return shlex.split(told)
    for folder in (config.rootpath, *config.rootpath.parents):
        found = shutil.which("maskproof", path=str(folder / "node_modules" / ".bin"))
        if found:
            return [found]
    return [shutil.which("npx") or "npx", "maskproof"]
