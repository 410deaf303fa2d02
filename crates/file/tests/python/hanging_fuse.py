#!/usr/bin/env python3
"""A file system in memory that stops answering: `hanging_fuse.py <folder>`.

Speaks the kernel's FUSE protocol (linux/fuse.h) on /dev/fuse. Says `ready` when it is mounted. On stdin, `hang` keeps
all requests waiting, `go` answers them; at the end of stdin it is unmounted.
"""
import ctypes
import errno
import os
import struct
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
FOLDER = os.fsencode(sys.argv[1])
ATTR = struct.Struct("<QQQQQQIIIIIIIIII")


class Node:
    def __init__(self, number, mode):
        self.number, self.mode, self.data, self.at = number, mode, bytearray(), time.time()
        self.names, self.links = {}, 1

    def attr(self):
        size, at = len(self.data), int(self.at)
        return ATTR.pack(self.number, size, size // 512 + 1, at, at, at, 0, 0, 0, self.mode, self.links,
                         os.getuid(), os.getgid(), 0, 4096, 0)

    def entry(self):
        return struct.pack("<QQQQII", self.number, 0, 0, 0, 0, 0) + self.attr()


ROOT = Node(1, 0o040777)
NODES = {1: ROOT}


def make(parent, name, mode):
    node = Node(max(NODES) + 1, mode)
    NODES[node.number] = node
    parent.names[name] = node
    return node


def text(body):
    return body.split(b"\0")[0]


def answer(opcode, number, body):
    """Returns the answer, or an error's number; None for what is not answered."""
    node = NODES.get(number)
    if opcode in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET
        return None
    if opcode == 26:  # INIT
        return struct.pack("<IIIIHHIIHHI", 7, 31, 65536, 0, 16, 12, 131072, 1, 32, 0, 0) + bytes(28)
    if opcode == 17:  # STATFS
        return struct.pack("<QQQQQIIII", 1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19, 4096, 255, 4096, 0) + bytes(24)
    if node is None:
        return errno.ENOENT
    if opcode == 1:  # LOOKUP
        found = node.names.get(text(body))
        return found.entry() if found else errno.ENOENT
    if opcode == 3:  # GETATTR
        return struct.pack("<QII", 0, 0, 0) + node.attr()
    if opcode == 4:  # SETATTR
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        if valid & 8:
            node.data = node.data[:size].ljust(size, b"\0")
        if valid & 1:
            node.mode = struct.unpack_from("<I", body, 68)[0]
        return struct.pack("<QII", 0, 0, 0) + node.attr()
    if opcode == 8:  # MKNOD
        return make(node, text(body[16:]), struct.unpack_from("<I", body)[0]).entry()
    if opcode == 9:  # MKDIR
        return make(node, text(body[8:]), struct.unpack_from("<I", body)[0] | 0o040000).entry()
    if opcode == 10:  # UNLINK
        found = node.names.pop(text(body), None)
        if found is None:
            return errno.ENOENT
        found.links -= 1
        return b""
    if opcode in (12, 45):  # RENAME, RENAME2
        to, flags = struct.unpack_from("<QI", body) if opcode == 45 else (struct.unpack_from("<Q", body)[0], 0)
        old, new = body[16 if opcode == 45 else 8:].split(b"\0")[:2]
        if flags & 1 and new in NODES[to].names:
            return errno.EEXIST
        NODES[to].names[new] = node.names.pop(old)
        return b""
    if opcode in (14, 27):  # OPEN, OPENDIR
        return struct.pack("<QII", 0, 0, 0)
    if opcode == 15:  # READ
        _, offset, size = struct.unpack_from("<QQI", body)
        return bytes(node.data[offset:offset + size])
    if opcode == 16:  # WRITE
        _, offset, size = struct.unpack_from("<QQI", body)
        node.data[offset:offset + size] = body[40:40 + size]
        node.at = time.time()
        return struct.pack("<II", size, 0)
    if opcode == 28:  # READDIR
        _, offset, size = struct.unpack_from("<QQI", body)
        out = b""
        for place, (name, found) in enumerate(list(node.names.items())[offset:], offset + 1):
            entry = struct.pack("<QQII", found.number, place, len(name), found.mode >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(out) + len(entry) > size:
                break
            out += entry
        return out
    if opcode in (18, 20, 25, 29, 34, 38):  # RELEASE, FSYNC, FLUSH, RELEASEDIR, ACCESS, DESTROY
        return b""
    if opcode == 35:  # CREATE
        made = make(node, text(body[16:]), struct.unpack_from("<II", body)[1])
        return made.entry() + struct.pack("<QII", 0, 0, 0)
    return errno.ENOSYS


def serve(fuse, answers):
    while True:
        try:
            request = os.read(fuse, 1 << 20)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.ENOENT):
                continue
            return
        _, opcode, unique, number = struct.unpack_from("<IIQQ", request)
        answers.wait()
        reply = answer(opcode, number, request[40:])
        if reply is None:
            continue
        error, reply = (-reply, b"") if isinstance(reply, int) else (0, reply)
        try:
            os.write(fuse, struct.pack("<IiQ", 16 + len(reply), error, unique) + reply)
        except OSError:
            pass


def main():
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}".encode()
    if LIBC.mount(b"hanging", FOLDER, b"fuse", 0, options) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    answers = threading.Event()
    answers.set()
    threading.Thread(target=serve, args=(fuse, answers), daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        (answers.clear if line.strip() == "hang" else answers.set)()
        print("done", flush=True)
    LIBC.umount2(FOLDER, 2)
    os._exit(0)


main()
