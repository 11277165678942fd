"""A node for benchmarks: registry, daemon and containerd of their own in one directory, and images to run. Used by soak.py, chaos.py, ready.py and reboot.py."""
import hashlib, io, os, random, shutil, socket, subprocess, tarfile, tempfile, time

SLUICE = os.environ["SLUICE"]
KINDS = ("rafs", "overlaybd")
MIB = 1 << 20
os.environ["MALLOC_ARENA_MAX"] = "2"  # as the unit of the daemon has it


class Node:
    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="sluice-bench-")
        self.processes = []
        return self

    def __exit__(self, *_):
        for container in self.ctr("containers", "ls", "-q", check=False).split():
            self.ctr("tasks", "kill", "-s", "SIGKILL", container, check=False)
            self.ctr("tasks", "rm", "-f", container, check=False)
        self.try_run(SLUICE, "umount", "--all", "--root", self.path("root"), "--state", self.path("run"))
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

    @staticmethod
    def try_run(*command):
        """What hangs must not keep the rest from being cleaned away."""
        try:
            subprocess.run(command, capture_output=True, timeout=120)
        except subprocess.TimeoutExpired as hung:
            print(hung, flush=True)

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

    def start_all(self):
        self.start_registry()
        self.daemon = self.start("sluice.log", SLUICE, "daemon", "--root", self.path("root"), "--state", self.path("run"))
        self.wait("the daemon", lambda: os.path.exists(self.path("run", "admin.sock")))
        self.start_containerd()

    def start_containerd(self):
        self.containerd = self.start("containerd.log", "containerd", "-c", self.path("containerd.toml"))
        self.wait("containerd", lambda: "Server:" in self.ctr("version", check=False))
        self.wait("containerd's way to the daemon", self.reaches_daemon)  # it dials when it starts, and gives a busy daemon a second

    def reaches_daemon(self):
        """What containerd can, it answers without the snapshotter; a new snapshot it can't."""
        asked = subprocess.run(["ctr", "-a", self.path("containerd.sock"), "snapshots", "--snapshotter", "sluice", "prepare", "found"], capture_output=True)
        if asked.returncode == 0:
            self.ctr("snapshots", "--snapshotter", "sluice", "rm", "found")
        return asked.returncode == 0

    def image(self, number, kind):
        return f"{self.registry}/bench:{number}-{kind}"

    def push(self, number):
        """Makes an image, of which each number has other bytes, in both formats."""
        archive = self.path("image.tar")
        make_image(archive, number)
        name = f"docker://{self.registry}/bench:{number}"
        self.run("skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false", f"tarball:{archive}", name)
        for kind in KINDS:
            self.run(SLUICE, "convert", "--format", kind, name, f"{name}-{kind}")

    def pull(self, image):
        self.run(SLUICE, "pull", "--admin-address", self.path("run", "admin.sock"), "--containerd-address", self.path("containerd.sock"), image)

    def start_readers(self, number):
        """Of each format a container that reads all the time."""
        for kind in KINDS:
            self.pull(self.image(number, kind))
            self.ctr("run", "-d", "--snapshotter", "sluice", self.image(number, kind), self.id(f"long-{kind}"), "/bin/sh", "-c", READER)

    def die(self, *processes):
        """As a restart of the machine: the processes and the keeper are killed, nothing is mounted, what lives in memory is gone."""
        for process in processes:
            process.kill()
            process.wait()
        subprocess.run([SLUICE, "keeper", "--stop", "--force", "--state", self.path("run")], capture_output=True)
        for target in sorted(self.mounts(), reverse=True):
            subprocess.run(["umount", "-l", target], check=True)
        for directory in ("run", "containerd-run"):
            shutil.rmtree(self.path(directory), ignore_errors=True)

    def mounts(self):
        with open("/proc/self/mounts") as file:
            return [target for target in (line.split()[1] for line in file) if target.startswith(self.directory + "/")]


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
