#!/usr/bin/env bash
# answers.sh memcached HOST PORT | http HOST PORT PATH: exit 0 if this part of the lab answers, else 1, within two seconds.
set -euo pipefail

case $1 in
  memcached) request=$'version\r\n' expected='VERSION *' ;;
  http) request="GET $4 HTTP/1.0"$'\r\nHost: lab\r\n\r\n' expected='HTTP/1.? 200*' ;;
  *) echo "error: unknown protocol '$1'" >&2; exit 2 ;;
esac
{ exec 3<>"/dev/tcp/$2/$3"; } 2>/dev/null || exit 1
printf %s "$request" >&3
IFS= read -r -t 2 reply <&3 || exit 1
# shellcheck disable=SC2053 # the right side is a pattern
[[ $reply == $expected ]]
