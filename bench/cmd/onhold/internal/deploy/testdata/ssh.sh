#!/bin/sh
# Agents of onhold v1.2.3 on 2 machines, for onhold run --agents 2. The address of the bus,
# with its token, comes from ONHOLD_BUS: it is on no command line. Each agent ends with its first
# run, or after 30m0s without one.
: "${ONHOLD_BUS:?set it to the address of the bus}"
agent() { # HOST NAME
  printf '%s\n' "$ONHOLD_BUS" | ssh -o BatchMode=yes "$1" \
    onhold agent --bus - --once --idle 30m0s --name "$2" \
    '--allow='\''http://10.0.0.0/8'\''' \
    '--allow='\''https://shop.example:8443'\''' \
    --bus-ca .onhold/ca.pem --bus-cert .onhold/agent.pem --bus-key .onhold/agent.key
}
agent a.example a-example &
agent joe@b.example b-example &
wait
