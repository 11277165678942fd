"""Runs the cold-start rig with Sluice as further snapshotters, one for each image tag in $TAGS. The rig's script is loaded as it is; see bench/cold-start.sh."""
import argparse, os, subprocess, sys, time

RIG = os.environ["SLUICE_BENCH_RIG"]
SCRIPT = os.path.join(RIG, "bench-cold-start.py")
HERE = os.path.dirname(os.path.realpath(__file__))

with open(SCRIPT) as file:
    source = file.read()
head, _, tail = source.rpartition("\nmain()")
assert not tail.strip(), "the rig's script no longer ends in main()"
rig = {"__file__": SCRIPT, "__name__": "rig"}
exec(compile(head, SCRIPT, "exec"), rig)

stack = rig["S"]
for tag in os.environ["TAGS"].split():
    rig["SNAP"][tag] = dict(
        name="sluice",
        tag=tag,
        proxy=f"sluice={stack}/run/sluice/containerd.sock",
        daemon=os.path.relpath(os.path.join(HERE, "start-sluice.sh"), os.path.realpath(RIG)),
        pidf="sluice.pid",
        pull=os.environ["SLUICE"] + f" pull --admin-address {stack}/run/sluice/admin.sock --containerd-address {{sock}} {{ref}}",
        roots=[f"{stack}/ctrd/sluice"],
    )


def record(image, tag):
    """One start that is not counted; its trace goes beside the image."""
    ref, kill = f"{rig['REG']}/{image}:{tag}", rig["kill"]

    def push_and_kill(process, container):
        try:
            time.sleep(6)  # a trace ends when nothing new was read for 5 s
            subprocess.run([*rig["NSE"], os.environ["SLUICE"], "trace", "push", "--plain-http", "--admin-address", f"{stack}/run/sluice/admin.sock", ref], check=True, stdout=subprocess.DEVNULL)
        finally:
            kill(process, container)

    rig["kill"] = push_and_kill
    try:
        rig["run_once"](image, tag, "unshaped", argparse.Namespace(rtt=0, settle=0, local=False))
    finally:
        rig["kill"] = kill


def given(name):
    words = sys.argv[1:]
    return words[words.index(name) + 1].split(",")


rig["setns_net"]()
for image in given("--image"):
    for tag in given("--snapshotter"):
        if tag.endswith("-plan"):
            record(image, tag)
rig["main"]()
