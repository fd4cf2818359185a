// Reads keygen's JSON, one key a line on stdin, with peer-id (js-libp2p's old package) and with @libp2p/crypto and
// @libp2p/peer-id (the current ones); prints per line what each of them says.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { privateKeyFromProtobuf, publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'

const OldPeerId = createRequire(import.meta.url)('peer-id')
const prefix = Buffer.from('libp2p-key signed message:')

for await (const line of createInterface({ input: process.stdin })) {
  const json = JSON.parse(line)
  const answer = { type: json.type }
  try {
    const old = await OldPeerId.createFromJSON(json)
    answer.old_id = old.toB58String()
    answer.old_private = old.toJSON().privKey === json.privKey
  } catch (err) {
    answer.old_error = err.message
  }
  try {
    const key = privateKeyFromProtobuf(Buffer.from(json.privKey, 'base64'))
    const pub = publicKeyFromProtobuf(Buffer.from(json.pubKey, 'base64'))
    answer.new_id = peerIdFromPrivateKey(key).toString()
    answer.same_public = key.publicKey.equals(pub)
    const sig = await key.sign(Buffer.concat([prefix, Buffer.from('from js')]))
    answer.signature = Buffer.from(sig).toString('base64')
    if (json.signature) {
      answer.verified = await pub.verify(Buffer.concat([prefix, Buffer.from('from go')]), Buffer.from(json.signature, 'base64'))
    }
  } catch (err) {
    answer.new_error = err.message
  }
  console.log(JSON.stringify(answer))
}
