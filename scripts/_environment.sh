# Sourced by the scripts: a virtual environment beside the checkout, made once and reused.
#
#   source scripts/_environment.sh
#   environment test          -> $PYTHON, with the package and the extra `test` installed
#
# DEEPHEDGE_VENV moves the environment; DEEPHEDGE_PYTHON names the interpreter to make it with.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${DEEPHEDGE_VENV:-$ROOT.venv}"

# Whether $1 runs and is Python 3.11 or later.
new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The interpreter to make the environment with.
find_python() {
  local candidate
  for candidate in ${DEEPHEDGE_PYTHON:-} python3 python python3.11 python3.12 python3.13 python3.14; do
    if new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  echo "deephedge needs Python 3.11 or later; found $(python3 --version 2>&1 || echo none)." >&2
  echo "Install one, or name it: DEEPHEDGE_PYTHON=/path/to/python3.11 $0" >&2
  return 1
}

make_venv() {
  local python
  python="$(find_python)"
  echo "Making a virtual environment in $VENV ($("$python" --version))" >&2
  if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --allow-existing --python "$python" "$VENV"
  else
    "$python" -m venv "$VENV"
  fi
}

# environment EXTRA: sets PYTHON and puts the environment's commands on PATH.
# An unchanged pyproject.toml installs nothing again; a stamp in the environment remembers it.
environment() {
  local extra="$1" wanted stamp
  [ -x "$VENV/bin/python" ] || make_venv
  PYTHON="$VENV/bin/python"
  if ! new_enough "$PYTHON"; then
    echo "$VENV holds $("$PYTHON" --version); deephedge needs Python 3.11 or later." >&2
    echo "Remove that folder, or point DEEPHEDGE_VENV elsewhere." >&2
    return 1
  fi
  wanted="$ROOT $("$PYTHON" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$ROOT/pyproject.toml")"
  stamp="$VENV/.deephedge-$extra"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing deephedge[$extra] into $VENV" >&2
    if command -v uv >/dev/null 2>&1; then
      uv pip install --quiet --python "$PYTHON" --editable "$ROOT[$extra]"
    else
      "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable "$ROOT[$extra]"
    fi
    echo "$wanted" >"$stamp"
  fi
  export PATH="$VENV/bin:$PATH"
}
