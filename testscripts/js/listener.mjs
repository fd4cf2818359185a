// Starts one js-libp2p node, prints one JSON line {id, addrs}, and lives until stdin ends.
// argv[2]: JSON {listen: [multiaddr], psk?: swarm key text, security?: 'noise'|'plaintext', muxer?: 'yamux'|'mplex'}.
import { noise } from '@libp2p/noise'
import { plaintext } from '@libp2p/plaintext'
import { yamux } from '@libp2p/yamux'
import { mplex } from '@libp2p/mplex'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { webRTCDirect } from '@libp2p/webrtc'
import { preSharedKey } from '@libp2p/pnet'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { createLibp2p } from 'libp2p'

const want = JSON.parse(process.argv[2])
const transports = [tcp(), webSockets()]
if (want.listen.some(a => a.includes('/webrtc-direct'))) { transports.push(webRTCDirect()) }
const options = {
  addresses: { listen: want.listen },
  transports,
  connectionEncrypters: [want.security === 'plaintext' ? plaintext() : noise()],
  streamMuxers: [want.muxer === 'mplex' ? mplex() : yamux()],
  // the default, five connections a second from one address, is for strangers: tests come oftener
  connectionManager: { inboundConnectionThreshold: 10000 },
  services: { identify: identify(), ping: ping() }
}
if (want.psk != null) { options.connectionProtector = preSharedKey({ psk: new TextEncoder().encode(want.psk) }) }

const node = await createLibp2p(options)
process.stdout.write(JSON.stringify({ id: node.peerId.toString(), addrs: node.getMultiaddrs().map(String) }) + '\n')
for await (const _ of process.stdin) { /* until the test closes it */ }
await node.stop()
process.exit(0)
