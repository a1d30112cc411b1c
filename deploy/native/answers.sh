#!/usr/bin/env bash
# answers.sh memcached ADDRESS | http ADDRESS PATH: exit 0 if this part of the lab answers, else 1, within two seconds.
set -euo pipefail

kind=$1 host=${2%:*} port=${2##*:}
case $kind in
  memcached) request=$'version\r\n' expected='VERSION *' ;;
  http) request="GET $3 HTTP/1.0"$'\r\nHost: lab\r\n\r\n' expected='HTTP/1.? 200*' ;;
  *) echo "error: unknown protocol '$kind'" >&2; exit 2 ;;
esac
{ exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || exit 1
printf %s "$request" >&3
IFS= read -r -t 2 reply <&3 || exit 1
# shellcheck disable=SC2053 # the right side is a pattern
[[ $reply == $expected ]]
