// A real OpenID provider for tests: node provider.mjs ISSUER CERT KEY SETTINGS.
// It listens on the issuer's port over HTTPS. SETTINGS is JSON: the client's id and
// redirect URI, the resource (audience) its access tokens are for, and the claims of
// each account. Everybody can log in, with any password.
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { Provider } from 'oidc-provider'

const [issuer, certFile, keyFile, settings] = process.argv.slice(2)
const { client, redirect, resource, accounts } = JSON.parse(settings)

const key = (type, options) => generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' })

const provider = new Provider(issuer, {
  clients: [{
    client_id: client,
    redirect_uris: [redirect],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none'
  }],
  clientBasedCORS: () => false,
  cookies: { keys: ['of a test'] },
  extraTokenClaims: (_, token) => accounts[token.accountId],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'api', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } })
    }
  },
  // ID tokens are signed with the first, access tokens with the second.
  jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' })] }
})

createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, provider.callback())
  .listen(new URL(issuer).port, '127.0.0.1', () => console.log('listening'))
