"""What listens on the machine's own loopback device and on its unix sockets is often open to whoever is there."""

import socket

from src.attempts import attempt, demand, targets


def tcp(address):
    with socket.create_connection((address, targets["tcp"]), timeout=1) as connection:
        return connection.getpeername()


def udp(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(1)
        sender.connect((address, targets["udp"]))
        sender.send(b"hello")
        return demand(sender.recv(64))


def unix(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        return address


for address in ("127.0.0.1", "localhost", "127.0.0.2", "0.0.0.0", targets["address"]):
    attempt(f"TCP to {address}", tcp, address)
    attempt(f"UDP to {address}", udp, address)
attempt("IPv6", lambda: socket.create_connection(("::1", targets["tcp"]), timeout=1))
attempt("abstract unix socket", unix, "\0" + targets["abstract"])
attempt("unix socket", unix, targets["socket"])
for address in ("/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private"):
    attempt(address, unix, address)
