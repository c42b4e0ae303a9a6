# Sourced by the scripts: installs what they need on Debian and its kin, and says what to install elsewhere.
#
#   require build    Swift, the C libraries and a PostgreSQL server
#   require bench    nginx, wrk and Python as well

require() {
  require_swift
  local missing
  missing=$(missing_packages "$1" | xargs)
  if [ -n "$missing" ]; then
    install_packages "$missing"
  fi
}

require_swift() {
  if ! command -v swift >/dev/null; then
    echo "Swift 6.2 or later is needed; see https://www.swift.org/install" >&2
    exit 1
  fi
  swift --version 2>&1 | grep 'Swift version'
}

# Prints the Debian name of each package whose contents are not found.
missing_packages() {
  command -v pkg-config >/dev/null || echo pkg-config
  has_library libpq || echo libpq-dev
  has_library libcurl || echo libcurl4-openssl-dev
  has_library zlib || echo zlib1g-dev
  has_library libcrypto || echo libssl-dev
  has_server || echo postgresql
  if [ "$1" = bench ]; then
    command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || echo nginx-light
    [ -e /usr/lib/nginx/modules/ngx_nchan_module.so ] || echo libnginx-mod-nchan
    command -v cc >/dev/null || echo gcc libc6-dev
    command -v wrk >/dev/null || echo wrk
    command -v python3 >/dev/null || echo python3
  fi
}

# A Python environment in .build/python with the packages of scripts/python-requirements.txt; false if they can't be had.
#
#   require_python MODULE...
require_python() {
  if ! has_modules "$@"; then
    python3 -m venv .build/python || return
    .build/python/bin/pip install --quiet --disable-pip-version-check -r scripts/python-requirements.txt || return
    has_modules "$@"
  fi
}

# A browser, Node and the checker of types, for what pages run; without a word where they can't be had, as who needs them says so.
require_browser() {
  local missing
  missing=$(missing_of_pages | xargs)
  if [ -n "$missing" ] && command -v apt-get >/dev/null; then
    (install_packages "$missing") || true
  fi
}

missing_of_pages() {
  command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo chromium
  command -v node >/dev/null || echo nodejs
  command -v tsc >/dev/null || echo node-typescript
}

has_modules() {
  local module
  for module in "$@"; do
    [ -x .build/python/bin/python ] && .build/python/bin/python -c "import $module" 2>/dev/null || return
  done
}

has_library() {
  command -v pkg-config >/dev/null && pkg-config --exists "$1"
}

# Only its programs matter: Onhand starts servers of its own, and leaves any other alone.
has_server() {
  local folder
  for folder in "${ONHAND_PG_BINDIR:-}" "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && return
  done
  command -v initdb >/dev/null
}

install_packages() {
  local as_root=""
  if [ "$(id -u)" != 0 ]; then
    as_root=sudo
  fi
  if ! command -v apt-get >/dev/null; then
    echo "Please install what Debian calls: $1" >&2
    exit 1
  fi
  echo "installing $1"
  # shellcheck disable=SC2086 # several words each
  $as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    "apt-get -qq update && apt-get -qq install --no-install-recommends $1" >/dev/null
}
