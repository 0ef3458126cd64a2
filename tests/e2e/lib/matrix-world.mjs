// Synapse, a focus, accounts and a room: where every Matrix case begins.
import { focusKind, planFocus, startFocus } from './matrix-focus.mjs';
import { Synapse, synapsePorts } from './synapse.mjs';

export class MatrixWorld {
  // `people` are localparts; the first makes the room and may kick. `focusConfig` is merged in. For `proxied`
  // and `deviceLists` see appserviceFor.
  static async start(t, {
    people = ['alice', 'bob'], encrypted = true, focusConfig, proxied, deviceLists,
  } = {}) {
    const world = new MatrixWorld();
    const ports = await synapsePorts();
    const plan = await planFocus(ports, { proxied, deviceLists });
    const homeserver = `http://127.0.0.1:${ports.http}`;
    const [focus, synapse] = await Promise.all([
      startFocus(t, plan, homeserver, focusConfig),
      Synapse.start({
        name: plan.serverName, ports, focusUrl: plan.serviceUrl, appservice: plan.appservice,
        withTls: focusKind !== 'fovea',
      }),
    ]);
    t.watch(synapse);
    Object.assign(world, { t, plan, focus, synapse, serviceUrl: plan.serviceUrl, evicts: plan.evicts });
    world.users = Object.fromEntries(await Promise.all(
      people.map(async (name) => [name, await synapse.register(name)])));
    world.room = await world.#roomFor(people, encrypted);
    t.step(`Synapse ${synapse.name} with ${people.join(', ')} in a room; focus: ${focusKind}`);
    return world;
  }

  async #roomFor([first, ...others], encrypted) {
    const host = this.users[first];
    const room = await host.createRoom({ encrypted, name: 'A call' });
    for (const name of others) {
      await host.invite(room, this.users[name]);
      await this.users[name].join(room);
    }
    return room;
  }
}
