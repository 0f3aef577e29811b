#!/usr/bin/env python3
"""Planning after the loss of one server, beside Pacemaker's scheduler: the same site, the same loss, on this machine.

Pacemaker's time is what `crm_simulate --profile` says of its scheduler alone, without reading the file; Tenure's is that of
`cargo bench -p tenure-core --bench plan`. Both are processor time. Needs Debian's pacemaker-cli-utils, and installs it as root.

    jepsen/compare/planning.py                    # 1,000 groups on 32 servers, and 5,000 on 64: about two minutes
    jepsen/compare/planning.py --rounds 5 --keep /tmp/sites

Exit codes: 0 measured, 1 something failed, 3 what is needed is not here and cannot be installed.
"""

import argparse
import csv
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# As in src/core/benches/plan.rs, which this must follow: its list of servers, its sizes of LPARs, half again as much room.
LIST = 4
MEMORY, PROCESSORS = (8192, 16384, 24576), (50, 100)
SIZES = {1000: 32, 5000: 64}


def lacks(what):
    print(f"planning.py: not run, it lacks {what}", file=sys.stderr)
    sys.exit(3)


def needs_crm_simulate():
    if shutil.which("crm_simulate"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        lacks("crm_simulate: apt-get install pacemaker-cli-utils")
    command = ["apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", "pacemaker-cli-utils"]
    if subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}).returncode != 0:
        lacks("pacemaker-cli-utils, which cannot be installed")


def servers_of(group, servers):
    home, turn = group % servers, group // servers
    return [home] + [(home + 1 + (3 * turn + k) % (servers - 1)) % servers for k in range(1, LIST)]


def done(key, operation, status, call, interval=0):
    """An operation in the history of a node."""
    node = f'on_node="{key[1]}"'
    return (
        f'<lrm_rsc_op id="{key[0]}_{operation}_{interval}" operation_key="{key[0]}_{operation}_{interval}" operation="{operation}" '
        f'transition-key="1:1:{status}:t" transition-magic="0:{status};1:1:{status}:t" call-id="{call}" rc-code="{status}" '
        f'op-status="0" interval="{interval}" crm_feature_set="3.16.2" {node} last-rc-change="1" exec-time="1" queue-time="0" '
        f'op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/>'
    )


def site(groups, servers):
    """A cluster of Pacemaker as large as that of the benchmark, whose first node is gone, and known to be off."""
    runs = [[0, 0] for _ in range(servers)]
    for group in range(groups):
        runs[group % servers][0] += MEMORY[group % len(MEMORY)]
        runs[group % servers][1] += PROCESSORS[group % len(PROCESSORS)]
    nodes, resources, places = [], [], []
    history = [[] for _ in range(servers)]
    for n, (memory, processors) in enumerate(runs):
        nodes.append(
            f'<node id="{n + 1}" uname="p{n}"><utilization id="u{n}"><nvpair id="u{n}m" name="memory" value="{memory * 3 // 2}"/>'
            f'<nvpair id="u{n}p" name="cpu" value="{processors * 3 // 2}"/></utilization></node>'
        )
    for g in range(groups):
        name = f"resource{g}"
        memory, processors = MEMORY[g % len(MEMORY)], PROCESSORS[g % len(PROCESSORS)]
        resources.append(
            f'<primitive id="{name}" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="{name}-a">'
            f'<nvpair id="{name}-a-p" name="priority" value="{g % 10}"/></meta_attributes><utilization id="{name}-u">'
            f'<nvpair id="{name}-u-m" name="memory" value="{memory}"/><nvpair id="{name}-u-p" name="cpu" value="{processors}"/>'
            f'</utilization><operations><op id="{name}-m" name="monitor" interval="10s"/></operations></primitive>'
        )
        for rank, n in enumerate(servers_of(g, servers)):
            places.append(
                f'<rsc_location id="l{g}-{rank}" rsc="{name}" node="p{n}" score="0" resource-discovery="exclusive"/>'
            )
            key = (name, f"p{n}")
            runs_here = rank == 0
            operations = (
                done(key, "start", 0, 2) + done(key, "monitor", 0, 3, 10000) if runs_here else done(key, "monitor", 7, 1)
            )
            history[n].append(
                f'<lrm_resource id="{name}" type="Dummy" class="ocf" provider="pacemaker">{operations}</lrm_resource>'
            )
    states = []
    for n in range(servers):
        here = 'in_ccm="false" crmd="offline" join="down" expected="down"' if n == 0 else (
            'in_ccm="true" crmd="online" join="member" expected="member"'
        )
        states.append(
            f'<node_state id="{n + 1}" uname="p{n}" {here}><lrm id="{n + 1}"><lrm_resources>{"".join(history[n])}'
            f"</lrm_resources></lrm></node_state>"
        )
    options = {"stonith-enabled": "false", "symmetric-cluster": "false", "placement-strategy": "balanced"}
    options = "".join(f'<nvpair id="o-{name}" name="{name}" value="{value}"/>' for name, value in options.items())
    return (
        '<cib crm_feature_set="3.16.2" validate-with="pacemaker-3.8" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1">'
        f'<configuration><crm_config><cluster_property_set id="o">{options}</cluster_property_set></crm_config>'
        f'<nodes>{"".join(nodes)}</nodes><resources>{"".join(resources)}</resources><constraints>{"".join(places)}</constraints>'
        '<rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/></meta_attributes>'
        f'</rsc_defaults></configuration><status>{"".join(states)}</status></cib>'
    )


def moved(file):
    """The resources that Pacemaker starts elsewhere."""
    shown = subprocess.run(["crm_simulate", "--run", "--xml-file", file], capture_output=True, text=True)
    if shown.returncode != 0:
        sys.exit(f"crm_simulate: {shown.stderr.strip()[-500:]}")
    starts = re.findall(r"\* Start\s+resource\d+\s+\(", shown.stdout)
    others = re.findall(r"\* (?:Move|Stop|Restart|Recover)\s+resource", shown.stdout)
    if others:
        sys.exit(f"the site is not at rest but for its loss: Pacemaker also plans {len(others)} other changes")
    return len(starts)


def scheduler(folder):
    """Seconds that the scheduler takes for the file in a folder."""
    command = ["crm_simulate", "--profile", str(folder), "--repeat", "1"]
    shown = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"\.\.\.\s*([0-9.]+)\s*secs", shown.stdout)
    if not found:
        sys.exit(f"crm_simulate --profile says nothing of its time: {(shown.stdout + shown.stderr)[-500:]}")
    return float(found.group(1))


def tenure(folder):
    """Milliseconds of a plan after a loss, by number of groups: fast, median, slow."""
    svg = folder / "plan.svg"
    command = ["cargo", "bench", "--quiet", "--locked", "-p", "tenure-core", "--bench", "plan", "--", "--plot", str(svg)]
    if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode != 0:
        sys.exit("cargo bench -p tenure-core --bench plan failed")
    with open(svg.with_suffix(".csv"), newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["measured"] == "plan after a loss"]
    return {int(row["groups"]): tuple(float(row[name]) for name in ("p10_ms", "median_ms", "p90_ms")) for row in rows}


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--rounds", type=int, default=5, help="runs of Pacemaker's scheduler for each size (5)")
    ask.add_argument("--keep", metavar="DIRECTORY", help="keep the clusters of Pacemaker there")
    given = ask.parse_args()
    needs_crm_simulate()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(given.keep or scratch)
        print("Tenure: its benchmark …", file=sys.stderr)
        scratch.mkdir(parents=True, exist_ok=True)
        ours = tenure(scratch)
        print(f"{'groups':>7} {'servers':>8} {'moved':>6}  {'Pacemaker':<28} {'Tenure':<32} ratio")
        for groups, servers in SIZES.items():
            folder = scratch / f"{groups}x{servers}"
            folder.mkdir(exist_ok=True)
            file = folder / "loss.xml"
            file.write_text(site(groups, servers))
            starts = moved(file)
            if starts < groups // servers:
                sys.exit(f"of {groups} groups Pacemaker moves only {starts}")
            theirs = sorted(scheduler(folder) for _ in range(given.rounds))
            middle = statistics.median(theirs)
            low, median, high = ours[groups]
            print(
                f"{groups:>7} {servers:>8} {starts:>6}  {f'{middle:.2f} s ({theirs[0]:.2f} .. {theirs[-1]:.2f})':<28} "
                f"{f'{median:.2f} ms ({low:.2f} .. {high:.2f})':<32} {middle * 1000 / median:.0f}"
            )


if __name__ == "__main__":
    main()
