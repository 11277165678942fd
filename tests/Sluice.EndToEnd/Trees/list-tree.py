#!/usr/bin/env python3
"""list-tree.py DIR: one JSON object per inode name below DIR, with everything that stat(2) and the xattr calls tell. Names are bytes."""
import hashlib, json, os, stat, sys

KINDS = {stat.S_IFREG: 'file', stat.S_IFDIR: 'directory', stat.S_IFLNK: 'link', stat.S_IFIFO: 'fifo', stat.S_IFCHR: 'char', stat.S_IFBLK: 'block', stat.S_IFSOCK: 'socket'}


def text(name):
    return name.decode('utf-8', 'backslashreplace')


def content(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def describe(path, name):
    s = os.lstat(path)
    kind = KINDS[stat.S_IFMT(s.st_mode)]
    entry = {'path': text(name), 'type': kind, 'mode': '%04o' % stat.S_IMODE(s.st_mode), 'uid': str(s.st_uid), 'gid': str(s.st_gid),
             'nlink': str(s.st_nlink), 'size': str(s.st_size), 'mtime': str(s.st_mtime_ns),
             'xattrs': ' '.join('%s=%s' % (a, os.getxattr(path, a, follow_symlinks=False).hex()) for a in sorted(os.listxattr(path, follow_symlinks=False)))}
    if kind in ('char', 'block'):
        entry['rdev'] = '%d:%d' % (os.major(s.st_rdev), os.minor(s.st_rdev))
    if kind == 'link':
        entry['target'] = text(os.readlink(path))
    if kind == 'file':
        entry['sha256'] = content(path)
    return entry


def main():
    root = os.fsencode(sys.argv[1])
    pending = [b'']
    while pending:
        name = pending.pop()
        path = root + (b'/' + name if name else b'')
        entry = describe(path, name)
        print(json.dumps(entry))
        if entry['type'] == 'directory':
            pending += [name + b'/' + child if name else child for child in os.listdir(path)]


main()
