"""See ready.sh."""
import argparse, gzip, hashlib, io, json, os, signal, socket, statistics, subprocess, sys, tarfile, threading, time

from node import SLUICE, Node, memory

WORKERS = 3  # commands at a time while the images are made


def main():
    options = argparse.ArgumentParser(description="Time to ready of a daemon that knows many images.")
    options.add_argument("--images", type=int, default=200)
    options.add_argument("--starts", type=int, default=5)
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    with ReadyNode() as node:
        node.prepare(given.images)
        known = [node.boot(given.images) for _ in range(given.starts)]
    with ReadyNode() as node:
        none = [node.boot(0) for _ in range(given.starts)]
    print(f"load {' '.join(open('/proc/loadavg').read().split()[:3])}; median of {given.starts} starts (least to most)")
    show(f"{given.images} images", known)
    show("no image (reference)", none)


def show(name, starts):
    def line(key, unit):
        values = [start[key] for start in starts]
        return f"{statistics.median(values):.0f} {unit} ({min(values):.0f} to {max(values):.0f})"
    print(f"{name}: ready after {line('ready', 'ms')}, everything mounted after {line('mounted', 'ms')}; keeper {line('keeper', 'MiB')}, daemon {line('daemon', 'MiB')} resident")


class ReadyNode(Node):
    def prepare(self, images):
        """Makes the images, has the daemon know each of them, and mounts each once, so that the next daemon mounts them again."""
        self.start_registry()
        self.start_daemon()
        self.start_containerd()
        write_layout(self.path("layout"), images)
        self.each(images, self.know)
        tops = self.tops()
        if len(tops) != images:
            raise SystemExit(f"{len(tops)} of {images} images are known")
        self.each(images, lambda number: self.ctr("snapshots", "--snapshotter", "sluice", "view", f"view-{number}", tops[number]))
        time.sleep(6)  # what is cached counts after that, also when the daemon is killed
        for process in self.processes:
            if process is not self.daemon:
                process.kill()
                process.wait()

    def know(self, number):
        kind = "overlaybd" if number % 4 == 3 else "rafs"
        name = f"{self.registry}/ready:{number}"
        more = ["--vsize", "64M"] if kind == "overlaybd" else []
        self.run(SLUICE, "convert", "--format", kind, *more, f"oci:{self.path('layout')}:{number}", "docker://" + name)
        self.pull(name)

    def tops(self):
        """Layers that no other stands on."""
        rows = [line.split() for line in self.ctr("snapshots", "--snapshotter", "sluice", "ls").splitlines()[1:]]
        parents = {row[1] for row in rows if len(row) == 3}
        return [row[0] for row in rows if row[0] not in parents]

    def each(self, count, work):
        numbers = iter(range(count))
        lock = threading.Lock()
        failed = []

        def run():
            while not failed:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    work(number)
                except SystemExit as error:
                    failed.append(error)

        threads = [threading.Thread(target=run) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    def boot(self, images):
        """As after a restart of the machine. Figures of the start."""
        self.die(*[self.daemon] if hasattr(self, "daemon") else [])
        began = time.monotonic()
        self.start_daemon()
        figures = {"ready": (time.monotonic() - began) * 1000}
        while len([mount for mount in self.mounts() if "/run/images/" in mount]) < images:
            if time.monotonic() - began > 120:
                raise SystemExit(f"not mounted again: {self.tail('sluice.log')}")
            time.sleep(0.01)
        figures["mounted"] = (time.monotonic() - began) * 1000
        time.sleep(4)  # the daemon gives memory back 3 s after the last mount
        figures["daemon"] = memory(self.daemon.pid)["VmRSS"]
        figures["keeper"] = memory(self.keeper())["VmRSS"]
        return figures

    def keeper(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(self.path("run", "keeper.sock"))
            return int.from_bytes(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)

    def start_daemon(self):
        """Returns as soon as it accepts calls of containerd."""
        self.daemon = self.start("sluice.log", SLUICE, "daemon", "--root", self.path("root"), "--state", self.path("run"))
        began = time.monotonic()
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(self.path("run", "containerd.sock"))
                    return
                except OSError:
                    if self.daemon.poll() is not None or time.monotonic() - began > 60:
                        raise SystemExit(f"the daemon did not start: {self.tail('sluice.log')}")
            time.sleep(0.002)


def write_layout(directory, images):
    """An OCI layout of small images: 40 files of their own each, in two layers."""
    blobs = os.path.join(directory, "blobs", "sha256")
    os.makedirs(blobs)

    def put(content, media_type):
        digest = hashlib.sha256(content).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(content)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}

    manifests = []
    for number in range(images):
        tars = [make_layer(number, layer) for layer in range(2)]
        config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]}}
        manifest = {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": put(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [put(gzip.compress(tar, 1, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip") for tar in tars],
        }
        manifests.append(put(json.dumps(manifest).encode(), manifest["mediaType"]) | {"annotations": {"org.opencontainers.image.ref.name": str(number)}})
    with open(os.path.join(directory, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": manifests}, file)
    with open(os.path.join(directory, "oci-layout"), "w") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)


def make_layer(number, layer):
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for index in range(20):
            content = f"{number} {layer} {index}\n".encode() * 100
            entry = tarfile.TarInfo(f"data/{layer}/{index}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return output.getvalue()


if __name__ == "__main__":
    sys.exit(main())
