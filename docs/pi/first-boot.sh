#!/bin/sh
# Makes this device a part of a Peerceptron room, for good. Run it once, as root; it may be run again.
# The room link stands in peerceptron-link.txt on the boot partition, and is gone from there afterwards.
set -eu

say() { echo "peerceptron: $*"; }
fail() { say "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail 'run this as root: sudo sh first-boot.sh'
[ "$(getconf LONG_BIT)" = 64 ] || fail 'this is a 32-bit system; write the 64-bit edition of Raspberry Pi OS to the card'

link=''
for file in "${PEERCEPTRON_BOOT:-/boot/firmware}/peerceptron-link.txt" /boot/peerceptron-link.txt; do
  if [ -f "$file" ]; then link=$file; break; fi
done
if [ -z "$link" ]; then
  [ -f /etc/peerceptron/room-link ] || fail 'put the room link in peerceptron-link.txt on the boot partition'
  say 'no new link: the service keeps the one that it has'
fi

if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
  say 'installing Node.js'
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends nodejs npm
fi
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js $(node --version) is too old: install 20.19 or newer from https://nodejs.org, and run this again"

say 'installing Peerceptron'
npm install --global --no-audit --no-fund "${PEERCEPTRON_PACKAGE:-peerceptron}"

secret=$(mktemp)
trap 'rm -f "$secret"' EXIT
cat "${link:-/etc/peerceptron/room-link}" > "$secret"
set --
if [ -f /etc/peerceptron/peer.json ]; then set -- --config /etc/peerceptron/peer.json; fi
peerceptron service install --url-file "$secret" "$@"
if [ -n "$link" ]; then
  # Every computer that the card is put into can read that partition.
  shred -u "$link" 2> /dev/null || rm -f "$link"
fi
say 'this device is in the room whenever it runs'
