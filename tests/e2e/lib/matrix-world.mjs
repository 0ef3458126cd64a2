// Synapse, a focus, accounts and a room: where every Matrix case begins.
import { focusKind, planFocus, startFocus } from './matrix-focus.mjs';
import { Synapse, synapsePorts } from './synapse.mjs';
import { token } from './tokens.mjs';
import { merge } from './yaml.mjs';

export class MatrixWorld {
  // `people` are localparts; the first makes the room and may kick. `focusConfig` is merged in. For `proxied`
  // (the registration is then what `fovea registration` prints) and `deviceLists` see appserviceFor. With
  // `wellKnown`, that is the URL where the focus serves the document. With `bySync` the focus is no application
  // service: it reads /sync as the user "watcher", who is in the room. For `hurried` see Synapse.
  static async start(t, {
    people = ['alice', 'bob'], encrypted = true, focusConfig = {}, proxied, deviceLists, wellKnown = false,
    bySync = false, hurried = false,
  } = {}) {
    const world = new MatrixWorld();
    const ports = await synapsePorts();
    const plan = await planFocus(ports, { proxied, deviceLists });
    const homeserver = `http://127.0.0.1:${ports.http}`;
    const startSynapse = () => Synapse.start({
      name: plan.serverName, ports, focusUrl: plan.serviceUrl, appservice: bySync ? undefined : plan.registration,
      withTls: focusKind !== 'fovea', hurried,
    });
    const served = wellKnown ? { homeserver: { well_known_base_url: homeserver } } : {};
    const start = (more) => startFocus(t, plan, homeserver, merge(merge(served, more), focusConfig));
    const [focus, synapse, watcher] = bySync
      ? await MatrixWorld.#readBySync(startSynapse, start) : await Promise.all([start({}), startSynapse()]);
    t.watch(synapse);
    Object.assign(world, { t, plan, focus, synapse, serviceUrl: plan.serviceUrl, evicts: plan.evicts });
    if (wellKnown) world.wellKnown = world.#wellKnown(homeserver);
    world.users = Object.fromEntries(await Promise.all(
      people.map(async (name) => [name, await synapse.register(name)])));
    if (watcher) world.users.watcher = watcher;
    world.room = await world.#roomFor(Object.keys(world.users), encrypted);
    t.step(`Synapse ${synapse.name} with ${people.join(', ')} in a room; focus: ${focusKind}`);
    return world;
  }

  // The account has to be there before the focus that is given its token.
  static async #readBySync(startSynapse, startReader) {
    const synapse = await startSynapse();
    const watcher = await synapse.register('watcher');
    const account = { homeserver: { access_token: watcher.token }, appservice: { as_token: '', hs_token: '' } };
    return [await startReader(account), synapse, watcher];
  }

  // What Fovea knows of the room's call.
  async callFacts() {
    const bearer = token({ identity: 'dashboard', video: { roomList: true } });
    const answer = await fetch(`${this.serviceUrl}/fovea/v1/calls/${encodeURIComponent(this.room)}`, {
      headers: { authorization: `Bearer ${bearer}` },
    });
    return (await answer.json()).calls[0];
  }

  // The reference service has no such document: there it is a file of the operator's.
  #wellKnown(homeserver) {
    if (focusKind === 'fovea') return `${this.serviceUrl}/.well-known/matrix/client`;
    return `data:application/json,${encodeURIComponent(JSON.stringify({
      'm.homeserver': { base_url: homeserver },
      'org.matrix.msc4143.rtc_foci': [{ type: 'livekit', livekit_service_url: this.serviceUrl }],
    }))}`;
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
