#!/usr/bin/env python3
"""Times of the UDP packets of call members, and of the homeserver's transactions, on loopback.

Needs CAP_NET_RAW. The kernel stamps the packets as they are delivered and filters out all that nobody
asked about, so neither this process's place in the queue nor the load of the calls changes what is seen.

  capture.py HTTP_PORT UDP_PORT...      the ports of the focus

Commands on stdin, one a line:            answers on stdout, JSON lines:
  watch KEY ADDRESS:PORT...               (none; from now on packets between it and the focus count)
  take KEY                                {"key", "packets": [[seconds, to the member?, first byte], ...]}
and for every transaction that goes to the focus, unasked: {"transaction": id, "at": seconds}.
"""
import ctypes
import json
import os
import re
import select
import socket
import struct
import sys

SO_ATTACH_FILTER = 26
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
ETH_P_IP = 0x0800
BYTES_KEPT = 256  # enough for headers and the request line
BUFFER_BYTES = 16 << 20
TRANSACTION = re.compile(rb"PUT /_matrix/app/v1/transactions/([^ ?/]+)")

LD_BYTE, LD_HALF, LD_HALF_X, LDX_IP_HEADER, JUMP_EQUAL, RETURN = 0x30, 0x28, 0x48, 0xB1, 0x15, 0x06
ETHERTYPE, PROTOCOL, IP_START = 12, 23, 14
SOURCE, DESTINATION = IP_START, IP_START + 2  # behind the IP header, whose length is in X


def program(http_port, watched):
    """Classic BPF: TCP to the focus, and UDP from or to a watched port."""
    body = [(LDX_IP_HEADER, IP_START), (LD_BYTE, PROTOCOL), (JUMP_EQUAL, socket.IPPROTO_TCP, "tcp"),
            (LD_HALF_X, SOURCE)]
    body += [(JUMP_EQUAL, port, "keep") for port in watched]
    body += [(LD_HALF_X, DESTINATION)]
    body += [(JUMP_EQUAL, port, "keep") for port in watched]
    body += [(RETURN, 0)]
    labels = {"tcp": len(body)}
    body += [(LD_HALF_X, DESTINATION), (JUMP_EQUAL, http_port, "keep"), (RETURN, 0)]
    labels["keep"] = len(body)
    body += [(RETURN, BYTES_KEPT)]
    packed = b""
    for at, (code, value, *target) in enumerate(body):
        jump = labels[target[0]] - at - 1 if target else 0
        packed += struct.pack("HBBI", code, jump, 0, value)
    return packed, len(body)


def attach(sock, http_port, watched):
    packed, length = program(http_port, watched)
    buffer = ctypes.create_string_buffer(packed)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HL", length, ctypes.addressof(buffer)))


class Capture:
    def __init__(self, http_port, udp_ports):
        self.http_port = http_port
        self.udp_ports = set(udp_ports)
        self.ends = {}  # (address, port) of a member: packets
        self.keys = {}  # key: ends
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        attach(self.sock, http_port, [])
        self.sock.bind(("lo", ETH_P_IP))
        self.sock.setblocking(False)

    def command(self, words):
        verb, key, *ends = words
        if verb == "watch":
            self.keys[key] = [(address, int(port)) for address, port in (e.split(":") for e in ends)]
            self.ends.update((end, []) for end in self.keys[key])
        else:
            packets = [packet for end in self.keys.pop(key) for packet in self.ends.pop(end)]
            say({"key": key, "packets": sorted(packets)})
        attach(self.sock, self.http_port, sorted({port for _, port in self.ends}))

    def drain(self):
        while True:
            try:
                data, extra, _, (_, _, kind, *_) = self.sock.recvmsg(BYTES_KEPT, 128)
            except BlockingIOError:
                return
            # On loopback everything passes twice: as it leaves, and as it is delivered.
            if kind == socket.PACKET_HOST:
                self.note(seconds_of(extra), data)

    def note(self, at, data):
        header = IP_START + (data[IP_START] & 15) * 4
        source, destination = struct.unpack_from("!HH", data, header)
        if data[PROTOCOL] == socket.IPPROTO_TCP:
            found = TRANSACTION.search(data)
            if found:
                say({"transaction": found[1].decode(), "at": at})
            return
        first = data[header + 8] if len(data) > header + 8 else -1
        sender = (socket.inet_ntoa(data[IP_START + 12:IP_START + 16]), source)
        receiver = (socket.inet_ntoa(data[IP_START + 16:IP_START + 20]), destination)
        if source in self.udp_ports and receiver in self.ends:
            self.ends[receiver].append((at, True, first))
        elif destination in self.udp_ports and sender in self.ends:
            self.ends[sender].append((at, False, first))


def seconds_of(extra):
    for level, kind, value in extra:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            whole, nanos = struct.unpack("ll", value[:16])
            return whole + nanos / 1e9
    raise SystemExit("the kernel stamps no packets")


def say(line):
    print(json.dumps(line), flush=True)


def main():
    http_port, *udp_ports = map(int, sys.argv[1:])
    capture = Capture(http_port, udp_ports)
    say({"ready": True})
    stdin = sys.stdin.fileno()
    rest = b""
    while True:
        readable, _, _ = select.select([capture.sock, stdin], [], [])
        capture.drain()
        if stdin not in readable:
            continue
        chunk = os.read(stdin, 65536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            capture.drain()
            capture.command(line.decode().split())


if __name__ == "__main__":
    main()
