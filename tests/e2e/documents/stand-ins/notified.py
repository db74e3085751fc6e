"""Runs a service and writes down what it tells its manager:  notified.py PLACE COMMAND.."""

import os
import socket
import subprocess
import sys
import threading

place, command = sys.argv[1], sys.argv[2:]
address = f"{place}.notify"
if os.path.exists(address):
    os.unlink(address)
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind(address)


def write(mark, text=""):
    with open(f"{place}.{mark}", "w", encoding="utf-8") as file:
        file.write(text)


def listen():
    while True:
        for line in ear.recv(4096).decode().splitlines():
            if line == "READY=1":
                write("ready")


threading.Thread(target=listen, daemon=True).start()
service = subprocess.Popen(command, env={**os.environ, "NOTIFY_SOCKET": address})
write("pid", str(service.pid))
code = service.wait()
if os.path.exists(f"{place}.ready"):
    os.unlink(f"{place}.ready")
write("ended", str(code))
write("pid", "0")
