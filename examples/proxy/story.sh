#!/bin/sh
# One TFTP address for the phones of two clusters, played on loopback: a pure proxy on 127.0.1.1, cluster A (nonsecure) on
# 127.0.2.1, cluster B (mixed) on 127.0.3.1, and one phone of each that keeps what it learns. See README.md beside this.
#
#   sh examples/proxy/story.sh [FOLDER]          FOLDER (default: var/proxy) must be new or empty
#
# Ports: TFTP_PORT (6969), HTTP_PORT (6970), TVS_PORT (2445). The command: TFTP_PKI (default: npx tftp-pki).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-var/proxy}
tftp=${TFTP_PORT:-6969} http=${HTTP_PORT:-6970} tvs=${TVS_PORT:-2445}
phone_a=SEP0011223344A1 phone_b=SEP0011223344B1
mkdir -p "$work"
servers=
trap 'for one in $servers; do kill "$one" 2>/dev/null || :; done; wait' EXIT
trap 'exit 1' INT TERM

pki() { ${TFTP_PKI:-npx tftp-pki} "$@"; }
say() { printf '\n== %s\n' "$*"; }
address() { case $1 in proxy) echo 127.0.1.1 ;; a) echo 127.0.2.1 ;; b) echo 127.0.3.1 ;; esac; }

cluster() { # NAME MODE
  pki init --cluster "$1" --node "cucm-$1.example" --mode "$2" --files "$here/files/$1" --data "$work/$1"
}
start() { # NAME
  at=$(address "$1")
  ${TFTP_PKI:-npx tftp-pki} serve --tftp "$at:$tftp" --http "$at:$http" --tvs "$at:$tvs" --data "$work/$1" \
    >"$work/$1.log" 2>&1 &
  servers="$servers $!"
  until pki get "$at:$http" ITLFile.tlv --http -o "$work/up.tlv" >/dev/null 2>&1; do
    kill -0 $! || { cat "$work/$1.log" >&2; exit 1; }
    sleep 0.3
  done
}
boot() { # PHONE HOME SERVER [http]: from an address of its own a phone asks SERVER, and the TVS of its home when it must
  home=$(address "$2") server=$(address "$3")
  pki boot-phone "$1" --server "$server:$tftp" ${4:+--http "$server:$http"} --tvs "$home:$tvs" \
    --from "${home%.1}.10" --state "$work/phones"
}
fingerprint() { # NAME: of its ITLRecovery, which an administrator reads from the cluster's own show-itl
  pki list-certs --json --data "$work/$1" |
    node -e 'let t="";process.stdin.on("data",(d)=>t+=d).on("end",()=>{const c=JSON.parse(t);console.log((c.certificates??c).find((x)=>x.purpose==="itlrecovery").fingerprint)})'
}

say 'Three clusters; the proxy has nothing but a ring list'
cluster proxy nonsecure
cluster a nonsecure
cluster b mixed
for name in proxy a b; do start "$name"; done

say 'Two phones boot at home and learn whom to believe'
boot $phone_a a a http
boot $phone_b b b

say 'The old way: they are sent to the proxy, which answers by itself. Both refuse'
if boot $phone_a a proxy; then exit 1; fi
if boot $phone_b b proxy http; then exit 1; fi

say 'Home first: the proxy is told of both clusters. On A and B nothing changes'
pki add-cluster a --tftp "127.0.2.1:$tftp" --http "127.0.2.1:$http" --tvs "127.0.2.1:$tvs" \
  --pin "SHA256:$(fingerprint a)" --data "$work/proxy"
pki add-cluster b --tftp "127.0.3.1:$tftp" --http "127.0.3.1:$http" --tvs "127.0.3.1:$tvs" --secure \
  --pin "SHA256:$(fingerprint b)" --data "$work/proxy"
for name in a b; do pki probe-cluster $name --data "$work/proxy"; done

say 'The same phones at the same proxy: all they need is their own cluster'"'"'s, and accepted'
boot $phone_a a proxy
boot $phone_b b proxy http

say 'The proxy'"'"'s certificate is trusted on A and B: its own ring list becomes acceptable'
pki export-cert callmanager -o "$work/proxy.pem" --data "$work/proxy"
for name in a b; do
  pki trust-cert "$work/proxy.pem" --store callmanager-trust --yes --data "$work/$name"
done
for name in a b; do
  until pki probe-cluster $name --data "$work/proxy" | tee "$work/probe.txt" | grep -q 'will accept'; do sleep 0.5; done
  cat "$work/probe.txt"
done
boot $phone_a a proxy http | tee "$work/phone-a.txt"
boot $phone_b b proxy | tee "$work/phone-b.txt"
for name in a b; do grep -q '^Ringlist.xml.sgn *accepted' "$work/phone-$name.txt"; done

say 'Why a file comes from where it comes'
pki explain $phone_a Ringlist.xml.sgn --data "$work/proxy"
say 'Done'
