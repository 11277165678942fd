"""
A soak of one node: registry, daemon and containerd in a directory of their own. One container of each format lives all the time and reads;
beside them one image after the other is pulled, started, read in whole against its sums, and removed with its cached data, in turns RAFS,
OverlayBD, and OverlayBD with a writable disk. After each such cycle, when the daemon is at rest, a sample is taken. See soak.sh.
"""
import argparse, hashlib, json, os, random, shutil, signal, socket, subprocess, sys, tarfile, tempfile, time, io

SLUICE = os.environ["SLUICE"]
REST_SECONDS = 4  # the daemon gives memory back 3 s after the last mount
IMAGES = 6  # of each format, in turn
MIB = 1 << 20


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--warm-up", type=float, default=20, help="minutes that are not counted: until what is hot is compiled, and pools are full")
    options.add_argument("--samples", help="file that gets every sample as a line of JSON")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    with Node() as node:
        node.prepare()
        samples = node.soak(given.warm_up * 60, given.minutes * 60, open(given.samples, "w") if given.samples else None)
    return report(samples, given.warm_up * 60)


class Node:
    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="sluice-soak-")
        self.processes = []
        self.wrong = 0
        self.cycles = 0
        return self

    def __exit__(self, *_):
        for container in self.ctr("containers", "ls", "-q", check=False).split():
            self.ctr("tasks", "kill", "-s", "SIGKILL", container, check=False)
            self.ctr("tasks", "rm", "-f", container, check=False)
        subprocess.run([SLUICE, "umount", "--all", "--root", self.path("root"), "--state", self.path("run")], capture_output=True, timeout=120)
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        subprocess.run([SLUICE, "keeper", "--stop", "--force", "--state", self.path("run")], capture_output=True)
        for target in sorted(self.mounts(), reverse=True):
            subprocess.run(["umount", "-l", target], capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    @staticmethod
    def id(name):
        """Of a container: runc has one namespace of them for the whole machine."""
        return f"{name}-{os.getpid()}"

    def start(self, log, *command):
        with open(self.path(log), "wb") as output:
            self.processes.append(subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL))
        return self.processes[-1]

    def run(self, *command, check=True):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if check and done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.tail('sluice.log')}")
        return done.stdout

    def tail(self, log):
        with open(self.path(log), errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def ctr(self, *arguments, check=True):
        return self.run("ctr", "-a", self.path("containerd.sock"), *arguments, check=check)

    def wait(self, what, ready):
        for _ in range(600):
            if ready():
                return
            time.sleep(0.1)
        raise SystemExit(f"{what} did not start; {self.tail('sluice.log')}")

    def start_registry(self):
        """And writes what containerd will read."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.registry = f"127.0.0.1:{probe.getsockname()[1]}"
        os.mkdir(self.path("registry"))
        os.mkdir(self.path("run"), 0o711)
        self.start("registry.log", SLUICE, "registry", "serve", self.path("registry"), "--listen", self.registry)
        self.wait("the registry", lambda: can_connect(self.registry))
        with open(self.path("containerd.toml"), "w") as file:
            file.write(CONTAINERD.format(directory=self.directory))

    def prepare(self):
        self.start_registry()
        self.daemon = self.start("sluice.log", SLUICE, "daemon", "--root", self.path("root"), "--state", self.path("run"))
        self.wait("the daemon", lambda: os.path.exists(self.path("run", "admin.sock")))
        self.start("containerd.log", "containerd", "-c", self.path("containerd.toml"))
        self.wait("containerd", lambda: "Server:" in self.ctr("version", check=False))
        for number in range(IMAGES + 1):
            archive = self.path("image.tar")
            make_image(archive, number)
            name = f"docker://{self.registry}/soak:{number}"
            self.run("skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false", f"tarball:{archive}", name)
            self.run(SLUICE, "convert", name, name + "-rafs")
            self.run(SLUICE, "convert", "--format", "overlaybd", name, name + "-overlaybd")
        for kind in ("rafs", "overlaybd"):
            self.pull(IMAGES, kind)
            self.ctr("run", "-d", "--snapshotter", "sluice", f"{self.registry}/soak:{IMAGES}-{kind}", self.id(f"long-{kind}"), "/bin/sh", "-c", READER)

    def pull(self, number, kind):
        self.run(SLUICE, "pull", "--admin-address", self.path("run", "admin.sock"), "--containerd-address", self.path("containerd.sock"), f"{self.registry}/soak:{number}-{kind}")

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
        image = f"{self.registry}/soak:{number}-{'rafs' if kind == 'rafs' else 'overlaybd'}"
        self.pull(number, image.rsplit("-", 1)[1])
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

    def mounts(self):
        with open("/proc/self/mounts") as file:
            return [target for target in (line.split()[1] for line in file) if target.startswith(self.directory + "/")]


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


def memory(pid):
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")}


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
        except OSError:
            pass  # the thread has ended meanwhile
    return sorted(found)


def can_connect(address):
    host, port = address.split(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def make_image(path, seed):
    """A root file system with busybox and 24 MiB of files, half of them compressible, and their sums."""
    source = random.Random(seed)
    sums = ""
    with tarfile.open(path, "w") as tar:
        def add(name, content, mode=0o644):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))

        with open("/bin/busybox", "rb") as file:
            add("bin/busybox", file.read(), 0o755)
        for name in ("sh", "md5sum", "cat", "sleep", "echo", "dd", "sync", "rm"):
            link = tarfile.TarInfo("bin/" + name)
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for number in range(48):
            size = source.randrange(1, MIB)
            content = source.randbytes(size) if number % 2 else source.randbytes(size // 8) * 8
            add(f"data/{number}", content)
            sums += f"{hashlib.md5(content).hexdigest()}  /data/{number}\n"
        add("sums", sums.encode())
        add("tmp/.keep", b"")


CHECK = "cd / && md5sum -c /sums >/dev/null 2>&1 && dd if=/data/1 of=/tmp/copy bs=64k 2>/dev/null && sync && rm /tmp/copy"
READER = "while :; do md5sum -c /sums >/dev/null || echo wrong; sleep 1; done"
CONTAINERD = """version = 2
root = "{directory}/containerd"
state = "{directory}/containerd-run"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{directory}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{directory}/containerd-opt"
[proxy_plugins.sluice]
  type = "snapshot"
  address = "{directory}/run/containerd.sock"
"""

if __name__ == "__main__":
    sys.exit(main())
