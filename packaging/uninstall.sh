#!/bin/sh
# Takes away what install.sh installed, with the same --prefix and DESTDIR. Configuration and leads are kept;
#   ./uninstall.sh --purge   takes them away, too, credentials included
set -eu
here=$(cd "$(dirname "$0")" && pwd)

prefix=/usr/local purge=
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) prefix=${2:?"--prefix needs a path"}; shift ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    --purge) purge=yes ;;
    *) echo "usage: [DESTDIR=PATH] ./uninstall.sh [--prefix PATH] [--purge]" >&2; exit 2 ;;
  esac
  shift
done
root=${DESTDIR:-}
if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
  echo "run this as root, or with DESTDIR" >&2
  exit 77
fi

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  systemctl disable --now --quiet leadsync-canary.timer leadsync.socket leadsync.service 2>/dev/null || true
fi
for unit in "$here"/lib/systemd/system/*; do
  unit=${unit##*/}
  rm -f "$root/etc/systemd/system/$unit"
  [ -z "$purge" ] || rm -rf "$root/etc/systemd/system/$unit.d"
done
(cd "$here" && find bin share -type f) | while read -r file; do
  rm -f "$root$prefix/$file"
done
for place in "$root$prefix/share/doc/leadsync" "$root$prefix/share/leadsync"; do
  # Only what is empty now: somebody may have put a file of their own there.
  [ ! -d "$place" ] || find "$place" -depth -type d -exec rmdir --ignore-fail-on-non-empty {} \;
done
if [ -n "$purge" ]; then
  rm -rf "$root/etc/leadsync" "$root/var/lib/private/leadsync" "$root/var/lib/leadsync"
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
