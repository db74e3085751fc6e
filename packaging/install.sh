#!/bin/sh
# Installs leadsync from this directory. Run it again to upgrade: configuration and leads are kept.
#   ./install.sh                         into /usr/local, as root
#   ./install.sh --prefix /opt/leadsync  somewhere else
#   DESTDIR=/tmp/image ./install.sh      below a directory, for images and packages; nothing is reloaded
set -eu
here=$(cd "$(dirname "$0")" && pwd)

prefix=/usr/local
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) prefix=${2:?"--prefix needs a path"}; shift ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    *) echo "usage: [DESTDIR=PATH] ./install.sh [--prefix PATH]" >&2; exit 2 ;;
  esac
  shift
done
case "$prefix" in
  /*) ;;
  *) echo "--prefix must begin with /: $prefix" >&2; exit 2 ;;
esac
root=${DESTDIR:-}
if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
  echo "run this as root, or with DESTDIR" >&2
  exit 77
fi

# A new file beside the old one, then in its place: a running daemon keeps the program it was started with.
place() { # mode from to
  install -D -m "$1" "$2" "$root$3.new"
  mv -f "$root$3.new" "$root$3"
}

place 0755 "$here/bin/leadsync" "$prefix/bin/leadsync"
(cd "$here" && find share -type f) | while read -r file; do
  place 0644 "$here/$file" "$prefix/$file"
done
# Units are looked for in /etc/systemd/system whatever the prefix is. They name the program by its path.
for unit in "$here"/lib/systemd/system/*; do
  unit=${unit##*/}
  to=$root/etc/systemd/system/$unit
  mkdir -p "$(dirname "$to")"
  sed -e "s|/usr/bin/leadsync|$prefix/bin/leadsync|" -e "s|/usr/share/leadsync|$prefix/share/leadsync|" \
    "$here/lib/systemd/system/$unit" >"$to.new"
  chmod 0644 "$to.new"
  mv -f "$to.new" "$to"
done

[ -d "$root/etc/leadsync/connectors.d" ] || install -d -m 0755 "$root/etc/leadsync" "$root/etc/leadsync/connectors.d"
[ -d "$root/etc/leadsync/credentials" ] || install -d -m 0700 "$root/etc/leadsync/credentials"
if [ ! -e "$root/etc/leadsync/leadsync.toml" ]; then
  install -m 0644 "$here/share/leadsync/leadsync.toml" "$root/etc/leadsync/leadsync.toml"
fi

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart leadsync.service
fi
echo "leadsync is installed in $root$prefix; its configuration is in $root/etc/leadsync"
