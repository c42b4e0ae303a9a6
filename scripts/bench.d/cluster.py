"""A private PostgreSQL server in a folder, reached through a socket in that folder."""

import glob
import os
import pwd
import re
import shutil
import signal
import subprocess

from processes import Program, run


class Cluster:
    SETTINGS = [
        "listen_addresses=", "wal_level=logical", "fsync=off", "full_page_writes=off",
        "synchronous_commit=off", "shared_buffers=256MB", "max_wal_size=8GB",
        "checkpoint_timeout=1h", "autovacuum=off", "dynamic_shared_memory_type=mmap",
        # A paused client must not be cut off.
        "wal_sender_timeout=0",
    ]

    def __init__(self, folder):
        self.folder = folder
        self.programs = find_programs()
        self.as_account = []
        if os.geteuid() == 0:
            # A server refuses to run as root.
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            self.as_account = [
                "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}",
                "--init-groups", "--"]
        self.server = None

    def start(self):
        data = f"{self.folder}/data"
        run([*self.as_account, f"{self.programs}/initdb", "-D", data, "-U", "postgres",
             "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"], cwd=self.folder)
        self.restart()

    def restart(self):
        """Starts the server on the data that there are."""
        data = f"{self.folder}/data"
        settings = [part for setting in self.SETTINGS for part in ("-c", setting)]
        self.server = Program(
            [*self.as_account, f"{self.programs}/postgres", "-D", data, "-k", self.folder,
             "-p", "5432", *settings], f"{self.folder}/postgres.log")
        self.wait_until_ready()

    def wait_until_ready(self):
        self.server.wait_until(self.is_ready, "PostgreSQL did not start", 60)

    def is_ready(self):
        return subprocess.run(
            [f"{self.programs}/pg_isready", "-q", "-h", self.folder, "-p", "5432"]).returncode == 0

    @property
    def conninfo(self):
        return f"host={self.folder} port=5432 user=postgres dbname=postgres"

    def sql(self, statement):
        """Runs statements and returns the last one's rows, columns separated by tabs."""
        return run([f"{self.programs}/psql", "-d", self.conninfo, "-XqAt", "-F", "\t",
                    "-v", "ON_ERROR_STOP=1", "-c", statement]).splitlines()

    def load(self, path):
        run([f"{self.programs}/psql", "-d", self.conninfo, "-Xq",
             "-v", "ON_ERROR_STOP=1", "-f", path])

    def version(self):
        return self.sql("SHOW server_version")[0].split()[0]

    def stop(self):
        if self.server:
            self.server.end(signal.SIGQUIT)


def find_programs():
    """The folder with the server's programs, as Onhand itself looks for it."""
    def version(folder):
        return int(re.search(r"/(\d+)/bin$", folder).group(1))

    folders = [os.environ.get("ONHAND_PG_BINDIR", "")]
    if shutil.which("pg_config"):
        folders.append(run(["pg_config", "--bindir"]).strip())
    folders += sorted(glob.glob("/usr/lib/postgresql/[0-9]*/bin"), key=version, reverse=True)
    folders += os.environ.get("PATH", "").split(":")
    for folder in folders:
        if all(os.access(f"{folder}/{name}", os.X_OK) for name in ("initdb", "pg_recvlogical")):
            return folder
    raise SystemExit("no PostgreSQL server found; name its programs' folder in ONHAND_PG_BINDIR")
