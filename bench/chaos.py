"""See chaos.sh."""
import argparse, json, os, random, select, shutil, signal, socket, subprocess, sys, threading, time

from node import MIB, SLUICE, Node, children

HERE = os.path.dirname(os.path.realpath(__file__))
MODES = ("kill", "kill", "kill", "kill", "group", "cgroup", "stop", "upgrade")
LONGEST_CALM = 0.4  # seconds of work between two deaths
READERS = 2
CPU_WEIGHT = 1000  # of the daemon's cgroup, as deploy/systemd/sluice.service has it (CPUWeight); 100 is what others have
WRITER_REST = 0.02  # seconds between two synced writes
MOUNT_REST = 0.05  # seconds between two files that are read from a `sluice mount`: the daemon is to have the processors
LONGEST_MOUNT = 12  # seconds between two deaths of what `sluice mount` serves with; it is started again the later, up to 10 s, the sooner it dies


def main():
    options = argparse.ArgumentParser(description="Kills the daemon of a working node again and again.")
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--modes", default=",".join(MODES), help="ways to end the daemon, of kill, group, cgroup, stop and upgrade; one that is named twice comes twice as often")
    options.add_argument("--reference-rounds", type=int, default=3, help="of the same without a keeper; 0: none")
    options.add_argument("--json", help="file that gets the figures")
    given = options.parse_args()
    modes = given.modes.split(",")
    if unknown := set(modes) - set(MODES):
        options.error(f"no such mode: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    with ChaosNode("process", given.seed) as node:
        node.prepare()
        figures = node.run_rounds(given.rounds, given.seed, modes)
    print(f"load {' '.join(open('/proc/loadavg').read().split()[:3])}")
    show("with a keeper", figures)
    if given.json:
        with open(given.json, "w") as file:
            json.dump(figures, file)
    if given.reference_rounds:
        with ChaosNode("none", given.seed) as node:
            node.prepare()
            show("without (reference)", node.run_rounds(given.reference_rounds, given.seed, modes) | {"lines": []})
    return 1 if figures["wrong"] or figures["errors"] else 0


def show(name, figures):
    print(f"{name}: {figures['rounds']} rounds ({', '.join(f'{count} {mode}' for mode, count in sorted(figures['modes'].items()))})")
    print(f"  wrong bytes {figures['wrong']}, I/O errors {figures['errors']}; {figures['reads']} cold file reads, {figures['fio']} fio verify runs, "
          f"{figures['starts']} container starts right, {figures['refused']} refused while the daemon was away")
    for what, kind in (("pause after the restart", "restart"), ("of synced writes", "write"), ("of a plain mount", "mount"), ("pause of a stop and the restart, in all", "stop"), ("pause of an upgrade", "upgrade")):
        if values := figures["pauses"][kind]:
            print(f"  {what}: p50 {percentile(values, 50):.3f} s, p90 {percentile(values, 90):.3f} s, p99 {percentile(values, 99):.3f} s, longest {max(values):.3f} s, of {len(values)}")
    print(f"  brought in the background meanwhile: {figures['background'] / MIB:.0f} MiB")
    print(f"  sluice mount: killed {figures['mounts']} times")
    for line in figures["lines"][:20]:
        print("  " + line)


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


class ChaosNode(Node):
    def __init__(self, keeper, seed):
        self.keeper, self.seed = keeper, seed
        self.stopping = threading.Event()
        self.events, self.rounds, self.lines = [], [], []
        self.watched, self.hearing, self.noting = [], [], threading.Lock()
        self.born = []  # when each process that came to serve the plain mount was started
        self.background = 0  # bytes
        self.reads = self.fio_runs = self.starts = self.refused = self.errors = self.wrong_bytes = self.mount_kills = 0

    def __enter__(self):
        super().__enter__()
        self.mounted = self.path("mount", "image")
        return self

    def prepare(self):
        """Containers of both formats, of RAFS also one on a loop device, and a plain mount."""
        self.configure("auto")
        self.start_all()
        self.push(0)
        self.start_readers(0)
        self.ctr("run", "-d", "--snapshotter", "sluice", "--snapshotter-label", "containerd.io/snapshot/overlaybd.writable=dir", self.image(0, "overlaybd"), self.id("writer"), "/bin/sleep", "1000000")

        if self.keeper == "none":
            return  # nothing of it would live until the first round
        self.configure("loop")
        self.restart("stop", cold=False)
        self.push(1)
        self.pull(self.image(1, "rafs"))
        self.ctr("run", "-d", "--snapshotter", "sluice", self.image(1, "rafs"), self.id("loop"), "/bin/sleep", "1000000")
        if not any(line.startswith("/dev/loop") and line.split()[2] == "erofs" for line in open("/proc/self/mounts") if self.path("run") in line):
            raise SystemExit("no EROFS on a loop device")
        os.makedirs(self.mounted)
        self.supervisor = self.start("mount.log", SLUICE, "mount", "--foreground", "--supervise", *self.mount_places(), f"docker://{self.image(0, 'rafs')}", self.mounted)
        self.wait("the mount", lambda: os.path.exists(f"{self.mounted}/sums"))

    def mount_places(self):
        return "--root", self.path("mount", "root"), "--state", self.path("mount", "run")

    def configure(self, mode):
        with open(self.path("config.yaml"), "w") as file:
            file.write(f"keeper: {self.keeper}\nmount:\n  mode: {mode}\nbackground:\n  delay_seconds: 0\n  max_mb_per_second: 2\n")

    def start(self, log, *command):
        """The daemon leads a process group, and in a cgroup of its own where there are any."""
        if command[1:2] != ("daemon",):
            return super().start(log, *command)
        with open(self.path(log), "ab") as output:
            process = subprocess.Popen([*command, "--config", self.path("config.yaml")], stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)
        for group in self.cgroups():
            try:
                for name, value in (("cpu.weight", CPU_WEIGHT), ("cpu.shares", CPU_WEIGHT * 1024 // 100)):
                    if os.path.exists(f"{group}/{name}"):
                        with open(f"{group}/{name}", "w") as file:
                            file.write(str(value))
                with open(f"{group}/cgroup.procs", "w") as file:
                    file.write(str(process.pid))
            except OSError:
                pass
        self.processes.append(process)
        return process

    def cgroups(self):
        tops = [line.split()[1] for line in open("/proc/self/mounts") if line.split()[2] in ("cgroup", "cgroup2")]
        for top in tops:
            group = f"{top}/sluice-chaos-{os.getpid()}"
            try:
                os.makedirs(group, exist_ok=True)
                yield group
            except OSError:
                pass

    def __exit__(self, *arguments):
        self.stopping.set()
        for process in self.watched:
            process.stdin.close()
        if self.mounted in self.mounts():
            self.try_run(SLUICE, "umount", *self.mount_places(), self.mounted)
        subprocess.run([SLUICE, "keeper", "--stop", "--force", "--state", self.path("mount", "run")], capture_output=True)
        super().__exit__(*arguments)
        for group in self.cgroups():
            try:
                os.rmdir(group)
            except OSError:
                pass

    def run_rounds(self, rounds, seed, modes):
        source = random.Random(seed)
        mounts = self.mounts()
        images = [mount for mount in mounts if mount.startswith(self.path("run", "images")) and "snapshot-" not in mount]
        self.writable = next(mount for mount in mounts if mount.startswith(self.path("run", "images", "snapshot-")))
        for number in range(READERS):
            self.watch("chaos_reader.py", seed * 100 + number, 0, *images)
        self.watch("chaos_writer.py", WRITER_REST, f"{self.writable}/synced")
        work = [self.verify, self.start_containers]
        if self.mounted in mounts:
            self.watch("chaos_reader.py", seed * 100 + READERS, MOUNT_REST, self.mounted)
            work.append(self.kill_mount)
        threads = [threading.Thread(target=each, daemon=True) for each in work]
        for thread in threads:
            thread.start()
        counts = {}
        for number in range(rounds):
            time.sleep(source.uniform(0, LONGEST_CALM))
            mode, cold = source.choice(modes), source.random() < 0.5
            if self.keeper == "none" and mode == "upgrade":
                mode = "stop"
            counts[mode] = counts.get(mode, 0) + 1
            self.background += self.downloaded()
            self.rounds.append(self.upgrade() if mode == "upgrade" else self.restart(mode, cold))
        self.stopping.set()
        for thread in threads:
            thread.join(120)
        for process in self.watched:
            process.stdin.close()
            process.wait(120)
        for thread in self.hearing:
            thread.join(120)
        pauses = self.pauses()
        return {
            "rounds": rounds, "modes": counts, "wrong": self.wrong_bytes, "errors": self.errors, "reads": self.reads, "fio": self.fio_runs, "starts": self.starts,
            "refused": self.refused, "mounts": self.mount_kills, "background": self.background, "pauses": pauses, "lines": self.lines,
        }

    def pauses(self):
        """
        How long each read and each synced write waited in each round that it met, by kind: after a death from the start of the next daemon to the answer, or to the next death; of a stop from its signal, or
        from the read's own beginning, without what the bench did between the end of one daemon and the start of the next; of an upgrade all of it. A round for which nobody waited long counts as none.
        """
        found = {"restart": [], "stop": [], "upgrade": [], "write": [], "mount": []}
        heard = {"restart": set(), "stop": set(), "upgrade": set()}

        def add(kind, number, waited):
            found[kind].append(waited)
            heard[kind].add(number)

        ends = [told for _, told, *_ in self.rounds[1:]] + [float("inf")]
        for event in self.events:
            began, ended = event["at"] - event["took"], event["at"]
            if event["name"].startswith(self.mounted):
                found["mount"] += [ended - at for at in self.born if began <= at <= ended]
                continue
            for number, ((mode, told, gone, at, ready), end) in enumerate(zip(self.rounds, ends)):
                if began > ready or ended < told:
                    continue
                if mode == "upgrade":
                    if event["name"].startswith(self.writable):
                        found["write"].append(event["took"])
                    else:
                        add("upgrade", number, event["took"])
                    continue
                after = min(ended, end) - max(began, at)
                if event["name"].startswith(self.writable):
                    found["write"] += [after] if after > 0 else []
                    continue
                if after > 0:
                    add("restart", number, after)
                if mode == "stop":
                    add("stop", number, min(ended, end) - max(began, told) - (max(0, at - max(gone, began)) if ended > at else 0))
        for kind, belongs in (("restart", lambda mode: mode != "upgrade"), ("stop", lambda mode: mode == "stop"), ("upgrade", lambda mode: mode == "upgrade")):
            found[kind] += [0] * sum(belongs(mode) and number not in heard[kind] for number, (mode, *_) in enumerate(self.rounds))
        return found

    def restart(self, mode, cold):
        """Ends the daemon and starts the next one at once; returns its kind, and when the signal, the end and the start were, and when the next one answered."""
        told = time.monotonic()
        self.end(mode)
        gone = time.monotonic()
        if cold:
            shutil.rmtree(self.path("root", "cache", "sha256"), ignore_errors=True)  # what was read is to be fetched again
        at = time.monotonic()
        self.daemon = self.start("sluice.log", SLUICE, "daemon", "--root", self.path("root"), "--state", self.path("run"))
        self.wait("the daemon", lambda: self.process() == self.daemon.pid)
        return mode, told, gone, at, time.monotonic()

    def end(self, mode):
        if mode == "group":
            os.killpg(os.getpgid(self.daemon.pid), signal.SIGKILL)  # a successor is in the group of the first
        elif mode == "cgroup":
            for group in self.cgroups():
                for line in open(f"{group}/cgroup.procs").read().split():
                    try:
                        os.kill(int(line), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        try:
            os.kill(self.daemon.pid, signal.SIGTERM if mode == "stop" else signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            ended = os.pidfd_open(self.daemon.pid)  # tells at once, also while nobody has asked how it ended
        except ProcessLookupError:
            return
        if not select.select([ended], [], [], 60)[0]:
            self.note("errors", f"{mode}: the daemon does not end")
        os.close(ended)
        if isinstance(self.daemon, subprocess.Popen):
            code = self.daemon.wait(1)
            if mode == "stop" and code:
                self.note("errors", f"SIGTERM: the daemon ended with {code}")

    def upgrade(self):
        told = time.monotonic()
        self.run(SLUICE, "upgrade", "--admin-address", self.path("run", "admin.sock"))
        self.daemon = Successor(self.process())
        ready = time.monotonic()
        return "upgrade", told, told, ready, ready

    def process(self):
        """The process that answers on the admin socket, or None."""
        return (self.ask("process") or {}).get("process")

    def downloaded(self):
        """Bytes that this daemon has brought in the background."""
        return sum(image["activity"]["bytesByCause"]["background"] for image in (self.ask("images") or {"images": []})["images"] if image["activity"])

    def ask(self, subject):
        """The admin API's answer, or None."""
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.path("run", "admin.sock"))
                client.sendall(f"GET /v1/{subject} HTTP/1.0\r\nHost: sluice\r\n\r\n".encode())
                while data := client.recv(65536):
                    answer += data
            return json.loads(answer.split(b"\r\n\r\n", 1)[1])
        except (OSError, ValueError, IndexError):
            return None

    def watch(self, script, *arguments):
        """A process that tells what took long, until its standard input ends."""
        process = subprocess.Popen([sys.executable, f"{HERE}/{script}", *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        self.hearing.append(threading.Thread(target=self.hear, args=(process,), daemon=True))
        self.hearing[-1].start()
        self.watched.append(process)

    def hear(self, process):
        for line in process.stdout:
            event = json.loads(line)
            if "reads" in event:
                self.reads += event["reads"]
            elif "error" in event:
                self.note("errors", f"{event['name']}: {event['error']}")
            elif "wrong" in event:
                self.note("wrong_bytes", f"{event['name']}: other bytes")
            else:
                self.events.append(event)

    def note(self, counter, line):
        with self.noting:
            setattr(self, counter, getattr(self, counter) + 1)
        self.lines.append(f"{line}; the node said so far: {self.tail('sluice.log')}")

    def verify(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            done = subprocess.run(
                ["fio", "--name=verify", f"--filename={self.writable}/fio-{number % 3}", "--rw=randwrite", "--bsrange=4k-64k", "--size=8m", "--ioengine=psync", "--fsync=64", "--end_fsync=1",
                 "--verify=crc32c", "--do_verify=1", "--verify_fatal=1", f"--randseed={self.seed * 1000 + number}", "--invalidate=1", "--minimal"], capture_output=True, text=True, cwd=self.directory)
            said = done.stdout + done.stderr
            if done.returncode == 0:
                self.fio_runs += 1
            elif "verify:" in said:
                self.note("wrong_bytes", "fio: " + said[-300:].replace("\n", " "))
                return
            else:
                self.note("errors", "fio: " + said[-300:].replace("\n", " "))
                return

    def kill_mount(self):
        """Kills what serves the plain mount, in every other case with its cache emptied, and waits for the next."""
        source = random.Random(self.seed)
        while not self.stopping.wait(source.uniform(0, LONGEST_MOUNT if self.mount_kills else 2)):
            serving = self.mount_server()
            if source.random() < 0.5:
                shutil.rmtree(self.path("mount", "root", "cache", "sha256"), ignore_errors=True)
            try:
                os.kill(serving, signal.SIGKILL)
                self.wait("the next server of the mount", lambda: self.mount_server() not in (None, serving))
                self.born.append(started(self.mount_server()))
            except (SystemExit, OSError, TypeError) as failed:
                return self.note("errors", f"sluice mount: no server: {failed}")
            self.mount_kills += 1

    def mount_server(self):
        for child in children(self.supervisor.pid):
            try:
                if "--foreground" in open(f"/proc/{child}/cmdline").read():
                    return child
            except OSError:
                pass
        return None

    def start_containers(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            kind = ("rafs", "overlaybd")[number % 2]
            done = subprocess.run(
                ["ctr", "-a", self.path("containerd.sock"), "run", "--rm", "--snapshotter", "sluice", self.image(0, kind), self.id(f"start-{number}"), "/bin/echo", "started"], capture_output=True, text=True)
            said = done.stdout + done.stderr
            if not done.returncode:  # what a container prints, ctr loses now and then
                self.starts += 1
            elif "nput/output error" in said:
                self.note("errors", f"start of {kind}: {said.strip()[-300:]}")
            else:
                self.refused += 1
                if "navailable" not in said and "transport" not in said and "EOF" not in said:
                    self.lines.append(f"start of {kind} refused: {said.strip()[-200:]}")
                subprocess.run(["ctr", "-a", self.path("containerd.sock"), "containers", "rm", self.id(f"start-{number}")], capture_output=True)
                time.sleep(0.2)


def started(process):
    """When a process was, on the monotonic clock."""
    with open(f"/proc/{process}/stat") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK") - time.clock_gettime(time.CLOCK_BOOTTIME) + time.monotonic()


class Successor:
    """A daemon that another one has started."""

    def __init__(self, pid):
        self.pid = pid


if __name__ == "__main__":
    sys.exit(main())
