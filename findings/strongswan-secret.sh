#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# strongSwan 6.0.1, IKEv2, whose pre-shared key is changed while the SAs are up
#
# Expected: after "swanctl --load-creds" and "--load-conns" with another secret, the next rekeying fails if the
# far end has the old secret, and a request to authenticate again reports the failure.
#
# Actual: the SAs stay up, and rekeying of the IKE SA and of the child SA succeeds, since neither authenticates.
# "--initiate" reports a duplicate. "--rekey --ike c --reauth" prints "rekey completed successfully" with exit
# status 0 at once. Then the far end refuses the new secret, and the old SAs stay. Only "--terminate" and
# "--initiate" show that the secrets differ.
#
# Why it matters: a mistyped secret is noticed at the next restart, perhaps weeks later. A secret that was
# changed because it had leaked isn't in use yet. ipipctl terminates and initiates when a secret changes
# (tests/61_ipsec.sh).

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 strongswan-swanctl=6.0.1-6+deb13u7 charon-systemd \
	libstrongswan-standard-plugins iproute2=6.15.0-1 grep sed kmod busybox-static mount

{ strongswan_hosts 2; cat <<'END'; } | boot 200
echo "== initiate"
sw a --initiate --child c
sed -i 's/"one"/"two"/' /tmp/a/swanctl/swanctl.conf
echo "== change"
sw a --load-creds
sw a --load-conns
echo "== again"
sw a --initiate --child c
echo "== rekey ike"
sw a --rekey --ike c
sleep 1
echo "== rekey child"
sw a --rekey --child c
# Wait until the old child SA is deleted, which would delay the next step.
sleep 8
echo "== reauth"
sw a --rekey --ike c --reauth
sleep 6
echo "== SAs"
sw a --list-sas
echo "== log"
grep -E 'AUTH_FAILED|establish.*fail|tried ' /tmp/a/log /tmp/b/log
echo "== anew"
sw a --terminate --ike c
sw a --initiate --child c
echo "== end"
END
observe "both have the same secret" part initiate
has "it is up" 'status 0'
observe "a gets another secret" part change
same "swanctl accepts it twice" "$(grep -c 'status 0' "$seen")" 2
observe "--initiate" part again
has "a duplicate is reported" 'existing duplicate'
observe "--rekey --ike c" part "rekey ike"
has "rekeying of the IKE SA succeeds" 'rekey completed successfully'
observe "--rekey --child c" part "rekey child"
has "rekeying of the child SA succeeds" 'rekey completed successfully'
observe "--rekey --ike c --reauth" part reauth
has "it reports success" 'rekey completed successfully' 'status 0'
observe "the logs" part log
has "the far end has refused it" AUTH_FAILED
observe "--list-sas" part SAs
has "the SAs stay" 'ESTABLISHED, IKEv2' 'INSTALLED, TRANSPORT'
observe "--terminate, --initiate" part anew
has "it fails" 'initiate failed' AUTH_FAILED
finish
