# Sourced by the scripts that need a running shop.

# Starts `PROGRAM demo` on a free port and stops it when the script ends. Once it is ready, DEMO is its address and
# DEMO_DATABASE how to connect to its database.
#
#   start_demo PROGRAM [OPTION...]
start_demo() {
  local program=$1 log
  shift
  log=$(mktemp)
  "$program" demo --listen 127.0.0.1:0 "$@" >"$log" 2>&1 &
  # shellcheck disable=SC2064 # as they are now
  trap "kill $! 2>/dev/null; wait $! 2>/dev/null; rm -f $log" EXIT
  local tries
  for tries in $(seq 600); do
    DEMO=$(sed -n 's/^ *board *\(http[^ ]*\)\/$/\1/p' "$log")
    # shellcheck disable=SC2034 # for the script
    DEMO_DATABASE=$(sed -n 's/^ *database *psql "\(.*\)"$/\1/p' "$log")
    if [ -n "$DEMO" ] && curl -fs "$DEMO/readyz" >/dev/null; then
      return
    fi
    if ! kill -0 $! 2>/dev/null || [ "$tries" = 600 ]; then
      cat "$log" >&2
      echo "the demo did not start" >&2
      exit 1
    fi
    sleep 0.1
  done
}
