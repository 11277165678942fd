"""
Reads files of mounted images until standard input ends: each time another one, out of the page cache first, so that every read needs the daemon
or its cache, and rests for so many seconds after each. Prints a line of JSON for each read that took long, failed or gave other bytes. A process of its own, as it sleeps in the kernel while nobody serves.
"""
import hashlib, json, os, random, select, sys, time

SLOW_SECONDS = 0.05
CHUNK = 128 << 10


def main():
    seed, rest, *directories = sys.argv[1:]
    source = random.Random(int(seed))
    sums = {}
    for directory in directories:
        with open(f"{directory}/sums") as file:
            for line in file:
                digest, name = line.split()
                sums[directory + name] = digest
    names = sorted(sums)
    reads = 0
    print(json.dumps({"ready": True}), flush=True)
    while not select.select([sys.stdin], [], [], float(rest))[0]:
        read(source.choice(names), sums)
        reads += 1
    print(json.dumps({"reads": reads}), flush=True)


def read(name, sums):
    digest = hashlib.md5()
    began = time.monotonic()
    try:
        file = os.open(name, os.O_RDONLY)
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            while True:
                began = time.monotonic()
                data = os.read(file, CHUNK)
                tell(began, name)
                if not data:
                    break
                digest.update(data)
        finally:
            os.close(file)
    except OSError as error:
        print(json.dumps({"at": time.monotonic(), "took": time.monotonic() - began, "name": name, "error": os.strerror(error.errno)}), flush=True)
        return
    if digest.hexdigest() != sums[name]:
        print(json.dumps({"at": time.monotonic(), "name": name, "wrong": True}), flush=True)


def tell(began, name):
    now = time.monotonic()
    if now - began > SLOW_SECONDS:
        print(json.dumps({"at": now, "took": now - began, "name": name}), flush=True)


if __name__ == "__main__":
    main()
