"""
Cold starts on the rig: containerd's overlayfs beside Sluice with each image tag in $TAGS; see bench/cold-start.sh. The rig's script is loaded as it is: a run of it is a
node that is emptied, a pull, a start until the first useful answer, and starts of the same container again from local data.
"""
import argparse, json, os, statistics, subprocess, sys, time

RIG = os.environ["SLUICE_BENCH_RIG"]
SCRIPT = os.path.join(RIG, "bench-cold-start.py")
HERE = os.path.dirname(os.path.realpath(__file__))
SLUICE = os.environ["SLUICE"]
MBIT = {"100m": 100, "1g": 1000}

with open(SCRIPT) as file:
    source = file.read()
head, _, tail = source.rpartition("\nmain()")
assert not tail.strip(), "the rig's script no longer ends in main()"
rig = {"__file__": SCRIPT, "__name__": "rig"}
exec(compile(head, SCRIPT, "exec"), rig)
STACK = rig["S"]
ADMIN, kill = f"{STACK}/run/sluice/admin.sock", rig["kill"]

POLICIES = "auto", "eager"


def policy(tag):
    """Of the daemon, if the name of what is measured ends in one."""
    return next((name for name in POLICIES if tag.endswith("-" + name)), "")


tags = os.environ["TAGS"].split()
for tag in tags + [tag.removesuffix("-trace") for tag in tags]:
    rig["SNAP"][tag] = dict(
        name="sluice",
        tag=tag.removesuffix("-" + policy(tag)),
        proxy=f"sluice={STACK}/run/sluice/containerd.sock",
        daemon=os.path.relpath(os.path.join(HERE, "start-sluice.sh"), os.path.realpath(RIG)),
        pidf="sluice.pid",
        pull=f"{SLUICE} pull --admin-address {ADMIN} --containerd-address {{sock}} {{ref}}",
        roots=[f"{STACK}/ctrd/sluice"],
    )


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--image", required=True)
    options.add_argument("--snapshotter", required=True)
    options.add_argument("--link", default="100m")
    options.add_argument("--rtt", type=float, default=0, help="milliseconds")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--reference-runs", type=int, help="of overlayfs; else as many")
    options.add_argument("--waste", action="store_true", help="of images with a plan: one more start of each, and what of it was fetched ahead and not read")
    options.add_argument("--page", help="file that gets the page of one more start of the last image, on the last link; picture (.svg) and trace (.json) lie beside it")
    given = options.parse_args()
    images, snapshotters = given.image.split(","), given.snapshotter.split(",")
    rig["setns_net"]()
    try:
        for image in images:
            for tag in snapshotters:
                if tag.endswith("-plan"):
                    record(image, tag, "push", "--plain-http")  # beside the image
                if tag.endswith("-trace"):
                    lay_out(image, tag)
        for link in given.link.split(","):
            rig["sh"](f"{RIG}/setup-netns.sh", "link", link)
            print(HEAD.format(link=link), flush=True)
            for image in images:
                show(image, link, {tag: runs(image, tag, link, given) for tag in snapshotters})
        if given.waste:
            for image in images:
                for tag in filter(has_plan, snapshotters):
                    print(f"{image:10} {tag:18} {waste(image, tag)}", flush=True)
        if given.page:
            picture = given.page.removesuffix(".html")
            with open(f"{picture}.json", "w") as file:
                file.write(record(images[-1], snapshotters[-1], "show", "--json", "--html", given.page, "--svg", f"{picture}.svg"))
    finally:
        rig["stop"](rig["SNAP"][snapshotters[-1]])
        rig["sh"](f"{RIG}/setup-netns.sh", "link", "unshaped", check=False)


def runs(image, tag, link, given):
    done = []
    for _ in range(given.reference_runs or given.runs if tag == "overlayfs" else given.runs):
        try:
            done.append(run(image, tag, link, given.rtt))
        except Exception as failed:
            print(f"{image}, {tag}, {link} failed: {str(failed)[-400:]} {getattr(failed, 'stderr', '') or ''}", file=sys.stderr, flush=True)
    return done


def run(image, tag, link, rtt=0):
    """One cold start and two from local data. What Sluice says of the cold one comes with it, and what the registry had to do for it."""
    said, spent, warm = {}, [], rig["warm_registry"]

    def warm_and_begin(*arguments):
        warm(*arguments)
        spent.append(registry_seconds())

    def explain():
        spent.append(registry_seconds())
        if rig["SNAP"][tag]["name"] == "sluice":
            said.update(json.loads(sluice("explain", "--json", "--containerd-address", rig["SOCK"], "cold")))

    rig["warm_registry"] = warm_and_begin
    os.environ["SLUICE_POLICY"] = policy(tag)
    try:
        return cold_start(image, tag, link, explain, rtt=rtt, local=True) | {"said": said.get("start"), "registry": spent[1] - spent[0]}
    finally:
        rig["warm_registry"] = warm


def registry_seconds():
    """Of processors, so far."""
    with open(f"{STACK}/run/registry.pid") as file:
        pid = file.read().strip()
    with open(f"/proc/{pid}/stat") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def record(image, tag, *command):
    """One start that is not counted, and then something that is done with its trace. What that says."""
    said = []

    def use():
        time.sleep(6)  # a trace ends when nothing new was read for 5 s
        said.append(sluice("trace", *command, f"{rig['REG']}/{image}:{rig['SNAP'][tag]['tag']}"))

    os.environ["SLUICE_POLICY"] = policy(tag)
    cold_start(image, tag, "", use, rtt=0, local=False)
    return said[0]


def has_plan(tag):
    return tag.endswith(("-plan", "-trace"))


def waste(image, tag):
    """Of a start with the same command as the one that the plan is of, uncompressed."""
    trace = json.loads(record(image, tag, "show", "--json"))
    ahead, unread = trace.get("prefetched", 0), trace.get("unread", 0)
    return f"fetched ahead {ahead / 1e6:.1f} MB, not read {unread / 1e6:.1f} MB, {unread / ahead if ahead else 0:.1%}"


def lay_out(image, tag):
    """Converts the image once more, for the start that is seen of an earlier conversion."""
    if tag.removesuffix("-trace") != "rafs":
        raise SystemExit(f"{tag}: only rafs-trace is known")
    trace = f"{STACK}/run/trace.json"
    with open(trace, "w") as file:
        file.write(record(image, tag.removesuffix("-trace"), "show", "--json"))
    converted = subprocess.run(
        [*rig["NSE"], SLUICE, "convert", "--plain-http", "--trace", trace, f"docker://{rig['REG']}/{image}:latest", f"docker://{rig['REG']}/{image}:{tag}"],
        capture_output=True, text=True)
    if converted.returncode:
        raise SystemExit(converted.stderr)


def cold_start(image, tag, link, then, rtt, local):
    """A run of the rig; `then` is called before the container of the cold start is killed."""

    def call_and_kill(process, container):
        try:
            if container == "cold":
                then()
        finally:
            kill(process, container)

    rig["kill"] = call_and_kill
    try:
        return rig["run_once"](image, tag, link, argparse.Namespace(rtt=rtt, settle=0, local=local, resident=False))
    finally:
        rig["kill"] = kill


def sluice(*arguments):
    return subprocess.run([*rig["NSE"], SLUICE, *arguments, "--admin-address", ADMIN], check=True, capture_output=True, text=True).stdout


HEAD = """
{link}, seconds; requests: for data; registry: its processor time; floor: bytes over the link's rate, and then overlayfs's warm start
image      snapshotter          total (least to most)  to overlayfs   pull  metadata   start  mount    runc  waited   other |     MB  requests  registry   floor  total/floor | warm  warm/overlayfs's"""


def show(image, link, results):
    load = open("/proc/loadavg").read().split()[0]
    reference = middle(results.get("overlayfs", []), lambda one: one["local_warm"])
    pulled = middle(results.get("overlayfs", []), lambda one: one["total"])
    for tag, done in results.items():
        if not done:
            continue
        total, start, warm = (middle(done, lambda one: one[key]) for key in ("total", "start", "local_warm"))
        totals = [one["total"] for one in done]
        pull = middle(done, lambda one: one["pull"] + one["unpack"])
        megabytes = middle(done, lambda one: one["bytes_ready"]) / 1e6
        share = f"{total / pulled:.2f}" if pulled else ""
        line = f"{image:10} {tag:18} {total:7.2f} ({min(totals):5.2f} to {max(totals):5.2f}) {share:>12} {pull:6.2f} "
        said = [one["said"] for one in done if one["said"]]
        if said:
            metadata, mount, runc = (middle(said, lambda one: stage(one, name)) for name in ("metadata", "mount", "container"))
            waited = middle(said, lambda one: one["waitedSeconds"])
            line += f"{metadata:9.2f} {start:7.2f} {mount:6.2f} {f'{runc:.2f}' if runc else '':>7} {waited:7.2f} {start - mount - runc - waited:7.2f}"
        else:
            line += f"{'':9} {start:7.2f} {'':30}"
        requests = f"{middle(said, lambda one: one['requests']):.0f}" if said else ""
        line += f" | {megabytes:6.1f}  {requests:>8}  {middle(done, lambda one: one['registry']):8.2f} "
        if reference:
            floor = reference + megabytes * 8 / MBIT.get(link, 1e9)
            line += f"{floor:7.2f} {total / floor:12.2f} | {warm:5.2f} {warm / reference:8.2f}"
        print(f"{line}   n={len(done)}, load {load}", flush=True)


def stage(said, name):
    return next((one["seconds"] for one in said["stages"] if one["name"] == name), 0)


def middle(rows, key):
    values = [key(row) for row in rows]
    return statistics.median(values) if values else None


main()
