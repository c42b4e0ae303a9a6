"""Programs that the benchmarks run, each ended by its id."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time

_verbose = False


def be_verbose():
    global _verbose
    _verbose = True


def say(text):
    """Prints to standard error, since the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def note(command):
    if _verbose:
        say("+ " + shlex.join(map(str, command)))


def run(command, **options):
    """Runs a command to its end and returns what it printed; ends the benchmark if it fails."""
    note(command)
    done = subprocess.run(command, text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"failed: {shlex.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def cpu_seconds(pid):
    """Fields 14 and 15 of proc(5)'s stat."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Program:
    """A running program; its output goes to a file."""

    def __init__(self, command, log):
        note(command)
        with open(log, "ab") as output:
            # A session of its own: Ctrl-C reaches us, and we end the rest in order.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True)
        self.log = log

    @property
    def pid(self):
        return self.process.pid

    def has_ended(self):
        return self.process.poll() is not None

    def end(self, number=signal.SIGTERM):
        if self.has_ended():
            return
        # It may be paused, and would not hear the other signal then.
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until(self, condition, problem, seconds=120):
        """Returns what `condition` gives as soon as it gives something; ends the benchmark where it never will."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if self.has_ended() or time.monotonic() > end:
                raise SystemExit(f"{problem}\n{self.log_tail()}")
            time.sleep(0.05)
        return found

    def cpu_seconds(self):
        """Processor time used so far by all its threads and those of its children; proc(5)."""
        return sum(map(cpu_seconds, self.pids()))

    def pids(self):
        """Its own and those of its children."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            return [self.pid, *map(int, file.read().split())]

    def keep_on(self, processors):
        """Has all its threads, and those that they start, run nowhere else."""
        for pid in self.pids():
            for thread in os.listdir(f"/proc/{pid}/task"):
                # It may have ended meanwhile.
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread), processors)

    def log_tail(self):
        with open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-20:])
