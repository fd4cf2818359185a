// Dials faults with a real js-libp2p client and prints what it says, one NDJSON line a target.
// stdin: a JSON array of {name, addr, deny?, protocol?, timeout?}; stdout: {name, text, inspect}.
import { inspect } from 'node:util'
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { createLibp2p } from 'libp2p'
import { multiaddr } from '@multiformats/multiaddr'

async function input () {
  let text = ''
  for await (const chunk of process.stdin) { text += chunk }
  return JSON.parse(text)
}

async function dial (target) {
  const options = {
    addresses: { listen: [] },
    transports: [tcp(), webSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  }
  if (target.deny) { options.connectionGater = { denyDialMultiaddr: () => true } }
  const node = await createLibp2p(options)
  try {
    const signal = AbortSignal.timeout(target.timeout ?? 8000)
    const address = multiaddr(target.addr)
    if (target.protocol != null) {
      await node.dialProtocol(address, target.protocol, { signal })
    } else {
      await node.dial(address, { signal })
    }
    return 'no error'
  } catch (err) {
    return err
  } finally {
    await node.stop()
  }
}

const results = await Promise.all((await input()).map(async target => {
  let err
  try { err = await dial(target) } catch (thrown) { err = thrown }
  return { name: target.name, text: String(err), inspect: inspect(err) }
}))
for (const result of results) { process.stdout.write(JSON.stringify(result) + '\n') }
process.exit(0)
