// One issuer: oidc-provider with the firm's people, whose keys can be changed while it runs.

import { Provider, errors, interactionPolicy } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';

import { makeKey } from './keys.mjs';

export class Issuer {
  constructor(name, url, settings) {
    Object.assign(this, { name, url, settings });
    this.alg = settings.algorithms[0];
    this.keys = settings.algorithms.map((alg) => makeKey(alg));
    // What must outlive a change of keys.
    this.adapter = createMemoryAdapter();
    this.cookieKeys = [makeKey('EdDSA').d];
    this.calls = {};
    this.outage = null;
    this.rebuild();
  }

  /** Makes a new signing key the first; the old ones stay published unless `retire`. */
  rotate({ alg = this.alg, kid, retire = false } = {}) {
    const key = makeKey(alg, kid);
    this.keys = retire ? [key] : [key, ...this.keys];
    this.alg = alg;
    this.rebuild();
    return { kid: key.kid, alg };
  }

  /** Answers a device code as the person at the screen would. */
  async answerDevice(userCode, user) {
    const { DeviceCode, Grant } = this.provider;
    const code = await DeviceCode.findByUserCode(userCode.toUpperCase().replace(/\W/g, ''));
    if (!code) return false;
    if (!user) {
      Object.assign(code, { error: 'access_denied', errorDescription: 'the person said no' });
    } else {
      const grant = new Grant({ accountId: user, clientId: code.clientId });
      const { scope = 'openid', resource } = code.params;
      this.#allow(grant, scope, resource ?? this.settings.resources[0]);
      Object.assign(code, {
        accountId: user,
        grantId: await grant.save(),
        authTime: Math.floor(Date.now() / 1000),
        claims: {},
        scope,
        resource: resource ?? this.settings.resources[0],
      });
    }
    await code.save();
    return true;
  }

  rebuild() {
    this.provider = new Provider(this.url, this.#configuration());
    // Behind nothing: the cookies and URLs are those of the plain loopback address.
    this.provider.on('server_error', (_ctx, error) => console.error(error));
    this.callback = this.provider.callback();
  }

  #allow(grant, scope, resource) {
    grant.addOIDCScope(scope);
    for (const one of [resource].flat()) grant.addResourceScope(one, scope);
    return grant;
  }

  #configuration() {
    const { settings } = this;
    return {
      adapter: this.adapter,
      clients: [...settings.clients, ...settings.moreClients],
      jwks: { keys: this.keys },
      cookies: { keys: this.cookieKeys },
      scopes: ['openid', 'offline_access', 'profile', 'api'],
      claims: { openid: ['sub'], profile: ['name', settings.rolesClaim] },
      clientBasedCORS: () => true,
      pkce: { required: () => true },
      responseTypes: ['code'],
      rotateRefreshToken: true,
      issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
      expiresWithSession: () => false,
      ttl: {
        AccessToken: settings.accessTokenSeconds,
        ClientCredentials: settings.accessTokenSeconds,
        DeviceCode: settings.deviceCodeSeconds,
        RefreshToken: settings.refreshTokenSeconds,
        AuthorizationCode: 60,
        IdToken: settings.accessTokenSeconds,
        Grant: 14 * 24 * 3600,
        Interaction: 600,
        Session: 14 * 24 * 3600,
      },
      findAccount: (_ctx, id) => ({
        accountId: id,
        claims: () => ({ sub: id, ...this.#claimsOf(settings.users[id]) }),
      }),
      // Everything asked for is granted: there is no consent page.
      loadExistingGrant: async (ctx) => {
        const { oidc } = ctx;
        const grant = new oidc.provider.Grant({
          accountId: oidc.session.accountId,
          clientId: oidc.client.clientId,
        });
        const resource = oidc.params.resource ?? settings.resources[0];
        await this.#allow(grant, oidc.params.scope ?? 'openid', resource).save();
        return grant;
      },
      interactions: {
        policy: withoutConsent(),
        url: (_ctx, interaction) => `${this.url}/interaction/${interaction.uid}`,
      },
      extraTokenClaims: (_ctx, token) =>
        token.accountId
          ? this.#claimsOf(settings.users[token.accountId])
          : { [settings.rolesClaim]: settings.serviceRoles[token.clientId] ?? [] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        deviceFlow: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        revocation: { enabled: true, allowedPolicy: () => true },
        resourceIndicators: {
          enabled: true,
          defaultResource: (_ctx, _client, oneOf) => oneOf?.[0] ?? settings.resources[0],
          useGrantedResource: () => true,
          getResourceServerInfo: (_ctx, resource) => {
            if (!settings.resources.includes(resource)) throw new errors.InvalidTarget();
            return {
              audience: resource,
              scope: 'openid profile offline_access api',
              accessTokenFormat: 'jwt',
              accessTokenTTL: settings.accessTokenSeconds,
              jwt: { sign: { alg: this.alg } },
            };
          },
        },
      },
    };
  }

  #claimsOf(user) {
    return { name: user?.name, [this.settings.rolesClaim]: user?.roles ?? [] };
  }
}

function withoutConsent() {
  const policy = interactionPolicy.base();
  policy.remove('consent');
  return policy;
}
