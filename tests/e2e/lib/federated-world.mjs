// Two homeservers that federate, over TLS by an authority of the case's own, and a focus for the first or for
// both. Their names are addresses with ports, so that nothing needs DNS.
import { appserviceFor } from './appservice.mjs';
import { Skip } from './expect.mjs';
import { focusKind, matrixConfig } from './matrix-focus.mjs';
import { freePorts } from './service.mjs';
import { Synapse, synapsePorts } from './synapse.mjs';
import { TestCa } from './test-ca.mjs';
import { merge, toYaml } from './yaml.mjs';

export class FederatedWorld {
  // `near` and `far` are {name, synapse, focus, config, plan}; with `bothFoci` both have a focus, to which they
  // forward their routes rtc/livekit. `focusConfig` is merged into the near one's.
  static async start(t, { bothFoci = false, focusConfig = {} } = {}) {
    if (focusKind !== 'fovea') throw new Skip('only Fovea is told about restricted homeservers here');
    const world = new FederatedWorld();
    Object.assign(world, { t, ca: new TestCa() });
    const tls = world.ca.issue('127.0.0.1');
    [world.near, world.far] = await Promise.all([
      world.#side(tls, true, focusConfig), world.#side(tls, bothFoci, {})]);
    t.step(`${world.near.name} and ${world.far.name} federate`);
    return world;
  }

  async #side(tls, withFocus, focusConfig) {
    const { t, ca } = this;
    const ports = await synapsePorts();
    const name = `127.0.0.1:${ports.tls}`;
    const side = { name };
    if (withFocus) {
      const [http] = await freePorts(1);
      const serviceUrl = `http://127.0.0.1:${http}`;
      const appservice = appserviceFor(name, serviceUrl, { proxied: true });
      side.plan = { serverName: name, serviceUrl, http, appservice };
    }
    const start = [Synapse.start({
      name, ports, withTls: tls, focusUrl: side.plan?.serviceUrl, appservice: side.plan?.appservice,
      more: toYaml({ federation_custom_ca_list: [ca.file], ip_range_blacklist: [] }),
    })];
    if (withFocus) {
      const federation = { allow_networks: ['127.0.0.0/8'], ca_file: ca.file };
      side.config = merge(matrixConfig(side.plan, `http://127.0.0.1:${ports.http}`), { federation });
      side.config = merge(side.config, focusConfig);
      start.push(t.focus({ config: side.config }));
    }
    [side.synapse, side.focus] = await Promise.all(start);
    t.watch(side.synapse);
    return side;
  }

  // A room of `host`'s server that the others have joined, wherever they live.
  async roomOf(host, ...others) {
    const room = await host.createRoom({ encrypted: false, name: 'A call of two homeservers' });
    for (const user of others) {
      await host.invite(room, user);
      await user.join(room);
    }
    return room;
  }
}
