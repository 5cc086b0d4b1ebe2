# Sourced by the commands beside it: finds Python and hands over to script/bootstrap.py.
# Usage: . run.sh; run PROFILE MODULE [ARGUMENT...]

python_is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

run() {
    for python in python3.13 python3.12 python3.11 python3 python; do
        if python_is_new_enough "$python"; then
            exec "$python" "$here/bootstrap.py" "$@"
        fi
    done
    echo "Waymark needs Python 3.11 or later and found none." \
        "Install it (Debian and Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13)." >&2
    exit 1
}
