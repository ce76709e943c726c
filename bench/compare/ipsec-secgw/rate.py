#!/usr/bin/env python3
"""Runs a DPDK program that prints counters, and says how many nanoseconds a packet takes it.

rate.py secgw SECONDS COMMAND..     ipsec-secgw; the median over its counters' intervals
rate.py testpmd SECONDS COMMAND..   dpdk-testpmd --stats-period=1, from port 0 to port 1; likewise
rate.py secgw-until COUNT COMMAND.. ipsec-secgw until it has sent COUNT packets; prints nothing

SECONDS begin with the first counters that move, so that starting does not count. The program is ended
by SIGINT, as by a user. Fails, with the program's last lines, when it sent nothing, when it dropped
anything, when it has not started to send or has not ended after half a minute.
"""
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

PATIENCE_S = 30
COUNTER = re.compile(r"Total packets (received|sent|dropped): +(\d+)")
PORT = re.compile(r"NIC statistics for port (\d+)")
PORT_RATE = re.compile(r"Tx-pps: +(\d+)")


class Program:
    def __init__(self, command):
        # Its output is a pipe: without stdbuf, counters would come in lumps.
        self.process = subprocess.Popen(["stdbuf", "-oL", *command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.tail = []
        self.watchdog = threading.Timer(PATIENCE_S, self.process.kill)
        self.watchdog.start()

    def lines(self):
        for line in self.process.stdout:
            self.tail = self.tail[-40:] + [line]
            yield line

    def end(self):
        self.process.send_signal(signal.SIGINT)
        for _ in self.lines():  # what it prints at its end must not block it
            pass
        self.process.wait()
        self.watchdog.cancel()

    def fail(self, why):
        self.process.kill()
        self.process.wait()
        self.watchdog.cancel()
        sys.exit("".join(self.tail) + "rate: " + why)


def secgw_counters(program):
    """Yields (time, packets sent), from the first that were."""
    counted = {}
    for line in program.lines():
        match = COUNTER.search(line)
        if not match:
            continue
        counted[match[1]] = int(match[2])
        if match[1] != "dropped":
            continue
        if counted["dropped"] != 0:
            program.fail("%d packets were dropped" % counted["dropped"])
        if counted["sent"] > 0:
            yield time.monotonic(), counted["sent"]
    program.fail("it ended by itself, or sent nothing in %d s" % PATIENCE_S)


def secgw_rates(program):
    before = None
    for now, sent in secgw_counters(program):
        if before is not None:
            yield (sent - before[1]) / (now - before[0])
        before = now, sent


def testpmd_rates(program):
    port = None
    for line in program.lines():
        if match := PORT.search(line):
            port = int(match[1])
        if (match := PORT_RATE.search(line)) and port == 1 and int(match[1]) > 0:
            yield int(match[1])
    program.fail("it ended by itself, or sent nothing in %d s" % PATIENCE_S)


def median_ns(program, rates, seconds):
    next(rates)  # it may have begun in the middle
    end, taken = time.monotonic() + seconds, []
    for rate in rates:
        taken.append(rate)
        if time.monotonic() > end:
            break
    program.end()
    return 1e9 / statistics.median(taken)


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("secgw", "testpmd", "secgw-until"):
        sys.exit(__doc__)
    program = Program(sys.argv[3:])
    if sys.argv[1] == "secgw-until":
        for _, sent in secgw_counters(program):
            if sent >= int(sys.argv[2]):
                break
        program.end()
        return
    rates = secgw_rates if sys.argv[1] == "secgw" else testpmd_rates
    print("%.3f" % median_ns(program, rates(program), float(sys.argv[2])))


main()
