"""Runs the cold-start rig with Sluice as further snapshotters, one for each image tag in $TAGS. The rig's script is loaded as it is; see bench/cold-start.sh."""
import os

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
rig["main"]()
