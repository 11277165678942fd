"""See reboot.sh."""
import argparse, os, signal, statistics, subprocess, sys, time

from node import CHECK, KINDS, SLUICE, can_connect
from ready import ReadyNode


def main():
    options = argparse.ArgumentParser(description="Starts of containers after a restart of the machine, without the registry.")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    with RebootNode() as node:
        node.prepare()
        rows = {(kind, state): [node.round(kind, state) for _ in range(given.rounds)] for kind in KINDS for state in ("running", "stopped", "silent")}
    print(f"load {' '.join(open('/proc/loadavg').read().split()[:3])}; seconds, median of {given.rounds} restarts (least to most)")
    for (kind, state), seconds in rows.items():
        cached, never = zip(*seconds)
        print(f"{kind:9}  registry {state:7}  all cached: {spread(cached)} until all was read and right   never started: {spread(never)} until {'it has started' if state == 'running' else 'the error that names the registry'}")


def spread(seconds):
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


class RebootNode(ReadyNode):
    def prepare(self):
        self.start_registry()
        self.boot()
        for number in range(2):
            self.push(number)
            for kind in KINDS:
                self.pull(self.image(number, kind))
        for kind in KINDS:
            self.expect(0, kind, right=True)
        time.sleep(6)  # what is cached counts after that, also when the daemon is killed

    def round(self, kind, state):
        """Seconds of a container that has all it needs, and of one that has nothing."""
        if state == "stopped":
            self.registry_process.kill()
            self.registry_process.wait()
        if state == "silent":
            self.registry_process.send_signal(signal.SIGSTOP)
        try:
            self.die(self.daemon, self.containerd)
            self.boot()
            cached, never = self.expect(0, kind, right=True), self.expect(1, kind, right=state == "running")
        finally:
            self.registry_process.send_signal(signal.SIGCONT)
            if state == "stopped":
                self.serve_registry()
        if state == "running":  # for the next round: as if it had never been started
            self.ctr("images", "rm", "--sync", self.image(1, kind))
            self.pull(self.image(1, kind))
        return cached, never

    def expect(self, number, kind, right):
        began = time.monotonic()
        command = ["ctr", "-a", self.path("containerd.sock"), "run", "--rm", "--snapshotter", "sluice", self.image(number, kind), self.id("reboot"), "/bin/sh", "-c", CHECK]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        seconds = time.monotonic() - began
        if (done.returncode == 0) != right or not right and self.registry not in done.stderr:
            raise SystemExit(f"{number}-{kind}: {done.returncode} {done.stdout}{done.stderr}\n{self.tail('sluice.log')}")
        self.ctr("containers", "rm", self.id("reboot"), check=False)
        return seconds

    def start_registry(self):
        super().start_registry()
        self.registry_process = self.processes[-1]

    def serve_registry(self):
        self.registry_process = self.start("registry.log", SLUICE, "registry", "serve", self.path("registry"), "--listen", self.registry)
        self.wait("the registry", lambda: can_connect(self.registry))

    def boot(self):
        os.makedirs(self.path("run"), 0o711, exist_ok=True)
        self.start_daemon()
        self.start_containerd()


if __name__ == "__main__":
    sys.exit(main())
