"""
A soak of one node: registry, daemon and containerd in a directory of their own. One container of each format lives all the time and reads;
beside them one image after the other is pulled, started, read in whole against its sums, and removed with its cached data, in turns RAFS,
OverlayBD, and OverlayBD with a writable disk. After each such cycle, when the daemon is at rest, a sample is taken. See soak.sh.
"""
import argparse, json, os, signal, subprocess, sys, time

from node import CHECK, Node, children, memory

REST_SECONDS = 4  # the daemon gives memory back 3 s after the last mount
IMAGES = 6  # of each format, in turn


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--warm-up", type=float, default=20, help="minutes that are not counted: until what is hot is compiled, and pools are full")
    options.add_argument("--samples", help="file that gets every sample as a line of JSON")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    with SoakNode() as node:
        node.prepare()
        samples = node.soak(given.warm_up * 60, given.minutes * 60, open(given.samples, "w") if given.samples else None)
    return report(samples, given.warm_up * 60)


class SoakNode(Node):
    def prepare(self):
        self.wrong = self.cycles = 0
        self.start_all()
        for number in range(IMAGES + 1):
            self.push(number)
        self.start_readers(IMAGES)

    def soak(self, warm_up, seconds, output):
        samples, began = [], time.monotonic()
        while time.monotonic() - began < warm_up + seconds:
            self.cycle()
            time.sleep(REST_SECONDS)
            sample = self.sample(time.monotonic() - began)
            samples.append(sample)
            if output:
                output.write(json.dumps(sample) + "\n")
                output.flush()
        return samples

    def cycle(self):
        number, kind = self.cycles % IMAGES, ("rafs", "overlaybd", "writable")[self.cycles % 3]
        image = self.image(number, "rafs" if kind == "rafs" else "overlaybd")
        self.pull(image)
        labels = ["--snapshotter-label", "containerd.io/snapshot/overlaybd.writable=dir"] if kind == "writable" else []
        command = ["ctr", "-a", self.path("containerd.sock"), "run", "--rm", "--snapshotter", "sluice", *labels, image, self.id(f"cycle-{self.cycles}"), "/bin/sh", "-c", CHECK]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:  # what a container prints, ctr loses now and then
            self.wrong += 1
            print(f"cycle {self.cycles}, {image}: {done.returncode} {done.stdout}{done.stderr}", file=sys.stderr)
        self.ctr("images", "rm", "--sync", image)
        self.cycles += 1

    def sample(self, at):
        processes = {"daemon": self.daemon.pid} | {f"child {i}": child for i, child in enumerate(children(self.daemon.pid))}
        status = {name: memory(pid) for name, pid in processes.items()}
        return {
            "at": at,
            "rss": status["daemon"]["VmRSS"],
            "anonymous": status["daemon"]["RssAnon"],
            "children": sum(one["VmRSS"] for name, one in status.items() if name != "daemon"),
            "each": {name: [one["VmRSS"], one["RssAnon"]] for name, one in status.items()},
            "descriptors": sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in processes.values()),
            "threads": len(os.listdir(f"/proc/{self.daemon.pid}/task")),
            "loops": self.loops(),
            "mounts": len(self.mounts()),
            "wrong": self.wrong,
            "cycles": self.cycles,
        }

    def loops(self):
        found = 0
        for device in os.listdir("/sys/block"):
            try:
                with open(f"/sys/block/{device}/loop/backing_file") as file:
                    found += file.read().startswith(self.directory)
            except OSError:
                pass
        return found


def report(samples, warm_up):
    counted = [sample for sample in samples if sample["at"] >= warm_up]
    if len(counted) < 3:
        raise SystemExit("too short: fewer than 3 cycles were counted")
    minutes = (counted[-1]["at"] - counted[0]["at"]) / 60
    print(f"load {' '.join(open('/proc/loadavg').read().split()[:3])}; {len(counted)} cycles in {minutes:.0f} minutes, {samples[-1]['wrong']} with wrong bytes or errors")
    for name, key in (("daemon, resident", "rss"), ("daemon, anonymous", "anonymous"), ("its children, resident", "children")):
        slope, error = regression([s["at"] / 3600 for s in counted], [s[key] for s in counted])
        values = sorted(s[key] for s in counted)
        print(f"{name:24} {values[len(values) // 2]:7.1f} MiB ({values[0]:.1f} to {values[-1]:.1f}), slope {slope:+.2f} MiB/h, standard error {error:.2f}")
    for key in ("descriptors", "threads", "loops", "mounts"):
        values = [s[key] for s in counted]
        slope, error = regression([s["at"] / 3600 for s in counted], values)
        print(f"{key:24} {values[0]} at first, {values[-1]} at last ({min(values)} to {max(values)}), slope {slope:+.2f}/h, standard error {error:.2f}")
    return 1 if samples[-1]["wrong"] else 0


def regression(x, y):
    """Slope of the least squares line, and its standard error."""
    n, mean_x, mean_y = len(x), sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / spread
    rest = sum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y))
    return slope, (rest / (n - 2) / spread) ** 0.5


if __name__ == "__main__":
    sys.exit(main())
