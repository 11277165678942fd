"""Starts `sluice daemon` five times: milliseconds from exec to the first accepted connection (median), and resident memory
five seconds later. Then the memory of `sluice mount` with one image mounted and every file name read. Used by warm.sh."""
import os, socket, statistics, subprocess, sys, time

SLUICE, SCRATCH, IMAGE = sys.argv[1:]
STARTS, IDLE_SECONDS = 5, 5


def memory(pid):
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["RssAnon"].split()[0]) / 1024


def children(pid):
    return [int(child) for task in os.listdir(f"/proc/{pid}/task") for child in open(f"/proc/{pid}/task/{task}/children").read().split()]


def describe(name, pid):
    time.sleep(IDLE_SECONDS)
    rss, anonymous = memory(pid)
    mounts = sum(memory(child)[0] for child in children(pid))
    print(f"{name}: RSS {rss:.0f} MiB ({anonymous:.0f} MiB anonymous), its mount process {mounts:.0f} MiB")


def start(directory, log):
    """The running daemon, and how long it took until it accepted."""
    address = f"{directory}/sluice.sock"
    began = time.monotonic()
    daemon = subprocess.Popen([SLUICE, "daemon", "--root", f"{directory}/root", "--state", f"{directory}/state", "--address", address], stderr=log)
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(address)
                return daemon, (time.monotonic() - began) * 1000
            except OSError:
                if daemon.poll() is not None or time.monotonic() - began > 30:
                    daemon.kill()
                    sys.exit(f"the daemon did not start: {open(log.name).read()}")
        time.sleep(0.002)


def stop(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


with open(f"{SCRATCH}/log", "w") as log:
    times = []
    for number in range(STARTS):
        directory = f"{SCRATCH}/daemon{number}"
        os.mkdir(directory)
        daemon, milliseconds = start(directory, log)
        try:
            times.append(milliseconds)
            if number == STARTS - 1:
                print(f"daemon ready after {statistics.median(times):.0f} ms (median of {STARTS}, {min(times):.0f} to {max(times):.0f})")
                describe("daemon, idle, no image", daemon.pid)
        finally:
            stop(daemon)

    target = f"{SCRATCH}/target"
    mount = subprocess.Popen(
        [SLUICE, "mount", "--foreground", "--root", f"{SCRATCH}/mount-root", "--state", f"{SCRATCH}/mount-state", IMAGE, target],
        stdout=subprocess.PIPE, stderr=log)
    try:
        if mount.stdout.readline() != b"mounted\n":
            sys.exit(f"the image was not mounted: {open(log.name).read()}")
        subprocess.run(["find", target, "-type", "f"], stdout=subprocess.DEVNULL, check=True)
        describe("`sluice mount`, one image, nothing read", mount.pid)
    finally:
        stop(mount)
