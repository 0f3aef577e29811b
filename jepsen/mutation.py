#!/usr/bin/env python3
"""Changes the rules in one place at a time, and says which changes no test notices.

cargo-mutants lists the changes (of which rules: mutation.toml). All of them are built into one program, which TENURE_MUTANT
gives one of them; so each costs a run of the tests, and no build. The core's tests judge first, of all changes. What they do
not notice is judged by every scenario and a short swarm, in the order of a shuffled pack, so that what is done is a fair sample.

    jepsen/mutation.py                     all that has no result yet; goes on where it was left
    jepsen/mutation.py --seconds 600       scenarios and swarm begin none after so many seconds
    jepsen/mutation.py --count 12 --seed 7 the first twelve of a pack alone

Results are kept in target/mutation, as long as neither the rules nor what judges them change. Needs
`cargo install --locked cargo-mutants --version 27.1.0`.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEPT = ROOT / "target/mutation"
TREE = KEPT / "tree"
ENV = dict(os.environ, CARGO_TARGET_DIR=str(KEPT / "build"), CARGO_INCREMENTAL="1", RUSTFLAGS="--cap-lints=allow")
PROFILE = ["--profile", "mutants"]
# What takes longer than all else, and concerns the planner.
SKIPPED = ["properties::", "place::", "what_if::"]
CHOOSER = '''
/// The change that this process runs with; 0 for none.
#[allow(missing_docs)]
pub fn chosen_mutant() -> u32 {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| std::env::var("TENURE_MUTANT").ok().and_then(|it| it.parse().ok()).unwrap_or(0))
}
'''


def git_files(*patterns):
    listed = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT)
    return sorted({name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()})


def state():
    """Results hold as long as this does."""
    whole = hashlib.sha256()
    for name in git_files("jepsen/mutation.*", "src/core/*.rs", "jepsen/model/src/*.rs", "tests/scenarios/*.txt"):
        whole.update(name.encode() + (ROOT / name).read_bytes())
    return whole.hexdigest()[:16]


def write(path, data):
    """What is the same keeps its time, so that little is built again."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def changes():
    command = ["cargo", "mutants", "--list", "--json", "--config", "jepsen/mutation.toml", "--package", "tenure-core"]
    found = json.loads(subprocess.check_output(command, cwd=ROOT))
    for number, change in enumerate(found, 1):
        change["id"] = number
    return found


def instrument(all_changes, left_out):
    """Writes the tree with every change in it. Gives the lines of each change, by file, and those that cannot be put in."""
    by_file = collections.defaultdict(list)
    for change in all_changes:
        by_file[change["file"]].append(change)
    for name in git_files():
        if name not in by_file and name != "src/core/lib.rs":
            write(TREE / name, (ROOT / name).read_bytes())
    write(TREE / "src/core/lib.rs", (ROOT / "src/core/lib.rs").read_bytes() + CHOOSER.encode())
    arms, nested = collections.defaultdict(list), set()
    for name, of_file in by_file.items():
        source = (ROOT / name).read_text()
        starts = [0]
        for line in source.split("\n"):
            starts.append(starts[-1] + len(line) + 1)

        def offset(place):
            return starts[place["line"] - 1] + place["column"] - 1

        functions = collections.defaultdict(list)
        for change in of_file:
            span = change["function"]["span"]
            functions[offset(span["start"]), offset(span["end"])].append(change)
        pieces, at, line = [], 0, 1

        def put(text):
            nonlocal line
            pieces.append(text)
            line += text.count("\n")

        for (begin, end), of_function in sorted(functions.items()):
            if begin < at:  # within a function that was just rewritten
                nested.update(change["id"] for change in of_function)
                continue
            opens = source.index("{", begin + re.search(r"\bfn\s+\w+", source[begin:end]).end())
            closes = end - 1
            put(source[at:opens + 1] + "\nmatch crate::chosen_mutant() {\n")
            at = closes
            for change in of_function:
                if change["id"] in left_out:
                    continue
                first, last = offset(change["span"]["start"]), offset(change["span"]["end"])
                if change["genre"] in ("MatchArm", "StructField") and source[last:last + 1] == ",":
                    last += 1
                began = line
                put(f"{change['id']} => {{{source[opens + 1:first]}{change['replacement'] or ' '}{source[last:closes]}}}\n")
                arms[name].append((began, line - 1, change["id"]))
            put(f"_ => {{{source[opens + 1:closes]}}}\n}}\n")
        put(source[at:])
        write(TREE / name, "".join(pieces).encode())
    return arms, nested


def cargo(*words):
    ran = subprocess.run(["cargo", *words, "--message-format=json"], cwd=TREE, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return ran, [json.loads(line) for line in ran.stdout.split("\n") if line.startswith("{")]


def build(all_changes):
    """Leaves out what does not compile, and builds what judges. Gives that, and what was left out."""
    left_out = set()
    while True:
        arms, nested = instrument(all_changes, left_out)
        left_out |= nested
        ran, messages = cargo("check", *PROFILE, "-p", "tenure-core", "--lib")
        if ran.returncode == 0:
            break
        wrong = set()
        for message in messages:
            if message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
                for span in message["message"]["spans"]:
                    lines = arms.get(span["file_name"], [])
                    wrong |= {number for first, last, number in lines if first <= span["line_start"] <= last}
        if not wrong - left_out:
            sys.exit(f"the changes cannot be built in:\n{ran.stderr[-4000:]}")
        left_out |= wrong
    programs = {}
    for words in (["-p", "tenure-core", "--lib", "--test", "rules"], ["-p", "tenure-model", "--lib", "--test", "scenarios"]):
        ran, messages = cargo("test", *PROFILE, *words, "--no-run")
        if ran.returncode != 0:
            sys.exit(f"what judges cannot be built:\n{ran.stderr[-4000:]}")
        for message in messages:
            if message.get("executable") and message["profile"]["test"]:
                package = pathlib.Path(message["manifest_path"]).parent
                programs[message["target"]["name"]] = (message["executable"], package)
    return programs, left_out


def passes(program, words, number, seconds):
    """Whether a program of tests passes with a change; one that takes too long does not."""
    executable, package = program
    env = dict(os.environ, TENURE_MUTANT=str(number), SCENARIO_FIRST="1", SWARM_SEEDS="1-4", RUST_BACKTRACE="0")
    running = subprocess.Popen([executable, *words], cwd=package, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    late = threading.Timer(seconds, running.kill)
    late.start()
    try:
        for line in running.stdout:
            if line.startswith("test ") and line.rstrip().endswith("FAILED"):
                return False
        return running.wait() == 0
    finally:
        late.cancel()
        running.kill()
        running.wait()
        running.stdout.close()


def core_notices(programs, number):
    skipped = [word for name in SKIPPED for word in ("--skip", name)]
    return not passes(programs["rules"], ["--test-threads=1", *skipped], number, 60) or not passes(
        programs["tenure_core"], ["--test-threads=1"], number, 60)


def model_notices(programs, number):
    return not passes(programs["scenarios"], ["every_scenario"], number, 600) or not passes(
        programs["tenure_model"], ["any_history", "any_long_history"], number, 600)


def named(change):
    """As docs/testing.md has it: without the place in the file, which moves."""
    return re.sub(r":\d+:\d+:", ":", change["name"])


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=int, default=10**9)
    asked.add_argument("--count", type=int)
    asked.add_argument("--seed", default="1")
    asked = asked.parse_args()
    began = time.monotonic()

    def progress(text):
        print(f"{time.monotonic() - began:6.0f}s  {text}", flush=True)

    present, kept = state(), KEPT / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    results = results if results.get("state") == present else {"state": present}
    all_changes = changes()
    programs, left_out = build(all_changes)
    pack = [change for change in all_changes if change["id"] not in left_out]
    random.Random(asked.seed).shuffle(pack)
    pack = pack[:asked.count]
    progress(f"{len(all_changes)} changes, {len(left_out)} of them cannot be built; {len(pack)} are tried")
    if core_notices(programs, 0):
        sys.exit("the core's tests fail without any change")

    def judge(judges, of_them, what, until):
        done = 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            waiting = collections.deque(of_them)
            running = {}
            while waiting or running:
                while waiting and len(running) < os.cpu_count() and time.monotonic() - began < until:
                    change = waiting.popleft()
                    running[pool.submit(judges, programs, change["id"])] = change
                if not running:
                    return
                for ended in concurrent.futures.wait(running, return_when="FIRST_COMPLETED").done:
                    change = running.pop(ended)
                    results.setdefault(change["name"], {})[what] = ended.result()
                    done += 1
                    if done % 25 == 0:
                        kept.write_text(json.dumps(results))
                        progress(f"{what}: {done} of {len(of_them)}")
        kept.write_text(json.dumps(results))

    def has(change, what):
        return results.get(change["name"], {}).get(what)

    judge(core_notices, [change for change in pack if has(change, "core") is None], "core", 10**9)
    missed = [change for change in pack if has(change, "core") is False]
    judge(model_notices, [change for change in missed if has(change, "model") is None], "model", asked.seconds)

    document = (ROOT / "docs/testing.md").read_text()
    judged = [change for change in missed if has(change, "model") is not None]
    unseen = [change for change in judged if not has(change, "model")]
    argued = [change for change in unseen if f"`{named(change)}`" in document]
    for change in unseen:
        print("ARGUED     " if change in argued else "NOT NOTICED", change["name"])
    print(f"{len(pack)} changes: {len(pack) - len(missed)} are noticed by the core's tests; of the other {len(missed)}, "
          f"{len(judged)} were judged by scenarios and swarm: {len(judged) - len(unseen)} are noticed, "
          f"{len(argued)} are argued to change nothing, {len(unseen) - len(argued)} are not noticed")
    if judged or not missed:
        rest = (len(unseen) - len(argued)) / len(judged) * len(missed) if judged else 0
        print(f"noticed: {100 * (1 - rest / len(pack)):.1f} %" + ("" if len(judged) == len(missed) else " (estimated from these)"))


if __name__ == "__main__":
    main()
