/// Ends the servers in a folder and removes the folder when we are done with it, or gone.
///
/// A shell that waits for the end of its input. That comes when ``release()`` is called or when our process ends, however it
/// ends: killed with SIGKILL too, nothing stays behind.
final class FolderKeeper: Sendable {
  private let shell: ChildProcess

  init(_ folder: String, _ programs: ServerPrograms) throws(ClusterError) {
    shell = try ChildProcess(
      programs.asAccount(["sh", "-c", Self.script, "onhand-keeper", folder]),
      environment: PrivateCluster.environment, log: "/dev/null")
  }

  /// Ends and removes everything, and waits until that is done.
  func release() {
    shell.hangUp()
    _ = shell.wait(Self.releaseMax)
  }

  /// Longer than an immediate shutdown takes, in which Postgres gives its processes five seconds.
  private static let releaseMax = Duration.seconds(15)

  /// A process is a server of ours if it works in our data folder; its id alone may have been given to another.
  /// Lines 1 and 7 of `postmaster.pid` are the process and its shared memory, which outlives a killed server.
  private static let script = """
    trap '' INT TERM HUP
    read -r line
    for data in "$1"/data "$1"/*/data; do
      [ -f "$data/postmaster.pid" ] || continue
      pid=$(sed -n 1p "$data/postmaster.pid")
      segment=$(sed -n '7s/.* //p' "$data/postmaster.pid")
      tries=0
      while [ "/proc/$pid/cwd" -ef "$data" ]; do
        if [ "$tries" -eq 0 ]; then kill -QUIT "$pid"; fi
        if [ "$tries" -eq 200 ]; then kill -KILL "$pid"; fi
        tries=$((tries + 1))
        sleep 0.05
      done
      ipcrm -m "$segment"
    done
    rm -rf "$1"
    """
}
