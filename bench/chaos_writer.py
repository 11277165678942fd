"""Writes a block to a file again and again and syncs it, until standard input ends, and rests for so many seconds after each. Prints a line of JSON for each that took long or failed. See chaos_reader.py."""
import json, os, select, sys, time

from chaos_reader import tell

BLOCK = os.urandom(4096)


def main():
    rest, name = sys.argv[1:]
    file = os.open(name, os.O_RDWR | os.O_CREAT)
    print(json.dumps({"ready": True}), flush=True)
    while not select.select([sys.stdin], [], [], float(rest))[0]:
        began = time.monotonic()
        try:
            os.pwrite(file, BLOCK, 0)
            os.fdatasync(file)
            tell(began, name)
        except OSError as error:
            print(json.dumps({"at": time.monotonic(), "took": time.monotonic() - began, "name": name, "error": os.strerror(error.errno)}), flush=True)
            return


main()
